import DeviceModel
import EmitCUDA
@testable import MachineIR
import Runtime
import Testing
import TileIR
import Tiles

/// The matrix product of binary64: by the interpreter, by the text in the device model, and by plain loops here.
@Suite struct DoubleMatrixTests {
  /// y = c + a b of integers, on the lanes of one warp.
  private static func plan(for machine: MachineDescription) throws -> Plan {
    let kernel = Kernel("doubles") { k in
      let length = k.dimension("length", in: 0...1024)
      let (a, b) = (k.input("a", Int32.self, [length]), k.input("b", Int32.self, [length]))
      let c = k.input("c", Int32.self, [length])
      let y = k.output("y", Int32.self, [length])
      k.parallel(length) { i in y[i] = a[i] + b[i] + c[i] }
    }
    func load(_ buffer: String, _ type: MachineType) -> Expression {
      Expression.load(
        Access(buffer, .int32, .constant(0)), MachineType(.i32, type.lanes), active: nil
      ).converted(to: .f64)
    }
    let operands = [
      load("c", DoubleMatrices.sum), load("a", DoubleMatrices.left), load("b", DoubleMatrices.right),
    ]
    let product = Expression.apply(.multiplyDoubles, operands, DoubleMatrices.sum)
    let program = try kernel.program()
    let machineKernel = MachineKernel(
      name: "doubles",
      buffers: program.parameters.enumerated().map {
        KernelBuffer($1.name, .parameter($0), .int32, isWritten: $1.role == .output)
      }, scalars: [], scratch: [], cells: .constant(1), cell: Variable("cell", .index),
      body: [
        .store(
          Access("y", .int32, .constant(0)), product.converted(to: .f32).converted(to: .i32), active: nil)
      ])
    return Plan(
      program: program, machine: machine, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [machineKernel])], messages: [])
  }

  private static let (a, b, c): ([Int32], [Int32], [Int32]) = {
    var random = SplitMix64(seed: 3)
    func numbers(_ count: Int, _ most: Int32) -> [Int32] {
      (0..<count).map { _ in Int32(truncatingIfNeeded: random.next()) % most }
    }
    return (numbers(64, 1000), numbers(64, 1000), numbers(64, 1_000_000))
  }()

  /// What y holds, from the numbers where the instruction's manual puts them.
  private static var expected: [Int32] {
    (0..<64).map { lane in
      let (register, thread) = (lane / 32, lane % 32)
      let (row, column) = (thread / 4, 2 * (thread % 4) + register)
      return (0..<4).reduce(c[lane]) { $0 + a[4 * row + $1] * b[4 * column + $1] }
    }
  }

  @Test func theInterpreterIsExact() throws {
    let arguments: [String: Argument] = [
      "a": .tensor(HostTensor(Self.a)), "b": .tensor(HostTensor(Self.b)), "c": .tensor(HostTensor(Self.c)),
    ]
    let outcome = try MachineInterpreter.run(try Self.plan(for: .sm80), arguments)
    #expect(outcome.results["y"] == HostTensor(Self.expected))
  }

  @Test func theTextInTheDeviceModelIsExact() throws {
    let plan = try Self.plan(for: .sm90a)
    let source = try EmitCUDA.source(kernels: plan.kernels, machine: .sm90a, program: plan.program)
    let buffers: [DeviceBuffer] = [
      .input(Self.a), .input(Self.b), .input(Self.c), .undefined(4 * 64), DeviceBuffer([0, 0, 0, 0], isWritten: true),
    ]
    let y = try KernelText(source, ["doubles"]).run(
      [
        DeviceLaunch(
          "doubles", grid: 1, block: 128,
          [.buffer(0), .buffer(1), .buffer(2), .buffer(3), .integer(1), .buffer(4)])
      ], buffers, result: 3
    ).values(Int32.self)
    #expect(y == Self.expected)
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why), arguments: MachineDescription.gpus)
  func theTextCompiles(_ machine: MachineDescription) throws {
    try Compiler.expectNoSpills(try Self.plan(for: machine), named: "doubles")
  }

  @Test("a sum that binary64 may round has no value, and neither has one of what has none")
  func inexactSums() throws {
    let table = FunctionTable(.ieee)
    func value(_ type: MachineType, _ number: Double) -> RegisterValue {
      RegisterValue(type, repeating: number.bitPattern)
    }
    func flaws(_ sum: Double, _ left: Double, _ right: RegisterValue) throws -> [UInt8]? {
      let operands = [value(DoubleMatrices.sum, sum), value(DoubleMatrices.left, left), right]
      return try table.apply(.multiplyDoubles, operands, DoubleMatrices.sum).flaws
    }
    let small = value(DoubleMatrices.right, 0x1p24)
    #expect(try flaws(1, 0x1p26, small) == nil)
    for (sum, left) in [(0x1p52, 0x1p27), (0.5, 1), (.infinity, 1)] {
      #expect(try flaws(sum, left, small)?.allSatisfy { $0 == Flaw.overflow.rawValue } == true)
    }
    var right = small
    right.spoil(22, Flaw.undefined.rawValue)
    let spoiled = try #require(try flaws(0, 1, right))
    // Lane 22 of the right operand is in column 5.
    for lane in 0..<64 { #expect((spoiled[lane] != 0) == (DoubleMatrices.sum(lane).column == 5)) }
    #expect(throws: MachineFault.Kind.self) {
      try table.apply(.multiplyDoubles, [small, small, small], DoubleMatrices.sum)
    }
  }
}
