import Proofs

/// A question to a chip: a kernel of one block that turns given bytes into found ones.
public struct Probe: Sendable {
  /// The kernel is `probe_` and this.
  public let name: String
  public let question: String
  /// What the answer bears on; empty where nothing is supposed and the answer is only measured.
  public let assumptions: [AscendAssumption]
  /// What the kernel reads.
  let given: [UInt8]
  /// Words of 32 bits that it writes. All are `untouched` before.
  public let count: Int
  /// The kernel's function in Ascend C.
  let text: String
  /// Vector cores at the side of a cube core; 0 for a vector core alone.
  let vectorCoresOfCube: Int

  var kernel: String { "probe_\(name)" }

  /// Each byte of what a kernel has not written.
  static let untouched: UInt8 = 0xEE

  /// Those that the device model can run, since they ask for what is supposed of a chip.
  public static let supposed = vectorProbes + cubeProbes
  /// Those whose answers are only measured: the kernels that Tessera prints use none of these instructions.
  public static let measured = [multiplyAdd, division, exponential, halfProducts]
  public static let all = supposed + measured

  /// Assumptions that no single run can confirm: they are of when things happen.
  public static let unanswered = AscendAssumption.allCases.filter { assumption in
    !all.contains { $0.assumptions.contains(assumption) }
  }

  /// A file of kernels.
  static func source(_ probes: [Probe], _ about: String) -> String {
    let head = "// \(about)\n#include \"kernel_operator.h\"\nusing namespace AscendC;"
    return ([head] + probes.map(\.text)).joined(separator: "\n\n") + "\n"
  }
}

// MARK: Given bytes

extension Probe {
  static func bytes(_ words: [UInt32]) -> [UInt8] {
    words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
  }
  static func bytes(_ numbers: [Float]) -> [UInt8] { bytes(numbers.map(\.bitPattern)) }

  /// `count` words that are the same everywhere (Knuth's linear congruential generator, upper halves).
  static func drawn(_ count: Int, seed: UInt64) -> [UInt32] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt32(state >> 32)
    }
  }

  /// `count` floats of either sign with drawn significands and exponents.
  static func floats(_ count: Int, exponents: ClosedRange<Int>, seed: UInt64) -> [Float] {
    zip(drawn(count, seed: seed), drawn(count, seed: seed + 1)).map { fraction, choice in
      let exponent = exponents.lowerBound + Int(choice >> 1) % exponents.count
      let magnitude = Float(sign: .plus, exponent: exponent, significand: 1 + Float(fraction >> 9) * 0x1p-23)
      return choice & 1 == 0 ? magnitude : -magnitude
    }
  }
}
