import JSON
import Testing

@Suite struct JSONTests {
  @Test func aTreeKeepsOrderAndLiterals() throws {
    let value = try JSONValue(
      parsing: #" {"b": [1, -2.50, 1e-6, true, null], "a": {"": "x\n\u00e9\ud83d\ude00\/"}, "é": 3} "#)
    let object = try #require(value.object)
    #expect(object.members.map(\.key) == ["b", "a", "é"])
    let numbers = try #require(object["b"]?.array)
    #expect(numbers[0].number?.integer == 1)
    #expect(numbers[1].number?.literal == "-2.50")
    #expect(numbers[1].number?.integer == nil)
    #expect(numbers[2].number?.double == 1e-6)
    #expect(numbers[3].bool == true)
    #expect(numbers[4] == .null)
    #expect(object["a"]?.object?[""]?.string == "x\né😀/")
    #expect(object["c"] == nil)
  }

  @Test func keysThatDifferInBytesDiffer() throws {
    // The same letter as one scalar and as two: equal as Swift strings, two keys in JSON.
    let object = try #require(try JSONValue(parsing: "{\"\u{E9}\": 1, \"e\u{301}\": 2}").object)
    #expect(object["\u{E9}"]?.number?.integer == 1)
    #expect(object["e\u{301}"]?.number?.integer == 2)
  }

  @Test func aReaderStreams() throws {
    var reader = JSONReader(Array(#"{"sizes": [3, 4], "skipped": {"x": [[], "]"]}, "name": "n"}"#.utf8))
    var sizes: [Int] = []
    var name = ""
    try reader.object { reader, key in
      switch key {
      case "sizes": try reader.array { reader, _ in sizes.append(try reader.integer()) }
      case "name": name = try reader.string()
      default: try reader.skip()
      }
    }
    try reader.end()
    #expect(sizes == [3, 4])
    #expect(name == "n")
  }

  @Test func nestingUpToTheLimit() throws {
    let deepest = JSONReader.deepest
    let text = String(repeating: "[", count: deepest) + String(repeating: "]", count: deepest)
    #expect(throws: Never.self) { try JSONValue(parsing: text) }
  }

  /// Literals and what Python 3 prints for `json.dumps(json.loads(literal))`.
  @Test(arguments: [
    ("0", "0"), ("-0", "0"), ("123456789012345678901234567890", "123456789012345678901234567890"),
    ("1.0", "1.0"), ("-0.0", "-0.0"), ("0.1", "0.1"), ("1e5", "100000.0"), ("1E-5", "1e-05"),
    ("0.0001", "0.0001"), ("1e15", "1000000000000000.0"), ("1e16", "1e+16"), ("123456.789e3", "123456789.0"),
    ("1.5e300", "1.5e+300"), ("5e-324", "5e-324"), ("9007199254740993.0", "9007199254740992.0"),
    ("12345678901234567.0", "1.2345678901234568e+16"), ("1e400", "Infinity"),
  ])
  func numbersAsPythonWritesThem(literal: String, expected: String) throws {
    #expect(try JSONValue(parsing: literal).pythonText == expected)
  }

  @Test func textAsPythonWritesIt() throws {
    let text = #"{"z":[1,2,{"k":null}],"a":"é\u0001\t\"\\\/\u007f中","e":[],"o":{}}"#
    #expect(
      try JSONValue(parsing: text).pythonText
        == "{\"z\": [1, 2, {\"k\": null}], \"a\": \"é\\u0001\\t\\\"\\\\/\u{7F}中\", \"e\": [], \"o\": {}}")
  }
}
