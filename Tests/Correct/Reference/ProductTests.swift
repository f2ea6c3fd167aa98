import Formats
import Reference
import Testing
import TileIR
import Tiles

/// Products in the classes that round exact sums.
@Suite struct ProductTests {
  let rows = Dimension("rows", 3)
  let columns = Dimension("columns", 4)
  let inner = Dimension("inner", 150)
  let groups = Dimension("groups", 5)

  // MARK: exactBlock

  /// E4M3 by E2M1 with a scale for each 30 elements of the right operand and each row of the left.
  private func scaled(block: Int) throws -> Program {
    try Kernel("scaled") { k in
      let a = k.input("a", E4M3.self, [rows, inner])
      let sa = k.input("sa", E8M0.self, [rows])
      let b = k.input("b", E2M1.self, [columns, inner])
      let sb = k.input("sb", E8M0.self, [columns, groups])
      let y = k.output("y", Float.self, [rows, columns])
      k.parallel(rows) { r in
        let scale = sb[columns, Position(inner) / 30]
        y[r] = product(
          a[r].scaled(by: sa[r]), b[columns, inner].scaled(by: scale), contracting: inner,
          .exactBlock(block))
      }
    }.program()
  }

  private func codes(_ count: Int, _ element: ElementType, seed: Int) -> [UInt32] {
    (0..<count).map { index in
      let code = UInt32(truncatingIfNeeded: (index + seed) &* 2_654_435_761 >> 7) & element.mask
      return element == .e4m3 && code & 0x7F == 0x7F ? 0 : code
    }
  }

  @Test(arguments: [128, 32, 64]) func exactBlockEqualsIntegerSums(_ block: Int) throws {
    let a = codes(450, .e4m3, seed: 1)
    let b = codes(600, .e2m1, seed: 5)
    let sa: [UInt32] = [127, 130, 120]
    let sb = (0..<20).map { UInt32(124 + $0 % 3) }
    let result = try runEveryWay(
      try scaled(block: block),
      [
        "a": .tensor(HostTensor(.e4m3, [3, 150], codes: a)),
        "b": .tensor(HostTensor(.e2m1, [4, 150], codes: b)),
        "sa": .tensor(HostTensor(.e8m0, [3], codes: sa)),
        "sb": .tensor(HostTensor(.e8m0, [4, 5], codes: sb)),
      ])["y"]!.numbers
    for row in 0..<3 {
      for column in 0..<4 {
        var accumulator: Float = 0
        for start in stride(from: 0, to: 150, by: block) {
          // In units of 2^-13: quanta of 2^-9 and 2^-1, right scales from 2^-3 on.
          var sum = 0
          for k in start..<min(start + block, 150) {
            let x = Int(E4M3(bitPattern: UInt8(a[150 * row + k])).quanta!)
            let y = Int(E2M1(bitPattern: UInt8(b[150 * column + k])).quanta)
            sum += x * y << (Int(sb[5 * column + k / 30]) - 124)
          }
          accumulator += Float(sum) * Float(sign: .plus, exponent: Int(sa[row]) - 127 - 13, significand: 1)
        }
        #expect(result[4 * row + column] == accumulator)
      }
    }
  }

  @Test func aNaNScaleOrCodeMakesItsBlocksNaN() throws {
    var a = codes(450, .e4m3, seed: 1)
    a[150 + 3] = 0x7F
    var sb = [UInt32](repeating: 127, count: 20)
    sb[2 * 5 + 4] = 255
    let result = try runEveryWay(
      try scaled(block: 128),
      [
        "a": .tensor(HostTensor(.e4m3, [3, 150], codes: a)),
        "b": .tensor(HostTensor(.e2m1, [4, 150])),
        "sa": .tensor(HostTensor(.e8m0, [3], codes: [127, 127, 127])),
        "sb": .tensor(HostTensor(.e8m0, [4, 5], codes: sb)),
      ])["y"]!.codes
    for row in 0..<3 {
      for column in 0..<4 {
        let expected: UInt32 = row == 1 || column == 2 ? 0x7FC0_0000 : 0
        #expect(result[4 * row + column] == expected)
      }
    }
  }

