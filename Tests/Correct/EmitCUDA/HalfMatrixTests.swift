import DeviceModel
import EmitCUDA
@testable import MachineIR
import Runtime
import Testing
import TileIR
import Tiles

/// The matrix product of halves and the halves of codes: by the interpreter, by the text in the device model, and by plain
/// loops here.
@Suite struct HalfMatrixTests {
  /// y = what `values` makes of the words of x, one behind the other.
  private static func plan(
    for machine: MachineDescription, _ words: Int, _ values: () -> [Expression]
  ) throws -> Plan {
    let kernel = Kernel("halves") { k in
      let length = k.dimension("length", in: 0...4096)
      let x = k.input("x", Int32.self, [length])
      let y = k.output("y", Int32.self, [length])
      k.parallel(length) { i in y[i] = x[i] }
    }
    let program = try kernel.program()
    var at = 0
    let stores = values().map { value -> MachineStatement in
      defer { at += value.type.lanes }
      return .store(Access("y", .int32, .constant(at)), value, active: nil)
    }
    #expect(at == words)
    let machineKernel = MachineKernel(
      name: "halves",
      buffers: [
        KernelBuffer("x", .parameter(0), .int32, isWritten: false),
        KernelBuffer("y", .parameter(1), .int32, isWritten: true),
      ], scalars: [], scratch: [], cells: .constant(1), cell: Variable("cell", .index), body: stores)
    return Plan(
      program: program, machine: machine, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [machineKernel])], messages: [])
  }

  private static func load(_ at: Int, _ lanes: Int) -> Expression {
    .load(Access("x", .int32, .constant(at)), MachineType(.i32, lanes), active: nil)
  }

  /// What both make of the same words.
  private static func results(
    _ x: [Int32], _ words: Int, _ values: () -> [Expression]
  ) throws -> [(name: String, y: [Int32])] {
    let length = max(x.count, words)
    let padded = x + [Int32](repeating: 0, count: length - x.count)
    let outcome = try MachineInterpreter.run(
      try plan(for: .sm80, words, values), ["x": .tensor(HostTensor(padded))]
    ).results["y"]!
    let source = try plan(for: .sm90a, words, values)
    let text = try EmitCUDA.source(kernels: source.kernels, machine: .sm90a, program: source.program)
    let y = try KernelText(text, ["halves"]).run(
      [DeviceLaunch("halves", grid: 1, block: 128, [.buffer(0), .buffer(1), .integer(1), .buffer(2)])],
      [.input(padded), .undefined(4 * words), DeviceBuffer([0, 0, 0, 0], isWritten: true)], result: 1
    ).values(Int32.self)
    return [
      ("interpreter", (0..<words).map { Int32(bitPattern: UInt32(outcome[$0])) }), ("text", Array(y[..<words])),
    ]
  }

  private static func half(_ word: Int32, _ half: Int) -> Float {
    ElementType.float16.number(UInt32(bitPattern: word) >> UInt32(16 * half) & 0xFFFF)
  }

  /// The first part is the nearest integer, and both together are the number.
  @Test func partsOfEveryE4M3Number() throws {
    // NaN has no parts.
    let codes = (0..<256).map { $0 & 0x7F == 0x7F ? UInt8(0) : UInt8($0) }
    let x = (0..<64).map { word in
      (0..<4).reduce(Int32(0)) { $0 | Int32(truncatingIfNeeded: Int(codes[4 * word + $1]) << (8 * $1)) }
    }
    let found = try Self.results(x, 256) {
      [(0, 0), (0, 1), (1, 0), (1, 1)].map { Self.load(0, 64).apply(.halvesOfE4M3(pair: $0.0, part: $0.1)) }
    }
    for (name, y) in found {
      for (place, code) in codes.enumerated() {
        let (word, pair, half) = (place / 4, place % 4 / 2, place % 2)
        let parts = (0..<2).map { Self.half(y[128 * pair + 64 * $0 + word], half) }
        let number = ElementType.e4m3.number(UInt32(code))
        #expect(parts[0] == number.rounded(.toNearestOrEven), "\(name): code \(code)")
        #expect(parts[0] + parts[1] == number, "\(name): code \(code)")
        for (part, value) in parts.enumerated() {
          let (exponent, most) = HalfMatrices.partUnit(part)
          let units = value / Float(sign: .plus, exponent: exponent, significand: 1)
          #expect(units == units.rounded() && abs(units) <= Float(most), "\(name): code \(code)")
        }
      }
    }
  }

  @Test func everyE2M1NumberUnderEveryShift() throws {
    // Word w has code (w + n) % 16 as its n-th.
    let x = (0..<32).map { word in
      (0..<8).reduce(Int32(0)) { bits, number in
        let (code, pair, half) = ((word + number) % 16, number % 4, number / 4 * 16)
        let sign = (code >> 3) << (half + HalfMatrices.signBit - HalfMatrices.signShifts[pair])
        let size = (code & 7) << (half + HalfMatrices.sizeBit - HalfMatrices.sizeShifts[pair])
        return bits | Int32(truncatingIfNeeded: sign | size)
      }
    }
    for shift in 0...HalfMatrices.mostShift {
      let found = try Self.results(x, 128) {
        (0..<4).map {
          .apply(
            .halvesOfE2M1(pair: $0), [Self.load(0, 32), .integer(Int64(shift), MachineType(.i32, 32))],
            MachineType(.i32, 32))
        }
      }
      for (name, y) in found {
        for word in 0..<32 {
          for number in 0..<8 {
            let value = Self.half(y[32 * (number % 4) + word], number / 4)
            let expected = ElementType.e2m1.number(UInt32((word + number) % 16))
            let scale = Float(sign: .plus, exponent: shift + HalfMatrices.e2m1Exponent, significand: 1)
            #expect(value == expected * scale, "\(name): word \(word), code \(number), shift \(shift)")
          }
        }
      }
    }
  }

  /// Halves are multiples of 2^-9, and their sums below 2^24 of 2^-18.
  @Test func productsAreExact() throws {
    var random = SplitMix64(seed: 9)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float(Int(random.next() % 1023) - 511) / 512 } }
    func words(_ numbers: [Float]) -> [Int32] {
      stride(from: 0, to: numbers.count, by: 2).map { at in
        let halves = (0..<2).map { ElementType.float16.code(rounding: numbers[at + $0]) }
        return Int32(bitPattern: halves[0] | halves[1] << 16)
      }
    }
    // Where the instruction's manual has them.
    let (a, b, c) = (numbers(256), numbers(128), numbers(128))
    let left = words((0..<256).map { at in
      let (register, thread) = (at / 2 / 32, at / 2 % 32)
      return a[16 * (thread / 4 + register % 2 * 8) + thread % 4 * 2 + register / 2 * 8 + at % 2]
    })
    let right = words((0..<128).map { at in
      let (register, thread) = (at / 2 / 32, at / 2 % 32)
      return b[16 * (thread / 4) + thread % 4 * 2 + register * 8 + at % 2]
    })
    // Both buffers are of one length.
    let found = try Self.results(left + right + c.map { Int32(bitPattern: $0.bitPattern) }, 320) {
      let operands = [Self.load(192, 128).bitCast(to: .f32), Self.load(0, 128), Self.load(128, 64)]
      let sums = Expression.apply(.multiplyHalves, operands, HalfMatrices.sum).bitCast(to: .i32)
      return [sums, Self.load(0, 128), Self.load(0, 64)]
    }
    for (name, y) in found {
      for lane in 0..<128 {
        let (register, thread) = (lane / 32, lane % 32)
        let (row, column) = (thread / 4 + register / 2 * 8, 2 * (thread % 4) + register % 2)
        let sum = (0..<16).reduce(c[lane]) { $0 + a[16 * row + $1] * b[16 * column + $1] }
        #expect(Float(bitPattern: UInt32(bitPattern: y[lane])) == sum, "\(name): lane \(lane)")
      }
    }
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why), arguments: MachineDescription.gpus)
  func theTextCompiles(_ machine: MachineDescription) throws {
    let plan = try Self.plan(for: machine, 128) {
      let word = Self.load(0, 128).apply(.halvesOfE4M3(pair: 1, part: 0))
      let other = Expression.apply(.halvesOfE2M1(pair: 3), [Self.load(0, 64), Self.load(64, 64)], HalfMatrices.right)
      let operands = [Self.load(0, 128).bitCast(to: .f32), word, other]
      return [Expression.apply(.multiplyHalves, operands, HalfMatrices.sum).bitCast(to: .i32)]
    }
    try Compiler.expectNoSpills(plan, named: "halves")
  }

  @Test("a sum that is not exact in f32 has no value, nor has one of what has none, nor a part of NaN")
  func whatHasNoValue() throws {
    let table = FunctionTable(.ieee)
    func words(_ type: MachineType, _ number: Float) -> RegisterValue {
      let half = UInt64(ElementType.float16.code(rounding: number))
      return RegisterValue(type, repeating: half | half << 16)
    }
    func flaws(_ sum: Float, _ left: Float, _ right: RegisterValue) throws -> [UInt8]? {
      let sums = RegisterValue(HalfMatrices.sum, repeating: UInt64(sum.bitPattern))
      return try table.apply(.multiplyHalves, [sums, words(HalfMatrices.left, left), right], HalfMatrices.sum).flaws
    }
    let thousand = words(HalfMatrices.right, 1024)
    #expect(try flaws(0, 960, thousand) == nil)
    // 16 times 1024 squared are 2^24 units of 1 where one is there.
    #expect(try flaws(1, 1024, thousand)?.allSatisfy { $0 == Flaw.overflow.rawValue } == true)
    var right = thousand
    right.spoil(22, Flaw.undefined.rawValue)
    let spoiled = try #require(try flaws(0, 1, right))
    for lane in 0..<128 { #expect((spoiled[lane] != 0) == (HalfMatrices.sum(lane).column == 5)) }
    let codes = RegisterValue(MachineType(.i32, 32), repeating: 0xFF00)
    #expect(try table.apply(.halvesOfE4M3(pair: 0, part: 1), [codes], codes.type).flaws?.allSatisfy { $0 != 0 } == true)
    #expect(try table.apply(.halvesOfE4M3(pair: 1, part: 1), [codes], codes.type).flaws == nil)
    let shifts = RegisterValue(codes.type, repeating: UInt64(HalfMatrices.mostShift + 1))
    #expect(try table.apply(.halvesOfE2M1(pair: 0), [codes, shifts], codes.type).flaws?.allSatisfy { $0 != 0 } == true)
    #expect(throws: MachineFault.Kind.self) {
      try table.apply(.multiplyHalves, [right, right, right], HalfMatrices.sum)
    }
  }
}
