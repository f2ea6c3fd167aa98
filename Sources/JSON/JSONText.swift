/// JSON written as Python's `json.dumps(value, ensure_ascii=False)` does: a space after `,` and `:`, only
/// quotes, backslashes and control characters escaped, floats in their shortest form.
///
/// Prompts of DeepSeek models hold tool descriptions in exactly this form.
extension JSONValue {
  public var pythonText: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let number): number.pythonText
    case .string(let text): text.jsonLiteral
    case .array(let elements): "[\(elements.map(\.pythonText).joined(separator: ", "))]"
    case .object(let object):
      "{\(object.members.map { "\($0.key.jsonLiteral): \($0.value.pythonText)" }.joined(separator: ", "))}"
    }
  }
}

extension String {
  /// The text as a message shows it, whatever a stranger's file holds: cut to so many characters, control
  /// characters escaped, on one line.
  public func shown(atMost limit: Int = 400) -> String {
    let isPlain = utf8.count <= limit && !utf8.contains { $0 < 0x20 || $0 == 0x7F }
    if isPlain { return self }
    let isCut = unicodeScalars.count > limit
    let escaped = String(String.UnicodeScalarView(unicodeScalars.prefix(limit))).jsonLiteral.dropFirst().dropLast()
    return escaped.replacing("\\\"", with: "\"").replacing("\\\\", with: "\\") + (isCut ? "…" : "")
  }

  /// The text as a JSON string, quotes included.
  public var jsonLiteral: String {
    var result = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{08}": result += "\\b"
      case "\u{0C}": result += "\\f"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

extension JSONNumber {
  /// An integer of any length in full; another number as the `repr` of the nearest double.
  var pythonText: String {
    if isInteger { return literal == "-0" ? "0" : literal }
    return double.pythonText
  }
}

extension Double {
  /// Python's `repr`: the shortest digits that give the value back, an exponent below 1e-4 and from 1e16 on.
  fileprivate var pythonText: String {
    guard isFinite else { return isNaN ? "NaN" : self < 0 ? "-Infinity" : "Infinity" }
    // Swift's description has the same shortest digits under another rule for the exponent.
    let sign = self.sign == .minus ? "-" : ""
    let parts = magnitude.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".")
    var digits = String(mantissa[0]) + (mantissa.count > 1 ? String(mantissa[1]) : "")
    // The value is 0.DIGITS * 10^point.
    var point = mantissa[0].count + (parts.count > 1 ? Int(parts[1])! : 0)
    let zeros = digits.prefix { $0 == "0" }.count
    digits.removeFirst(zeros)
    point -= zeros
    while digits.last == "0" { digits.removeLast() }
    if digits.isEmpty { return sign + "0.0" }
    let exponent = point - 1
    if exponent < -4 || exponent >= 16 {
      let fraction = digits.count > 1 ? "." + digits.dropFirst() : ""
      let size = "\(exponent.magnitude)"
      return sign + digits.prefix(1) + fraction + "e" + (exponent < 0 ? "-" : "+")
        + (size.count < 2 ? "0" : "") + size
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if digits.count <= point {
      return sign + digits + String(repeating: "0", count: point - digits.count) + ".0"
    }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }
}