  @Test func scalesAtTheEndsOfTheirRangeAreExact() throws {
    let n = Dimension("n", 2)
    let program = try Kernel("ends") { k in
      let a = k.input("a", E4M3.self, [n])
      let s = k.input("s", E8M0.self, [n])
      let t = k.input("t", E8M0.self, [n])
      let y = k.output("y", Float.self, [])
      k.once {
        y[] = product(a[n].scaled(by: s[n]), a[n].scaled(by: t[n]), contracting: n, .exactBlock(2))
      }
    }.program()
    func run(_ a: [Float], _ s: [UInt32], _ t: [UInt32]) throws -> Float {
      try Reference.run(
        program,
        [
          "a": .numbers(.e4m3, [2], a), "s": .tensor(HostTensor(.e8m0, [2], codes: s)),
          "t": .tensor(HostTensor(.e8m0, [2], codes: t)),
        ])["y"]!.numbers[0]
    }
    // 2^254 overflows; 2^-254 underflows to +0; 2^-149 is kept; 2^254 - 2^254 cancels.
    #expect(try run([1, 0], [254, 127], [254, 127]) == .infinity)
    #expect(try run([1, 0], [0, 127], [0, 127]).bitPattern == 0)
    #expect(try run([1, 0], [0, 127], [105, 127]) == 0x1p-149)
    // (2 * 2^100)(2 * 2^20) + (1.5 * 2^-127)(1.5 * 2^0): the large term alone remains.
    #expect(try run([2, 1.5], [227, 0], [147, 127]) == 0x1p122)
  }

  @Test func integersNeedNoScale() throws {
    let n = Dimension("n", 3)
    let program = try Kernel("integers") { k in
      let a = k.input("a", SignedByte.self, [n])
      let y = k.output("y", Float.self, [])
      k.once { y[] = product(a[n], a[n], contracting: n, .exactBlock(3)) }
    }.program()
    let a = HostTensor(.int8, [3], integers: [-128, 127, -3])
    #expect(try Reference.run(program, ["a": .tensor(a)])["y"]!.numbers == [128 * 128 + 127 * 127 + 9])
  }

  // MARK: exact

  @Test func exactRoundsTheRealSumOnce() throws {
    let n = Dimension("n", in: 0...100)
    let program = try Kernel("exact") { k in
      let a = k.input("a", Float.self, [n])
      let b = k.input("b", Float.self, [n])
      let y = k.output("y", Float.self, [])
      k.once { y[] = product(a[n], b[n], contracting: n, .exact) }
    }.program()
    func run(_ a: [Float], _ b: [Float]) throws -> Float {
      try runEveryWay(program, ["a": .floats([a.count], a), "b": .floats([b.count], b)])["y"]!.numbers[0]
    }
    let a = (0..<60).map { Float(sign: .plus, exponent: $0 * 5 % 90 - 45, significand: 1 + Float($0) / 64) }
    let b = (0..<60).map { Float(sign: $0 % 2 == 0 ? .plus : .minus, exponent: $0 * 11 % 80 - 40, significand: 1.7) }
    let exact = zip(a, b).reduce(BigInteger(0)) { $0 + BigInteger(real: Double($1.0) * Double($1.1)) }
    #expect(exact.isRounded(to: try run(a, b)))
    #expect(try run([], []).bitPattern == 0)
    #expect(try run([-0.0], [1]).bitPattern == 0)
    #expect(try run([.infinity], [0]).isNaN)
    #expect(try run([.infinity, 1], [2, 3]) == .infinity)
  }

  // MARK: fixedPoint

  private func fixedPoint(_ productClass: ProductClass, _ n: Dimension, _ m: Dimension) throws -> Program {
    try Kernel("fixed_point") { k in
      let a = k.input("a", Float.self, [n])
      let b = k.input("b", Float.self, [n, m])
      let y = k.output("y", Float.self, [m])
      k.once { y[m] = product(a[n], b[n, m], contracting: n, productClass) }
    }.program()
  }

