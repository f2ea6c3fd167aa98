import Reference
import TileIR

/// Arguments written short.
extension Argument {
  static func floats(_ shape: [Int], _ values: [Float]) -> Argument {
    .tensor(HostTensor(.float32, shape, numbers: values))
  }
  static func ints(_ shape: [Int], _ values: [Int]) -> Argument {
    .tensor(HostTensor(.int32, shape, integers: values))
  }
  static func numbers(_ element: ElementType, _ shape: [Int], _ values: [Float]) -> Argument {
    .tensor(HostTensor(element, shape, numbers: values))
  }
}

/// Runs a program under `whole` and under random cuts; the bits must agree.
func runEveryWay(
  _ program: Program, _ arguments: [String: Argument], extents: [Dimension: Int] = [:],
  seeds: ClosedRange<UInt64> = 1...4
) throws -> [String: HostTensor] {
  let whole = try Reference.run(program, arguments, extents: extents)
  for seed in seeds {
    let cut = try Reference.run(program, arguments, extents: extents, cuts: .random(seed: seed))
    guard cut == whole else {
      throw Diagnostic("cuts of seed \(seed) change the results of \(program.name)", at: [program.location])
    }
  }
  return whole
}

/// The message of the diagnostic that `body` throws; empty if it throws none.
func refusal(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return (error as? Diagnostic)?.description ?? "\(error)"
  }
}
