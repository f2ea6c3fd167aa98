import MachineIR
import Operators
import Testing
import TileIR

@testable import Reference

/// Operations that printed C does not leave to an operator of the language, on every target.
@Suite struct PreludeArithmeticTests {
  /// Floats where operations differ: zeros, subnormals, ties, infinities, NaN, and neighbours of powers.
  static let floats: [Float] = [
    0, -0.0, 1, -1, .nan, -.nan, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
    .leastNormalMagnitude, .leastNormalMagnitude.nextDown, .greatestFiniteMagnitude,
    -.greatestFiniteMagnitude, 0.5, -0.5, 1.5, 2.5, -2.5, 0x1p23, 0x1p23 - 0.5, 0x1p24 + 2, -0x1p23 - 1,
    0x1p31, 0x1p31 - 128, -0x1p31, -0x1p31 - 256, 0x1p63, 0x1p-133, -0x1p-140, 3.999_999_8, 1e38,
    Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFC1_2345),
  ]

  private func check(
    _ kernel: LaneKernel, _ inputs: [[UInt32]], _ expected: [UInt32]
  ) throws {
    let results = try kernel.run(inputs)
    #expect(!results.isEmpty)
    for (machine, found) in results {
      guard let wrong = expected.indices.first(where: { found[$0] != expected[$0] }) else { continue }
      let operands = inputs.map { String($0[wrong], radix: 16) }.joined(separator: ", ")
      Issue.record(
        """
        \(kernel.name) of \(kernel.lanes) lanes on \(machine): of \(operands) came \
        \(String(found[wrong], radix: 16)), not \(String(expected[wrong], radix: 16))
        """)
    }
  }

  /// All pairs of the special floats.
  static let pairs = floats.flatMap { a in floats.map { (a, $0) } }

  @Test(arguments: [1, 4, 8, 16, 64])
  func minimumAndMaximumKeepNaNAndOrderZeros(_ lanes: Int) throws {
    func extremum(_ a: Float, _ b: Float, isMaximum: Bool) -> UInt32 {
      if a.isNaN || b.isNaN { return Float.nan.bitPattern }
      if a == 0, b == 0 {
        let isNegative = isMaximum ? a.sign == b.sign && a.sign == .minus : a.sign != b.sign || a.sign == .minus
        return isNegative ? 0x8000_0000 : 0
      }
      return (isMaximum ? max(a, b) : min(a, b)).bitPattern
    }
    for isMaximum in [false, true] {
      let kernel = LaneKernel(
        name: isMaximum ? "greatest" : "least", inputs: [.float32, .float32], output: .float32, lanes: lanes,
        expression: { canonical($0[0].apply(isMaximum ? .maximum : .minimum, $0[1])) })
      try check(
        kernel, [Self.pairs.map(\.0.bitPattern), Self.pairs.map(\.1.bitPattern)],
        Self.pairs.map { extremum($0, $1, isMaximum: isMaximum) })
    }
  }

  @Test(arguments: [1, 4, 16])
  func floatsRoundToIntegersAndSaturate(_ lanes: Int) throws {
    var source = SplitMix64(seed: 3)
    let samples = Self.floats + (0..<4000).map { _ in Float(bitPattern: UInt32.random(in: 0 ... .max, using: &source)) }
      + (0..<4000).map { _ in Float.random(in: -0x1p32...0x1p32, using: &source) }
      + (0..<400).map { Float($0 - 200) / 4 }
    let kernel = LaneKernel(
      name: "rounded", inputs: [.float32], output: .int32, lanes: lanes,
      expression: { $0[0].converted(to: .i32) })
    try check(
      kernel, [samples.map(\.bitPattern)],
      samples.map { ElementType.float32.convert($0.bitPattern, to: .int32) })
  }

  @Test(arguments: [1, 4, 16])
  func multiplyAddRoundsOnce(_ lanes: Int) throws {
    var source = SplitMix64(seed: 5)
    var triples: [(Float, Float, Float)] = Self.pairs.map { ($0, $1, 1) } + Self.pairs.map { (1.5, $0, $1) }
    for _ in 0..<20_000 {
      let a = Float(bitPattern: UInt32.random(in: 0 ... .max, using: &source))
      let b = Float(bitPattern: UInt32.random(in: 0 ... .max, using: &source))
      triples.append((a, b, Float(bitPattern: UInt32.random(in: 0 ... .max, using: &source))))
      // Cancellation, a tie, and just beside a tie.
      let small = Float.random(in: 1..<2, using: &source), other = Float.random(in: 1..<2, using: &source)
      let product = small * other
      triples.append((small, other, -product))
      triples.append((small, other, product * 0x1p24))
      triples.append((small, other * 0x1p-24, product.nextUp))
      triples.append((small * 0x1p-75, other * 0x1p-75, .leastNonzeroMagnitude * 3))
      triples.append((small * 0x1p-70, other * 0x1p-60, -.leastNormalMagnitude))
      triples.append((small * 0x1p63, other * 0x1p64, -.greatestFiniteMagnitude))
    }
    let kernel = LaneKernel(
      name: "multiply_add", inputs: [.float32, .float32, .float32], output: .float32, lanes: lanes,
      expression: { canonical(.apply(.fusedMultiplyAdd, $0, $0[0].type)) })
    try check(
      kernel, [triples.map(\.0.bitPattern), triples.map(\.1.bitPattern), triples.map(\.2.bitPattern)],
      triples.map { ElementType.float32.canonical($2.addingProduct($0, $1).bitPattern) })
  }

  /// Sums of two to four products, which are exact in f64.
  @Test(arguments: [1, 4, 8], [2, 3, 4])
  func sumsRoundOnce(_ lanes: Int, _ terms: Int) throws {
    var source = SplitMix64(seed: 17)
    var rows: [[Float]] = []
    for trial in 0..<6000 {
      let spread = [1, 12, 40, 63][trial % 4]
      var row = (0..<2 * terms).map { _ in
        Float(
          sign: Bool.random(using: &source) ? .plus : .minus,
          exponent: Int.random(in: -spread...spread, using: &source),
          significand: Float.random(in: 1..<2, using: &source))
      }
      // Half of them nearly cancel: the last product is minus the first, a few bits away.
      if trial % 2 == 0 {
        row[2 * terms - 2] = row[0].nextUp
        row[2 * terms - 1] = -row[1]
      }
      if trial % 16 == 0 { row[Int(source.next() % UInt64(row.count))] = 0 }
      if trial % 64 == 1 { row[0] = .nan }
      rows.append(row)
      // Just beside a tie, by less than the last bit of an f64: (1 + 2^-12)^2 is halfway between floats.
      var tie = [Float](repeating: 0, count: 2 * terms)
      let scale = Float(sign: .plus, exponent: trial % 60 - 30, significand: 1)
      tie[0] = (1 + 0x1p-12) * scale
      tie[1] = trial % 4 < 2 ? 1 + 0x1p-12 : -1 - 0x1p-12
      let last = Int(source.next() % UInt64(terms - 1)) + 1
      tie[2 * last] = 0x1p-60 * scale
      tie[2 * last + 1] = trial % 2 == 0 ? 1 : -1
      rows.append(tie)
    }
    let kernel = LaneKernel(
      name: "rounded_sum", inputs: Array(repeating: .float32, count: 2 * terms), output: .float32,
      lanes: lanes,
      expression: { x in
        let wide = x.map { $0.converted(to: .f64) }
        let products = (0..<terms).map { wide[2 * $0].apply(.multiply, wide[2 * $0 + 1]) }
        return canonical(.apply(.roundedSum, products, MachineType(.f32, lanes)))
      })
    let expected = rows.map { row -> UInt32 in
      var sum = ExactSum()
      for term in 0..<terms { sum.add(Double(row[2 * term]) * Double(row[2 * term + 1])) }
      return ElementType.float32.canonical(sum.rounded.bitPattern)
    }
    try check(kernel, (0..<2 * terms).map { column in rows.map { $0[column].bitPattern } }, expected)
  }

  @Test(arguments: [1, 4, 16])
  func divisionByConstantsRoundsDown(_ lanes: Int) throws {
    let values = Array(-70...70) + [Int(Int32.min), Int(Int32.min) + 1, Int(Int32.max)]
    let codes = values.map { UInt32(bitPattern: Int32($0)) }
    for n in [1, 2, 3, 7, 64] {
      for isRemainder in [false, true] {
        let kernel = LaneKernel(
          name: isRemainder ? "rest_of_\(n)" : "part_of_\(n)", inputs: [.int32], output: .int32, lanes: lanes,
          expression: { $0[0].apply(isRemainder ? .remainderFloor(n) : .divideFloor(n)) })
        try check(
          kernel, [codes],
          values.map { value in
            let quotient = Int((Double(value) / Double(n)).rounded(.down))
            return UInt32(bitPattern: Int32(isRemainder ? value - quotient * n : quotient))
          })
      }
    }
  }

  @Test(arguments: [1, 4, 16])
  func shiftsKeepOrDropTheSign(_ lanes: Int) throws {
    let values: [Int32] = [0, 1, -1, 5, -5, .max, .min, 0x4000_0001]
    let pairs = values.flatMap { value in (Int32(0)..<32).map { (value, $0) } }
    let shifts: [(Instruction, (Int32, Int32) -> Int32)] = [
      (.shiftLeft, { $0 << $1 }), (.shiftRightArithmetic, { $0 >> $1 }),
      (.shiftRightLogical, { Int32(bitPattern: UInt32(bitPattern: $0) >> UInt32($1)) }),
    ]
    for (number, (instruction, meaning)) in shifts.enumerated() {
      let kernel = LaneKernel(
        name: "shifted_\(number)", inputs: [.int32, .int32], output: .int32, lanes: lanes,
        expression: { $0[0].apply(instruction, $0[1]) })
      try check(
        kernel, [pairs.map { UInt32(bitPattern: $0.0) }, pairs.map { UInt32(bitPattern: $0.1) }],
        pairs.map { UInt32(bitPattern: meaning($0, $1)) })
    }
  }

  @Test(arguments: [1, 4, 16])
  func rootsAreCorrectlyRounded(_ lanes: Int) throws {
    var source = SplitMix64(seed: 23)
    let samples = Self.floats + (0..<8000).map { _ in Float(bitPattern: UInt32.random(in: 0 ... .max, using: &source)) }
    let operations: [(String, Instruction, (Float) -> Float)] = [
      ("root", .squareRoot, { $0.squareRoot() }),
      ("inverse_root", .reciprocalSquareRoot, { Float(1 / Double($0).squareRoot()) }),
    ]
    for (name, instruction, meaning) in operations {
      let kernel = LaneKernel(
        name: name, inputs: [.float32], output: .float32, lanes: lanes,
        expression: { canonical($0[0].apply(instruction)) })
      try check(
        kernel, [samples.map(\.bitPattern)],
        samples.map { ElementType.float32.canonical(meaning($0).bitPattern) })
    }
  }
}

/// NaN becomes the canonical one, as kernels do where bits leave them.
private func canonical(_ value: Expression) -> Expression {
  let nan = Expression.float(.nan, lanes: value.type.lanes)
  return .apply(.select, [value.compared(.equal, value), value, nan], value.type)
}
