import Foundation

/// Instructions that no kernel of Tessera uses, since what they round to is nowhere written down.
extension Probe {
  /// Factors and addends for which one rounding and two give different floats.
  private static let tellingTriples: [(Float, Float, Float)] = {
    var triples: [(Float, Float, Float)] = []
    var seed: UInt64 = 40
    while triples.count < lanes {
      let numbers = floats(3, exponents: -2...2, seed: seed)
      seed += 2
      let (a, b, c) = (numbers[0], numbers[1], numbers[2])
      if c.addingProduct(a, b) != a * b + c { triples.append((a, b, c)) }
    }
    return triples
  }()

  static let multiplyAdd = Probe(
    "multiply_add", "Does MulAddDst round once or twice?", [],
    given: bytes(tellingTriples.map(\.0) + tellingTriples.map(\.1) + tellingTriples.map(\.2)), count: lanes,
    body: """
      DataCopy(found, given[128], 64);
      PipeBarrier<PIPE_V>();
      MulAddDst(found, given, given[64], 64);
      """)

  private static let quotients = floats(2 * lanes, exponents: -20...20, seed: 200)
  static let division = Probe(
    "division", "How is Div rounded?", [], given: bytes(quotients), count: lanes,
    body: "Div(found, given, given[64], 64);")

  private static let exponents = floats(lanes, exponents: -8...5, seed: 204)
  static let exponential = Probe(
    "exponential", "How is Exp rounded?", [], given: bytes(exponents), count: lanes,
    body: "Exp(found, given, 64);")

  /// What an answer to a question says for which nothing is supposed.
  func meaning(of answer: [UInt32]) -> String {
    let found = answer.map { Float(bitPattern: $0) }
    switch name {
    case Self.multiplyAdd.name:
      let lanes = zip(found, Self.tellingTriples)
      let once = lanes.count { found, triple in found == triple.2.addingProduct(triple.0, triple.1) }
      let twice = lanes.count { found, triple in found == triple.0 * triple.1 + triple.2 }
      return
        "rounds once in \(once), twice in \(twice) and otherwise in \(answer.count - once - twice) "
        + "of \(answer.count)"
    case Self.division.name:
      return Self.distance(
        found, (0..<Self.lanes).map { Self.quotients[$0] / Self.quotients[Self.lanes + $0] })
    case Self.exponential.name:
      return Self.distance(found, Self.exponents.map { Float(exp(Double($0))) })
    default: return CubeAccumulation.meaning(of: found)
    }
  }

  private static func distance(_ found: [Float], _ right: [Float]) -> String {
    /// Floats in their order, so that neighbours are 1 apart.
    func place(_ value: Float) -> Int {
      let bits = Int(value.magnitude.bitPattern)
      return value.sign == .minus ? -bits : bits
    }
    let distances = zip(found, right).map { abs(place($0) - place($1)) }
    return
      "correctly rounded in \(distances.count { $0 == 0 }) of \(found.count), "
      + "at most \(distances.max()!) floats away"
  }
}

/// How a cube core may add products of halves in a float, and which of those ways an answer agrees with.
enum CubeAccumulation {
  static let depth = 64

  /// 16 rows, then 16 columns, each of 64 numbers that halves hold exactly. All products are multiples of
  /// 2^-24 below 2^17, so that doubles hold every sum.
  private static let lines: [[Double]] = {
    let draws = Probe.drawn(32 * depth, seed: 50)
    return (0..<32).map { line in
      (0..<depth).map { k in
        let draw = draws[line * depth + k]
        if line >= 16 { return line == 16 ? 1 : [1, -1, 0.5, 0][Int(draw >> 8) % 4] }
        // Something large that goes away again, and around it what it rounds off.
        if k == line / 4 { return 32768 }
        if k == 15 + 16 * (line % 4) { return -32768 }
        return Double(Int(draw >> 8) % 255 - 127) * 0x1p-12
      }
    }
  }()

  /// The codes of halves.
  static let given = lines.flatMap { $0 }.map { number -> UInt16 in
    guard number != 0 else { return 0 }
    let exponent = Int(number.magnitude.exponent)
    let fraction = UInt16((number.magnitude.significand - 1) * 1024)
    return (number < 0 ? 0x8000 : 0) | UInt16(exponent + 15) << 10 | fraction
  }

  /// Products of so many neighbours are added exactly, then to the sum before, which is rounded.
  private struct Way {
    let width: Int
    let isTruncated: Bool
    var text: String {
      "\(width == 1 ? "one product after the other" : "\(width) products at a time, exactly") added to a float, "
        + (isTruncated ? "which is cut off" : "which is rounded to nearest even")
    }
  }
  private static let ways = [1, 2, 4, 8, 16, 32, 64].flatMap {
    [Way(width: $0, isTruncated: false), Way(width: $0, isTruncated: true)]
  }

  private static func sums(_ way: Way) -> [Float] {
    (0..<256).map { at in
      let (row, column) = (lines[at / 16], lines[16 + at % 16])
      var sum: Float = 0
      for first in stride(from: 0, to: depth, by: way.width) {
        let exact = (first..<first + way.width).reduce(Double(sum)) { $0 + row[$1] * column[$1] }
        sum = Float(exact)
        if way.isTruncated, Double(sum.magnitude) > exact.magnitude {
          sum = sum.sign == .minus ? sum.nextUp : sum.nextDown
        }
      }
      return sum
    }
  }

  static func meaning(of found: [Float]) -> String {
    let fitting = ways.filter { sums($0) == found }
    guard fitting.isEmpty else { return fitting.map(\.text).joined(separator: "; or ") }
    let counts = ways.map { way in (way, zip(sums(way), found).count { $0 == $1 }) }
    let best = counts.max { $0.1 < $1.1 }!
    return
      "none of the \(ways.count) ways that were tried; nearest, in \(best.1) of \(found.count): \(best.0.text)"
  }
}