  @Test func fixedPointByHand() throws {
    let (n, m) = (Dimension("n", 4), Dimension("m", 1))
    let program = try fixedPoint(.fixedPoint(bits: 2, block: 4), n, m)
    func run(_ a: [Float], _ b: [Float]) throws -> Float {
      try runEveryWay(program, ["a": .floats([4], a), "b": .floats([4, 1], b)])["y"]!.numbers[0]
    }
    // a: E = 0, q = 1/2, integers 2, 1 (0.8), -2 (-1.8), 0. b: E = 1, q = 1, integers 3, 1, 1, 1.
    #expect(try run([1, 0.4, -0.9, 0], [3, 1, 1, 1]) == 2.5)
    // 1.99 is 3.98 quanta: 4 is clamped to 3.
    #expect(try run([1.99, 0, 0, 0], [1, 0, 0, 0]) == 1.5 * 1)
    // Ties go to even: 0.25 and 0.75 quanta of 1/2 are 0.5 and 1.5: 0 and 2.
    #expect(try run([1, 0.25, 0.75, 0], [0, 1, 1, 0]) == 1)
    #expect(try run([0, 0, 0, 0], [3, 1, 1, 1]).bitPattern == 0)
    #expect(try run([1, .infinity, 0, 0], [1, 0, 0, 0]).isNaN)
    #expect(try run([1, 0, 0, 0], [1, .nan, 0, 0]).isNaN)
    // Subnormals share the exponent -126: with q = 2^-127 the smaller one is half a quantum, a tie to 0.
    #expect(try run([0x1p-127, 0x1p-128, 0, 0], [1, 1, 0, 0]) == 0x1p-127)
  }

  @Test(arguments: [(21, 128), (14, 32), (24, 2048)]) func fixedPointEqualsIntegers(
    bits: Int, block: Int
  ) throws {
    let (n, m) = (Dimension("n", 300), Dimension("m", 2))
    let a = (0..<300).map { Float($0 * 37 % 101 - 50) * Float(sign: .plus, exponent: $0 % 9 - 30, significand: 1.37) }
    let b = (0..<600).map { Float($0 * 53 % 89 - 44) * Float(sign: .plus, exponent: $0 % 5 + 3, significand: 1.11) }
    let result = try runEveryWay(
      try fixedPoint(.fixedPoint(bits: bits, block: block), n, m),
      ["a": .floats([300], a), "b": .floats([300, 2], b)])["y"]!.numbers
    func integers(_ x: [Float]) -> (integers: [Int], exponent: Int) {
      let exponent = Int(x.map(\.magnitude).max()!.exponent) + 1 - bits
      let values = x.map { value in
        let quotient = Double(value) / Double(sign: .plus, exponent: exponent, significand: 1)
        return max(min(Int(quotient.rounded(.toNearestOrEven)), 1 << bits - 1), 1 - 1 << bits)
      }
      return (values, exponent)
    }
    for column in 0..<2 {
      var accumulator: Float = 0
      for start in stride(from: 0, to: 300, by: block) {
        let end = min(start + block, 300)
        let x = integers(Array(a[start..<end]))
        let y = integers((start..<end).map { b[2 * $0 + column] })
        let sum = zip(x.integers, y.integers).reduce(0) { $0 + $1.0 * $1.1 }
        accumulator += Float(sum) * Float(sign: .plus, exponent: x.exponent + y.exponent, significand: 1)
      }
      #expect(result[column] == accumulator)
    }
  }

  @Test func foldedExponentsByHand() throws {
    let (n, m) = (Dimension("n", 2), Dimension("m", 2))
    let program = try fixedPoint(.fixedPointFolded(bits: 2, block: 2, axis: m), n, m)
    func run(_ a: [Float], _ b: [Float]) throws -> [Float] {
      try runEveryWay(program, ["a": .floats([2], a), "b": .floats([2, 2], b)])["y"]!.numbers
    }
    // Row 0 of b: q = 1/2, integers 2, 1. Row 1: E = 3, q = 4, integers 2, 1 (0.75).
    // a becomes 1/2, 4: E = 2, q = 2, integers 0 (0.25), 2. Sums 4 and 2 times 2.
    #expect(try run([1, 1], [1, 0.5, 8, 3]) == [8, 4])
    // A row of zeros has the least exponent: it does not disturb the block.
    #expect(try run([1, 1], [1, 0.5, 0, 0]) == [1, 0.5])
    // An infinity along the shared axis makes the whole block NaN, for every result.
    #expect(try run([1, 1], [1, 0.5, 8, .infinity]).allSatisfy(\.isNaN))
    // Far outside of float32's exponents on the way: 2^-140 folded with 2^-127.
    #expect(try run([0x1p-140, 0], [0x1p120, 0, 0, 0]) == [0x1p-20, 0])
  }
}

/// The test's own name for int8 tiles.
struct SignedByte: GridElement {
  static var elementType: ElementType { .int8 }
}
