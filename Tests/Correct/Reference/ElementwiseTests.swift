import Formats
import Reference
import Testing
import TileIR

/// Operations on single elements, one program an operation.
@Suite struct ReferenceElementwiseTests {
  private let here = SourceLocation(file: "test", line: 1)

  /// The codes that `operation` gives for rows of operands.
  private func apply(
    _ operation: Elementwise, _ types: [ElementType], _ operands: [[UInt32]]
  ) throws -> [UInt32] {
    let n = Dimension("n", operands[0].count)
    let builder = ProgramBuilder(name: operation.name, location: here)
    var arguments: [String: Argument] = [:]
    var loads: [ValueID] = []
    for (position, (type, codes)) in zip(types, operands).enumerated() {
      let parameter = try builder.declare(
        Parameter(name: "x\(position)", role: .input, element: type, axes: [n], location: here))
      loads.append(try builder.append(.load(parameter, [.axis(n)]), at: here))
      arguments["x\(position)"] = .tensor(HostTensor(type, [codes.count], codes: codes))
    }
    let value = try builder.append(.elementwise(operation), loads, at: here)
    let result = builder.program[value].type
    let output = try builder.declare(
      Parameter(name: "y", role: .output, element: result, axes: [n], location: here))
    try builder.openRegion([ParallelAxis(n)], at: here)
    try builder.perform(.store(parameter: output, [.axis(n)], value, where: nil), at: here)
    builder.closeRegion()
    return try runEveryWay(try builder.finish(), arguments)["y"]!.codes
  }

  private func floats(_ operation: Elementwise, _ operands: [Float]...) throws -> [UInt32] {
    let rows = operands.map { $0.map(\.bitPattern) }
    return try apply(operation, Array(repeating: .float32, count: rows.count), rows)
  }

  private func ints(_ operation: Elementwise, _ operands: [Int32]...) throws -> [Int32] {
    let rows = operands.map { $0.map { UInt32(bitPattern: $0) } }
    return try apply(operation, Array(repeating: .int32, count: rows.count), rows)
      .map { Int32(bitPattern: $0) }
  }

  private func bits(_ values: Float...) -> [UInt32] { values.map(\.bitPattern) }

