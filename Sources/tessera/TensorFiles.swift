import Operators
import Safetensors
import TileIR

/// Inputs from a file, by the names of parameters; what else the file has is not looked at.
struct InputFile {
  private let file: SafetensorsFile

  init(path: String) throws { file = try SafetensorsFile(path: path) }

  /// The argument of a parameter.
  ///
  /// Files have no 4-bit types, and few tools write the 8-bit floats: `I8` and `U8` give the former two to
  /// an element and the latter by their codes. Integers of 64 bits are taken where they fit.
  func argument(for parameter: Parameter) throws -> Argument {
    let axes = parameter.axes.map(\.name).joined(separator: ", ")
    let expected = "\(parameter.element.rawValue) [\(axes)]"
    guard let stored = file[parameter.name] else {
      throw SafetensorsError(file: file.path, tensor: parameter.name, expected: expected, found: "none")
    }
    if parameter.role == .scalar, stored.elementCount != 1 {
      throw stored.refusal(
        "one number of \(parameter.element.rawValue)", "\(stored.type.rawValue) \(stored.shape)")
    }
    return Argument(try tensor(stored, for: parameter, expected), for: parameter)
  }

  private func tensor(
    _ stored: StoredTensor, for parameter: Parameter, _ expected: String
  ) throws -> HostTensor {
    let element = parameter.element
    let isBytes = stored.type == .int8 || stored.type == .uint8
    if stored.type.element == element { return try stored.tensor() }
    if isBytes, element == .int4 || element.isFloating && element.bitWidth <= 8 {
      return try stored.tensor(as: element)
    }
    if stored.type == .int64, element == .int32 {
      let integers = try stored.integers()
      if let wide = integers.first(where: { !element.integers.contains($0) }) {
        throw stored.refusal("integers that an int32 holds", "\(wide)")
      }
      return HostTensor(element, stored.shape, integers: integers)
    }
    throw stored.refusal(expected, "\(stored.type.rawValue) \(stored.shape)")
  }
}

extension InputFile {
  /// Every argument of `program`, but scalars in `numbers`, which stand for themselves.
  func arguments(of program: Program, numbers: [String: Int32]) throws -> [String: Argument] {
    var arguments: [String: Argument] = [:]
    for parameter in program.parameters where parameter.role != .output {
      arguments[parameter.name] =
        try numbers[parameter.name].map { .int($0) } ?? argument(for: parameter)
    }
    return arguments
  }
}

/// Writes outputs and states under their names. Equal results make equal files.
func writeResults(_ results: [String: HostTensor], to path: String) throws {
  for (name, tensor) in results.sorted(by: { $0.key < $1.key })
  where tensor.element.bitWidth == 4 && (tensor.shape.last ?? 1) % 2 != 0 {
    throw Refusal(
      "\(path): \(name) has rows of \(tensor.shape.last ?? 1) elements of 4 bits, which no file holds; "
        + "an even number expected")
  }
  try SafetensorsFile.write(results.map { OutgoingTensor($0.key, $0.value) }, to: path)
}
