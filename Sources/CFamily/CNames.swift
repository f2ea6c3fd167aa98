/// The C identifiers of one kernel: the machine program's names, changed only where C forbids them.
package struct CNames {
  private var given: [String: String] = [:]
  private var taken: Set<String>

  /// `taken` are names that the text has given already.
  package init(taken: Set<String> = []) { self.taken = taken }

  /// The identifier for `name`, the same at every call.
  package mutating func identifier(_ name: String) -> String { identifier(name, from: name) }

  /// The identifier for `name`, the same at every call; `wish` itself where C allows it and no other name has it.
  package mutating func identifier(_ name: String, from wish: String) -> String {
    if let known = given[name] { return known }
    let legal = Self.legal(wish)
    var candidate = legal
    var number = 2
    while taken.contains(candidate) {
      candidate = "\(legal)_\(number)"
      number += 1
    }
    taken.insert(candidate)
    given[name] = candidate
    return candidate
  }

  /// An identifier near `name` for something that has no name in the machine program.
  package mutating func own(_ name: String) -> String { identifier("\(name) of the text", from: name) }

  /// An identifier that C accepts and that no name of the generated file's own shadows.
  package static func legal(_ name: String) -> String {
    var text = name.utf8.allSatisfy(isLegal)
      ? name : String(name.map { $0.utf8.count == 1 && isLegal($0.utf8.first!) ? $0 : "_" })
    if text.utf8.first.map(isDigit) ?? true { text = "_" + text }
    if reserved.contains(text) || endsInTypeName(text) { text += "_value" }
    return text
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  private static func isLegal(_ byte: UInt8) -> Bool {
    isDigit(byte) || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_")
  }

  /// Whether the last word is such as `f32`, `i32x16`: what every function of the prelude ends in.
  private static func endsInTypeName(_ text: String) -> Bool {
    // Nearly every name ends in a letter, and a type's name in a digit, `bool` apart.
    guard let last = text.utf8.last, isDigit(last) || last == UInt8(ascii: "l") || last == UInt8(ascii: "x"),
      let word = text.split(separator: "_").last
    else { return false }
    let scalar = word.prefix { $0 != "x" }
    return scalars.contains(String(scalar)) && word.dropFirst(scalar.count + 1).allSatisfy(\.isNumber)
  }

  private static let scalars: Set<String> = [
    "f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "s4", "u4", "bool",
  ]

  private static let reserved: Set<String> = [
    "alignof", "asm", "auto", "bool", "break", "case", "char", "const", "constexpr", "continue",
    "default", "do", "double", "else", "enum", "extern", "false", "float", "for", "goto", "if",
    "inline", "int", "long", "nullptr", "register", "restrict", "return", "short", "signed", "sizeof",
    "static", "struct", "switch", "thread_local", "true", "typedef", "typeof", "union", "unsigned",
    "void", "volatile", "while",
    // Of C++, which GPUs and Ascend chips are given.
    "and", "bitand", "bitor", "catch", "class", "compl", "concept", "delete", "explicit", "export", "friend", "mutable",
    "namespace", "new", "noexcept", "not", "operator", "or", "private", "protected", "public", "requires", "template",
    "this", "throw", "try", "typeid", "typename", "using", "virtual", "xor",
    "launch", "scratch", "first_cell", "last_cell", "tessera_launch", "convert_vector",
    "raise_status",
  ]

  /// The C function of a kernel: functions of the C library and compiler builtins keep their names.
  package static func symbol(_ kernel: String) -> String {
    let text = legal(kernel)
    return librarySymbols.contains(text) ? text + "_kernel" : text
  }

  private static let librarySymbols: Set<String> = [
    "main", "memcpy", "memmove", "memset", "memcmp", "abs", "ceil", "cos", "exp", "exp2", "fabs",
    "floor", "fma", "fmax", "fmin", "index", "log", "log1p", "log2", "pow", "printf", "rint", "round",
    "sin", "sqrt", "tan", "tanh", "trunc", "abort", "exit", "free", "malloc", "read", "write",
  ]
}