  @Test func floatingArithmeticIsIEEE() throws {
    #expect(try floats(.add, [1, 0x1p-149, .infinity], [0x1p-24, 0x1p-149, -.infinity])
      == bits(1, 0x1p-148) + [0x7FC0_0000])
    #expect(try floats(.subtract, [0, -0.0], [0, 0]) == bits(0, -0.0))
    #expect(try floats(.multiply, [0x1p-100, 3, -0.0], [0x1p-49, 0x1p127, 5]) == bits(0x1p-149, .infinity, -0.0))
    #expect(try floats(.divide, [1, 1, 0], [3, 0, 0]) == bits(1 / 3, .infinity) + [0x7FC0_0000])
    #expect(try floats(.fusedMultiplyAdd, [1 + 0x1p-12], [1 + 0x1p-12], [-1]) == bits(0x1p-11 + 0x1p-24))
    #expect(try floats(.squareRoot, [2, -0.0, -1]) == bits(Float(2).squareRoot(), -0.0) + [0x7FC0_0000])
    #expect(try floats(.negate, [0, 1]) == bits(-0.0, -1))
    #expect(try floats(.absolute, [-0.0, -.infinity]) == bits(0, .infinity))
  }

  @Test func reciprocalSquareRootRoundsOnce() throws {
    let x = (0..<200).map { Float($0 * $0 + 1) * 0.37 }
    for (value, code) in zip(x, try floats(.reciprocalSquareRoot, x)) {
      // r is nearest: m^2 x <= 1 for the midpoint m below it and >= 1 for the one above, in integers.
      let r = Float(bitPattern: code)
      #expect(compare(middle(r, r.nextDown), value) <= 0 && compare(middle(r, r.nextUp), value) >= 0)
    }
    #expect(try floats(.reciprocalSquareRoot, [0, -0.0, .infinity, -1, 0x1p-148])
      == bits(.infinity, -.infinity, 0) + [0x7FC0_0000] + bits(0x1p74))
  }

  /// The number halfway between neighbouring floats, exactly.
  private func middle(_ a: Float, _ b: Float) -> Double { (Double(a) + Double(b)) / 2 }

  /// The sign of m^2 x - 1. The midpoint has 25 bits, so m^2 x has 74 and fits 128-bit integers.
  private func compare(_ m: Double, _ x: Float) -> Int {
    let integer = Int128(m.significand * 0x1p24)
    let product = integer * integer * Int128(x.significand * 0x1p23)
    let exponent = 2 * (Int(m.exponent) - 24) + Int(x.exponent) - 23
    let one = Int128(1) << Int128(-exponent)
    return product == one ? 0 : (product > one ? 1 : -1)
  }

  @Test func minimumAndMaximumOrderZerosAndSpreadNaN() throws {
    #expect(try floats(.maximum, [0, -0.0, 1, .nan, -.infinity], [-0.0, 0, 2, 3, .nan])
      == bits(0, 0, 2) + [0x7FC0_0000, 0x7FC0_0000])
    #expect(try floats(.minimum, [0, -0.0, 1, .nan], [-0.0, 0, 2, 3])
      == bits(-0.0, -0.0, 1) + [0x7FC0_0000])
  }

  @Test func comparisonsWithNaNAreFalse() throws {
    let (a, b): ([Float], [Float]) = ([1, .nan, 0, 2], [2, 1, -0.0, 2])
    #expect(try floats(.compare(.less), a, b) == [1, 0, 0, 0])
    #expect(try floats(.compare(.greaterOrEqual), a, b) == [0, 0, 1, 1])
    #expect(try floats(.compare(.equal), a, b) == [0, 0, 1, 1])
    #expect(try floats(.compare(.notEqual), a, b) == [1, 1, 0, 0])
  }

  @Test func integersAreExactAndBitsAreBits() throws {
    #expect(try ints(.add, [5, -7], [6, 2]) == [11, -5])
    #expect(try ints(.multiply, [46340], [46341]) == [2_147_441_940])
    #expect(try ints(.divideFloor(4), [7, -1, -8, 0]) == [1, -1, -2, 0])
    #expect(try ints(.remainderFloor(4), [7, -1, -8, 0]) == [3, 3, 0, 0])
    #expect(try ints(.not, [0, -1]) == [-1, 0])
    #expect(try ints(.shiftLeft, [1, -1], [31, 4]) == [.min, -16])
    #expect(try ints(.shiftRightLogical, [-1], [28]) == [15])
    #expect(try ints(.shiftRightArithmetic, [-32, 31], [4, 4]) == [-2, 1])
    #expect(try ints(.compare(.less), [-1, 1], [1, -1]) == [1, 0])
    #expect(try apply(.not, [.bool], [[0, 1]]) == [1, 0])
    #expect(try apply(.select, [.bool, .bfloat16, .bfloat16], [[0, 1], [1, 2], [3, 4]]) == [3, 2])
  }

  @Test func overflowAndWideShiftsAreErrors() throws {
    #expect(refusal { _ = try ints(.add, [.max], [1]) }.contains("add gives 2147483648"))
    #expect(refusal { _ = try ints(.multiply, [65536], [65536]) }.contains("not an int32"))
    #expect(refusal { _ = try ints(.negate, [.min]) }.contains("negate"))
    #expect(refusal { _ = try ints(.absolute, [1, .min]) }.contains("at n 1"))
    #expect(refusal { _ = try ints(.shiftLeft, [1], [32]) }.contains("a shift by 32 bits"))
    #expect(refusal { _ = try ints(.shiftRightLogical, [1], [-1]) }.contains("a shift by -1 bits"))
  }

  @Test func conversionsRoundOnceThroughTheTypesWithArithmetic() throws {
    func convert(_ source: ElementType, _ codes: [UInt32], _ target: ElementType) throws -> [UInt32] {
      try apply(.convert(target), [source], [codes])
    }
    #expect(try convert(.float32, bits(2.5, -2.5, 1e20, -.infinity, .nan), .int32)
      == [2, UInt32(bitPattern: -2), UInt32(Int32.max), UInt32(bitPattern: .min), 0])
    #expect(try convert(.float32, bits(-3.5, 200, 0.5), .int8) == [0xFC, 127, 0])
    #expect(try convert(.float32, bits(-3.5, 300), .uint8) == [0, 255])
    #expect(try convert(.float32, bits(-9, 7.5), .int4) == [8, 7])
    #expect(try convert(.int32, [16_777_217, UInt32(bitPattern: -300)], .float32) == bits(16_777_216, -300))
    #expect(try convert(.int32, [UInt32(bitPattern: -300), 300], .int8) == [0x80, 0x7F])
    #expect(try convert(.int8, [0x80, 0x7F], .int32) == [UInt32(bitPattern: -128), 127])
    #expect(try convert(.uint8, [0x80], .float32) == bits(128))
    #expect(try convert(.bool, [0, 1], .int32) == [0, 1])
    #expect(try convert(.float32, bits(500, 0x1p-10, .nan, -0.0), .e4m3) == [0x7E, 0, 0x7F, 0x80])
    #expect(try convert(.float32, bits(1e9, .nan), .float16) == [0x7C00, 0x7E00])
    #expect(try convert(.e5m2, [0x7F, 0x3C], .bfloat16) == [0x7FC0, 0x3F80])
    #expect(try convert(.e2m1, [15, 1], .float32) == bits(-6, 0.5))
    #expect(try convert(.e8m0, [255, 0], .float32) == [0x7FC0_0000] + bits(0x1p-127))
  }

  @Test func bitCastsSeeCanonicalNaN() throws {
    #expect(try apply(.bitCast(.int32), [.float32], [[0xFFC1_2345, 0x8000_0000]]) == [0x7FC0_0000, 0x8000_0000])
    #expect(try apply(.bitCast(.uint8), [.e4m3], [[0xFF, 0x81]]) == [0x7F, 0x81])
    #expect(try apply(.bitCast(.e2m1), [.int4], [[9, 6]]) == [9, 6])
  }

  @Test func copiesKeepBitsAndArithmeticDoesNot() throws {
    let payload: UInt32 = 0xFFC1_2345
    #expect(try apply(.select, [.bool, .float32, .float32], [[1], [payload], [0]]) == [payload])
    #expect(try apply(.bitCast(.float32), [.int32], [[payload]]) == [payload])
    #expect(try apply(.negate, [.float32], [[payload]]) == [0x7FC0_0000])
    #expect(try floats(.add, [Float(bitPattern: payload)], [1]) == [0x7FC0_0000])
    #expect(try apply(.convert(.float32), [.float32], [[payload]]) == [0x7FC0_0000])
  }

  @Test func scalarFunctionsAreTheirBodiesAndWrap() throws {
    let function = ScalarFunction("scaled") { x in
      let wrapped = x.bits + x.int(.max)
      return wrapped.compared(.less, x.int(0)).select(x * x.float(2) + x.float(1), x)
    }
    let n = Dimension("n", 3)
    let builder = ProgramBuilder(name: "call", location: here)
    let input = try builder.declare(Parameter(name: "x", role: .input, element: .float32, axes: [n], location: here))
    let output = try builder.declare(Parameter(name: "y", role: .output, element: .float32, axes: [n], location: here))
    try builder.openRegion([ParallelAxis(n)], at: here)
    let x = try builder.append(.load(input, [.axis(n)]), at: here)
    let y = try builder.append(.call(function), [x], at: here)
    try builder.perform(.store(parameter: output, [.axis(n)], y, where: nil), at: here)
    builder.closeRegion()
    // Bits of positive floats wrap below 0; those of 0 do not, nor those of negative ones.
    let result = try runEveryWay(try builder.finish(), ["x": .floats([3], [3, 0, -2])])["y"]!
    #expect(result.numbers == [7, 0, -2])
  }

  @Test func aScalarFunctionComputesOneElement() {
    let half = ScalarInterpreter(ScalarFunction("half") { $0 * $0.float(0.5) })
    #expect(half(3) == 1.5)
    #expect(half([0xFF80_0001]) == 0x7FC0_0000)
    // The side that is not taken may shift too far; the one that is taken may not.
    let power = ScalarInterpreter(
      ScalarFunction("power") { x in
        let shifted = x.int(1).shiftedLeft(x.bits).floatFromBits
        return x.compared(.less, x.float(0x1p-140)).select(shifted, x)
      })
    #expect(power([5]) == 32)
    #expect(power([40]) == nil)
    #expect(power(2) == 2)
  }
}
