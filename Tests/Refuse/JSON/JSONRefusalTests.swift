import JSON
import Testing

@Suite struct JSONRefusalTests {
  @Test(arguments: [
    ("", "line 1, column 1: a value expected, the end found"),
    ("{\"a\": 1,}", "line 1, column 9: a string expected, '}' found"),
    ("[1, 2", "line 1, column 6: ',' or ']' expected, the end found"),
    ("[1 2]", "line 1, column 4: ',' or ']' expected, '2' found"),
    ("[1]\n]", "line 2, column 1: the end expected, ']' found"),
    ("{\"a\": 1, \"b\": 2, \"a\": 3}", "line 1, column 18: the key \"a\" stands twice in one object"),
    ("01", "line 1, column 2: the end expected, '1' found"),
    ("1.", "line 1, column 3: a digit expected, the end found"),
    ("-", "line 1, column 2: a digit expected, the end found"),
    ("+1", "line 1, column 1: a value expected, '+' found"),
    ("tru", "line 1, column 4: true expected, the end found"),
    ("nuls", "line 1, column 4: null expected, 's' found"),
    ("\"a", "line 1, column 3: a closing quote expected, the end found"),
    ("\"\\x\"", "line 1, column 3: an escape expected, 'x' found"),
    ("\"\\u12G4\"", "line 1, column 6: four hexadecimal digits expected, 'G' found"),
    ("\"\\ud800\"", "line 1, column 8: a surrogate pair expected, a lone surrogate found"),
    ("\"\\ude00\\ud83d\"", "line 1, column 8: a surrogate pair expected, a lone surrogate found"),
    ("\"a\nb\"", "line 1, column 3: a control character within a string must be escaped, byte 0xa found"),
    ("\u{FEFF}1", "line 1, column 1: a value expected, byte 0xef found"),
    ("{1: 2}", "line 1, column 2: a string expected, a number found"),
  ])
  func notJSON(text: String, message: String) {
    #expect { try JSONValue(parsing: text) } throws: { "\($0)" == message }
  }

  @Test func invalidUTF8() {
    #expect { try JSONValue(parsing: [0x22, 0xC3, 0x28, 0x22]) } throws: {
      "\($0)" == "line 1, column 5: valid UTF-8 expected in the string that ends here"
    }
  }

  @Test func deepNesting() {
    let text = String(repeating: "[", count: 1_000_000)
    #expect { try JSONValue(parsing: text) } throws: { "\($0)".hasSuffix("nested deeper than 64 containers") }
  }

  @Test(arguments: ["1.0", "1e3", "99999999999999999999", "\"1\""])
  func integersThatAreNone(text: String) {
    #expect(throws: JSONError.self) {
      var reader = JSONReader(Array(text.utf8))
      return try reader.integer()
    }
  }
}
