import DeviceModel
import EmitCUDA
@testable import MachineIR
import Runtime
import Testing
import TileIR
import Tiles

/// The matrix product of bytes: by the interpreter, by the text in the device model, and by
/// plain loops here.
@Suite struct ByteMatrixTests {
  /// y = c + a b.
  private static func plan(for machine: MachineDescription) throws -> Plan {
    let kernel = Kernel("bytes") { k in
      let length = k.dimension("length", in: 0...1024)
      let (a, b) = (k.input("a", Int32.self, [length]), k.input("b", Int32.self, [length]))
      let c = k.input("c", Int32.self, [length])
      let y = k.output("y", Int32.self, [length])
      k.parallel(length) { i in y[i] = a[i] + b[i] + c[i] }
    }
    func load(_ buffer: String, _ type: MachineType) -> Expression {
      .load(Access(buffer, .int32, .constant(0)), type, active: nil)
    }
    let c = load("c", ByteMatrices.sum)
    let product = Expression.apply(
      .multiplyBytes, [c, load("a", ByteMatrices.left), load("b", ByteMatrices.right)], ByteMatrices.sum)
    let program = try kernel.program()
    let machineKernel = MachineKernel(
      name: "bytes",
      buffers: program.parameters.enumerated().map {
        KernelBuffer($1.name, .parameter($0), .int32, isWritten: $1.role == .output)
      }, scalars: [], scratch: [], cells: .constant(1), cell: Variable("cell", .index),
      body: [.store(Access("y", .int32, .constant(0)), product, active: nil)])
    return Plan(
      program: program, machine: machine, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [machineKernel])], messages: [])
  }

  private struct Inputs {
    let a: [Int32], b: [Int32], c: [Int32]

    init(extreme: Bool) {
      var random = SplitMix64(seed: extreme ? 1 : 2)
      func words(_ count: Int) -> [Int32] {
        (0..<count).map { _ in extreme ? Int32(bitPattern: 0x8080_8080) : Int32(truncatingIfNeeded: random.next()) }
      }
      (a, b) = (words(128), words(64))
      c = (0..<128).map { _ in Int32(truncatingIfNeeded: random.next()) >> 4 }
    }

    /// What y holds, from the bytes where the instruction's manual puts them.
    var expected: [Int32] {
      func byte(_ word: Int32, _ at: Int) -> Int { Int(Int8(truncatingIfNeeded: word >> Int32(8 * at))) }
      var y = c
      for thread in 0..<32 {
        for register in 0..<4 {
          let (row, column) = (thread / 4 + register / 2 * 8, 2 * (thread % 4) + register % 2)
          var sum = 0
          for k in 0..<32 {
            let left = a[(k / 16 * 2 + row / 8) * 32 + row % 8 * 4 + k % 16 / 4]
            let right = b[k / 16 * 32 + column * 4 + k % 16 / 4]
            sum += byte(left, k % 4) * byte(right, k % 4)
          }
          y[32 * register + thread] += Int32(sum)
        }
      }
      return y
    }
  }

  @Test(arguments: [false, true]) func theInterpreterIsExact(_ extreme: Bool) throws {
    let inputs = Inputs(extreme: extreme)
    let arguments: [String: Argument] = [
      "a": .tensor(HostTensor(inputs.a)), "b": .tensor(HostTensor(inputs.b + inputs.b)),
      "c": .tensor(HostTensor(inputs.c)),
    ]
    let outcome = try MachineInterpreter.run(try Self.plan(for: .sm80), arguments)
    #expect(outcome.results["y"] == HostTensor(inputs.expected))
  }

  @Test(arguments: [false, true]) func theTextInTheDeviceModelIsExact(_ extreme: Bool) throws {
    let plan = try Self.plan(for: .sm90a)
    let source = try EmitCUDA.source(kernels: plan.kernels, machine: .sm90a, program: plan.program)
    let text = try KernelText(source, ["bytes"])
    let inputs = Inputs(extreme: extreme)
    let buffers: [DeviceBuffer] = [
      .input(inputs.a), .input(inputs.b), .input(inputs.c), .undefined(4 * 128), DeviceBuffer([0, 0, 0, 0], isWritten: true),
    ]
    let y = try text.run(
      [
        DeviceLaunch(
          "bytes", grid: 1, block: 128,
          [.buffer(0), .buffer(1), .buffer(2), .buffer(3), .integer(1), .buffer(4)])
      ], buffers, result: 3
    ).values(Int32.self)
    #expect(y == inputs.expected)
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why), arguments: MachineDescription.gpus)
  func theTextCompiles(_ machine: MachineDescription) throws {
    try Compiler.expectNoSpills(try Self.plan(for: machine), named: "bytes")
  }

  @Test func sumsThatLeaveTheirRegisterAndBytesWithoutValueAreSeen() throws {
    let table = FunctionTable(.ieee)
    func value(_ type: MachineType, _ bits: Int64, flawed: Int? = nil) -> RegisterValue {
      var value = RegisterValue(type, repeating: UInt64(bitPattern: bits))
      if let flawed { value.spoil(flawed, Flaw.undefined.rawValue) }
      return value
    }
    let (ones, none) = (value(ByteMatrices.right, 0x0101_0101), value(ByteMatrices.right, 0))
    let left = value(ByteMatrices.left, 0x0101_0101, flawed: 37)
    // Lane 37 of the left operand is in row 9, lane 35 of the right in column 0.
    let sums = try table.apply(.multiplyBytes, [value(ByteMatrices.sum, 5), left, ones], ByteMatrices.sum)
    for lane in 0..<128 {
      #expect(sums.bits[lane] == 37)
      #expect((sums.flaws![lane] != 0) == (ByteMatrices.sum(lane).row == 9))
    }
    let right = value(ByteMatrices.right, 0, flawed: 35)
    let columns = try table.apply(
      .multiplyBytes, [value(ByteMatrices.sum, 0), value(ByteMatrices.left, 0), right], ByteMatrices.sum)
    for lane in 0..<128 { #expect((columns.flaws![lane] != 0) == (ByteMatrices.sum(lane).column == 0)) }
    let full = value(ByteMatrices.sum, Int64(Int32.max) - 31)
    #expect(try table.apply(.multiplyBytes, [full, value(ByteMatrices.left, 0x0101_0101), none], full.type).flaws == nil)
    let over = try table.apply(.multiplyBytes, [full, value(ByteMatrices.left, 0x0101_0101), ones], full.type)
    #expect(over.flaws?.allSatisfy { $0 == Flaw.overflow.rawValue } == true)
    #expect(throws: MachineFault.Kind.self) { try table.apply(.multiplyBytes, [full, ones, ones], full.type) }
  }
}

extension HostTensor {
  /// A line of integers.
  init(_ values: [Int32]) {
    self.init(.int32, [values.count])
    for (at, value) in values.enumerated() { self[at] = UInt32(bitPattern: value) }
  }
}
