/// The 128-bit FNV-1a hash of a text: the same on every run, machine and version of Swift.
///
/// It names programs in caches and tuned schedules; it is no protection against forgery.
public struct StableHash: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let bits: UInt128

  /// The hash of the text's UTF-8 bytes.
  public init(_ text: String) {
    let prime: UInt128 = 1 << 88 | 0x13B
    var state: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    for byte in text.utf8 {
      state ^= UInt128(byte)
      state &*= prime
    }
    bits = state
  }

  public static func < (a: StableHash, b: StableHash) -> Bool { a.bits < b.bits }

  /// 32 hexadecimal digits.
  public var description: String {
    let digits = String(bits, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
}

extension Program {
  /// The hash of the program's text without source lines: equal programs have equal hashes wherever
  /// they were written.
  public var stableHash: StableHash { StableHash(text(locations: false)) }
}

extension ScalarFunction {
  /// One line a step: what the function computes, without its name.
  public var bodyText: String {
    let lines = steps.enumerated().map { number, step in
      let operands = step.operands.map { " %\($0)" }.joined()
      switch step.operation {
      case .parameter(let position): return "%\(number) = parameter \(position): \(step.type.rawValue)\n"
      case .constant(let bits):
        return "%\(number) = \(step.type.rawValue)(0x\(String(bits, radix: 16)))\n"
      case .elementwise(let elementwise): return "%\(number) = \(elementwise.name)\(operands)\n"
      }
    }
    return lines.joined() + "return %\(result)\n"
  }

  /// The hash of the body.
  public var stableHash: StableHash { StableHash(bodyText) }
}
