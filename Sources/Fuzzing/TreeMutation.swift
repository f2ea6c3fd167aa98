import JSON

extension Mutation {
  /// A copy of a JSON text in which one to three values were changed, so that it stays JSON and the checks
  /// behind the parser are reached; the text as it is where it is none.
  mutating func damageTree(of bytes: [UInt8]) -> [UInt8] {
    guard var value = try? JSONValue(parsing: bytes) else { return bytes }
    for _ in 0...number(below: 3) { value = damage(value) }
    return Array(value.pythonText.utf8)
  }

  /// Changes the value itself, or goes down into one of its elements.
  private mutating func damage(_ value: JSONValue) -> JSONValue {
    switch value {
    case .array(var elements) where !elements.isEmpty:
      let place = number(below: elements.count)
      switch number(below: 8) {
      case 0: elements.remove(at: place)
      case 1: elements.insert(elements[place], at: number(below: elements.count))
      case 2: return replacement
      default: elements[place] = damage(elements[place])
      }
      return .array(elements)
    case .object(let object) where !object.members.isEmpty:
      var members = object.members
      let place = number(below: members.count)
      switch number(below: 8) {
      case 0: members.remove(at: place)
      case 1: members[place] = JSONObject.Member(members[number(below: members.count)].key + "x", members[place].value)
      case 2: return replacement
      default: members[place] = JSONObject.Member(members[place].key, damage(members[place].value))
      }
      return .object(JSONObject(members))
    default: return replacement
    }
  }

  private var replacement: JSONValue {
    mutating get {
      let texts = [
        "null", "true", "false", "0", "1", "-1", "2", "3", "4", "64", "128", "129280", "1048576", "9223372036854775807",
        "1e400", "0.5", "[]", "{}", "\"\"", "\"x\"", "\"fp4\"", "\"fp8\"", "\"BF16\"", "\"tool\"", "[0]", "[1, 2]",
        "{\"type\": \"text\", \"text\": \"t\"}", "[[\"a\", \"b\"]]", "\"\\ud83d\\ude00\"", "\"a b\"",
      ]
      return try! JSONValue(parsing: texts[number(below: texts.count)])
    }
  }
}
