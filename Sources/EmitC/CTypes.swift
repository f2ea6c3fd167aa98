import MachineIR
import TileIR

/// The C names of machine types.
extension MachineType {
  /// A lone value's type, or a vector's typedef such as `f32x16`. Masks are `i32`.
  var cName: String { lanes == 1 ? scalar.cName : "\(scalar.vectorPrefix)x\(lanes)" }
}

extension MachineScalar {
  var cName: String {
    switch self {
    case .f32: "float"
    case .f64: "double"
    case .i8: "int8_t"
    case .u8: "uint8_t"
    case .i16: "int16_t"
    case .i32, .mask: "int32_t"
    case .i64: "int64_t"
    }
  }
  var vectorPrefix: String { self == .mask ? "i32" : rawValue }
}

extension ElementType {
  /// The type of an element in memory; packed elements are addressed by their byte.
  var cStorage: String {
    switch self {
    case .float32: "float"
    case .int32: "int32_t"
    case .bfloat16, .float16: "uint16_t"
    case .int8: "int8_t"
    case .e4m3, .e5m2, .e8m0, .uint8, .bool, .e2m1, .int4: "uint8_t"
    }
  }
  /// The vector prefix of `cStorage`.
  var vectorPrefix: String {
    switch self {
    case .float32: "f32"
    case .int32: "i32"
    case .bfloat16, .float16: "u16"
    case .int8: "i8"
    default: "u8"
    }
  }
}

/// Names that a program may use and C may not.
let reservedNames: Set<String> = [
  "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
  "extern", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return",
  "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void",
  "volatile", "while", "launch", "first_cell", "last_cell", "scratch",
]

/// A name that C accepts.
func cIdentifier(_ name: String) -> String {
  let letters = name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
  let word = String(letters)
  if word.first?.isNumber ?? true { return "_" + word }
  return reservedNames.contains(word) ? word + "_" : word
}
