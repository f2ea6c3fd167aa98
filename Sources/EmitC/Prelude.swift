import CFamily
import MachineIR
import TileIR

/// The typedefs and inline functions that the printed kernels use, each once, after those it needs.
final class Prelude: Definitions {
  let machine: MachineDescription
  /// Whether the kernel at hand has streaming stores, which other processors see only after a fence.
  var streams = false

  init(machine: MachineDescription) {
    self.machine = machine
    super.init()
  }

  var usesAVX512: Bool { machine.has(.maskedMemory) && isX86 }
  var isX86: Bool { machine.cpu?.triple.hasPrefix("x86_64") == true }

  // MARK: Types

  /// The C name of a register type; masks are `i32` lanes.
  @discardableResult
  func type(_ type: MachineType) -> String { vector(Self.scalarName(type.scalar), type.lanes) }

  /// `f32`, or `f32x16` for 16 lanes.
  @discardableResult
  func vector(_ scalar: String, _ lanes: Int) -> String {
    declareScalar(scalar)
    guard lanes > 1 else { return scalar }
    let name = "\(scalar)x\(lanes)"
    addType(name, "typedef \(scalar) \(name) __attribute__((ext_vector_type(\(lanes))));")
    return name
  }

  /// The same type at any address.
  func unaligned(_ scalar: String, _ lanes: Int) -> String {
    let plain = vector(scalar, lanes)
    let name = "\(plain)_anywhere"
    addType(name, "typedef \(plain) \(name) __attribute__((aligned(1), may_alias));")
    return name
  }

  /// A vector type of the compiler's builtins, by bytes.
  func builtinVector(_ scalar: String, bytes: Int) -> String {
    declareScalar(scalar)
    let name = "\(scalar)_register\(bytes * 8)"
    addType(name, "typedef \(scalar) \(name) __attribute__((vector_size(\(bytes))));")
    return name
  }

  private func declareScalar(_ scalar: String) {
    let meaning = [
      "f32": "float", "f64": "double", "i8": "signed char", "u8": "unsigned char", "i16": "short",
      "u16": "unsigned short", "i32": "int", "u32": "unsigned int", "i64": "long",
      "u64": "unsigned long",
    ]
    addType(scalar, "typedef \(meaning[scalar]!) \(scalar);")
  }

  static func scalarName(_ scalar: MachineScalar) -> String { scalar.cName }

  static func byteCount(_ scalar: String) -> Int {
    switch scalar {
    case "i8", "u8": 1
    case "i16", "u16": 2
    case "i64", "u64", "f64": 8
    default: 4
    }
  }

  // MARK: Functions

  /// An inline function of one returned expression.
  func inline(
    _ result: String, _ name: String, _ parameters: String, returns expression: String,
    why: String? = nil
  ) -> String {
    let body = "  return \(expression);"
    return inline(result, name, parameters, body: body, why: why)
  }

  /// An inline function; `body` stands two spaces in. It becomes part of its caller always: a vector
  /// wider than a register would else go through memory.
  func inline(
    _ result: String, _ name: String, _ parameters: String, body: String, why: String? = nil
  ) -> String {
    define(
      "__attribute__((always_inline)) static inline", result, name, parameters, body: body, why: why)
  }

  /// A function that is called: long, and off the path that is usually taken.
  func function(
    _ result: String, _ name: String, _ parameters: String, body: String, why: String
  ) -> String {
    define("__attribute__((noinline)) static", result, name, parameters, body: body, why: why)
  }

  private func define(
    _ attributes: String, _ result: String, _ name: String, _ parameters: String, body: String,
    why: String?
  ) -> String {
    let comment = why.map { $0.split(separator: "\n").map { "// \($0)\n" }.joined() } ?? ""
    return """
      \(comment)\(attributes) \(result) \(name)(\(parameters)) {
      \(body)
      }
      """
  }
}
