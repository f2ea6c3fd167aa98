import Formats
import Reference
import TileIR

/// The building blocks of the model's specification and the classes of the numeric contract in plain Swift,
/// written from their texts: what the operators are compared with. Numbers are ordinary: no NaN, no overflow.
enum Plain {
  // MARK: Rounding and elementary functions

  static func bf(_ x: Float) -> Float { BFloat16(rounding: x).float }
  static func bf(_ x: [Float]) -> [Float] { x.map(bf) }

  // Interpreting a function changes nothing in it.
  nonisolated(unsafe) static let exp = ScalarInterpreter(.exp)
  nonisolated(unsafe) static let silu = ScalarInterpreter(.silu)
  nonisolated(unsafe) static let softplus = ScalarInterpreter(.softplus)

  /// Root and quotient rounded.
  static func rsqrt(_ x: Float) -> Float { 1 / x.squareRoot() }
  /// Each step rounded.
  static func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)!) }

  // MARK: Sums

  static func sequential(_ x: [Float]) -> Float { x.reduce(0, +) }

  static func interleaved(_ lanes: Int, _ x: [Float]) -> Float {
    var partial = [Float](repeating: 0, count: lanes)
    for (position, value) in x.enumerated() { partial[position % lanes] += value }
    var half = lanes / 2
    while half > 0 {
      for lane in 0..<half { partial[lane] += partial[lane + half] }
      half /= 2
    }
    return partial[0]
  }

  static func tree(_ x: [Float]) -> Float {
    var level = x.map { $0 + 0 }
    while level.count & (level.count - 1) != 0 || level.isEmpty { level.append(0) }
    while level.count > 1 {
      level = stride(from: 0, to: level.count, by: 2).map { level[$0] + level[$0 + 1] }
    }
    return level[0]
  }

  // MARK: Products

  /// fp32 products, each rounded, in runs of 512.
  static func chained(_ a: [Float], _ b: [Float]) -> Float {
    var total: Float = 0
    for start in stride(from: 0, to: a.count, by: 512) {
      var run: Float = 0
      for i in start..<min(start + 512, a.count) { run += a[i] * b[i] }
      total += run
    }
    return total
  }

  /// Blocks of 128 summed exactly: grid products under ordinary scales stay far below 53 bits.
  static func exactBlock(_ a: [Float], _ b: [Float]) -> Float {
    var total: Float = 0
    for start in stride(from: 0, to: a.count, by: 128) {
      var sum = 0.0
      for i in start..<min(start + 128, a.count) { sum += Double(a[i]) * Double(b[i]) }
      total += Float(sum)
    }
    return total
  }

  /// Blocks as integers of 21 bits under one exponent for each operand.
  static func fixedPoint(_ a: [Float], _ b: [Float], block: Int = 128) -> Float {
    var total: Float = 0
    for start in stride(from: 0, to: a.count, by: block) {
      let range = start..<min(start + block, a.count)
      let (x, y) = (integers(a[range].map(Double.init)), integers(b[range].map(Double.init)))
      let sum = zip(x.values, y.values).reduce(Int64(0)) { $0 + $1.0 * $1.1 }
      total += scaled(sum, x.exponent + y.exponent)
    }
    return total
  }

  /// Integers of 21 bits and the exponent of their quantum.
  static func integers(_ x: [Double]) -> (values: [Int64], exponent: Int) {
    let most = x.map(\.magnitude).max() ?? 0
    if most == 0 { return (x.map { _ in 0 }, 0) }
    let exponent = Int(most.exponent) + 1 - 21
    let quantum = Double(sign: .plus, exponent: exponent, significand: 1)
    let limit = Double(1 << 21 - 1)
    let values = x.map { Int64(min(max(($0 / quantum).rounded(.toNearestOrEven), -limit), limit)) }
    return (values, exponent)
  }

  /// sum x 2^exponent rounded once; `sum` is below 2^53.
  static func scaled(_ sum: Int64, _ exponent: Int) -> Float {
    Float(Double(sum) * Double(sign: .plus, exponent: exponent, significand: 1))
  }

  /// A product of rows that are no codes, as the model has it in an arithmetic.
  static func plain(_ a: [Float], _ b: [Float], _ isQuantised: Bool) -> Float {
    isQuantised ? fixedPoint(a, b) : chained(a, b)
  }

  // MARK: Quantisation

  /// The exponent of the smallest power of two that is at least `a`.
  static func ceilingExponent(_ a: Float) -> Int {
    let exponent = Int(a.bitPattern >> 23) - 127
    return a.bitPattern & 0x7F_FFFF == 0 ? exponent : exponent + 1
  }

  /// Codes, scale codes and the values that they stand for, by blocks.
  static func q8(_ x: [Float], block: Int = 128) -> (codes: [UInt32], scales: [UInt32], values: [Float]) {
    quantised(x, block: block, least: 1e-4, inverse: 1 / 448, most: 448) { UInt32(E4M3(rounding: $0).bitPattern) }
      value: { E4M3(bitPattern: UInt8($0)).float }
  }

  static func q4(_ x: [Float]) -> (codes: [UInt32], scales: [UInt32], values: [Float]) {
    quantised(x, block: 32, least: 6 * 0x1p-126, inverse: 1 / 6, most: 6) { UInt32(E2M1(rounding: $0).bitPattern) }
      value: { E2M1(bitPattern: UInt8($0)).float }
  }

  private static func quantised(
    _ x: [Float], block: Int, least: Float, inverse: Float, most: Float, code: (Float) -> UInt32,
    value: (UInt32) -> Float
  ) -> (codes: [UInt32], scales: [UInt32], values: [Float]) {
    var (codes, scales, values): ([UInt32], [UInt32], [Float]) = ([], [], [])
    for start in stride(from: 0, to: x.count, by: block) {
      let run = x[start..<min(start + block, x.count)]
      let largest = max(run.map(\.magnitude).max() ?? 0, least)
      let exponent = ceilingExponent(largest * inverse)
      let scale = Float(sign: .plus, exponent: exponent, significand: 1)
      scales.append(UInt32(exponent + 127))
      for x in run {
        codes.append(code(min(max(x / scale, -most), most)))
        values.append(value(codes.last!) * scale)
      }
    }
    return (codes, scales, values)
  }

  // MARK: Rows

  static func rms(_ x: [Float], _ gain: [Float], epsilon: Float = 1e-6) -> [Float] {
    let mean = interleaved(256, x.map { $0 * $0 }) / Float(x.count)
    let factor = rsqrt(mean + epsilon)
    return zip(gain, x).map { $0 * ($1 * factor) }
  }

  /// The last channels turned by the angles of a row of the tables.
  static func rope(_ x: [Float], _ cos: [Float], _ sin: [Float], inverse: Bool = false) -> [Float] {
    var y = x
    let still = x.count - 2 * cos.count
    for pair in cos.indices {
      let (a, b) = (x[still + 2 * pair], x[still + 2 * pair + 1])
      let (c, s) = (cos[pair], inverse ? -sin[pair] : sin[pair])
      y[still + 2 * pair] = a * c - b * s
      y[still + 2 * pair + 1] = a * s + b * c
    }
    return y
  }

  /// The Walsh-Hadamard transform from its definition: each output's signed sum, as a tree.
  static func hadamard(_ x: [Float]) -> [Float] {
    x.indices.map { row in
      let signed = x.indices.map { (row & $0).nonzeroBitCount % 2 == 0 ? x[$0] + 0 : -(x[$0] + 0) }
      return tree(signed) * Float(1 / Double(x.count).squareRoot())
    }
  }

  /// The order of the model's top-k: largest first, equal ones by lower place.
  static func top(_ count: Int, _ x: [Float]) -> [Int] {
    Array(x.indices.sorted { x[$0] != x[$1] ? x[$0] > x[$1] : $0 < $1 }.prefix(count))
  }
}
