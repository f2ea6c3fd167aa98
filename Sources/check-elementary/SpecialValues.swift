import ElementaryOracle
import MachineIR
import TileIR

/// The results that the documentation names, bit for bit.
enum SpecialValues {
  /// A line for each that is wrong.
  static func violations(_ promise: ElementaryPromise, on machine: MachineDescription) throws -> [String] {
    let compiled = try CompiledFunction(promise.function, on: machine)
    for (i, value) in promise.specialValues.enumerated() { compiled.arguments[i] = value.x.bitPattern }
    try compiled.evaluate(promise.specialValues.count)
    return promise.specialValues.enumerated().compactMap { i, value in
      let result = compiled.results[i]
      return result == value.y.bitPattern
        ? nil : "\(Report.Case(x: value.x.bitPattern, y: result).text), \(value.y) expected"
    }
  }
}
