import DeviceModel
import EmitCUDA
@testable import MachineIR
import Runtime
import Testing
import TileIR
import Tiles

/// Slices of E4M3 codes: by the interpreter and by the text in the device model, of all codes.
@Suite struct SliceTests {
  /// y = the three slices of x's codes, one behind the other.
  private static func plan(for machine: MachineDescription) throws -> Plan {
    let kernel = Kernel("slices") { k in
      let length = k.dimension("length", in: 0...1024)
      let x = k.input("x", Int32.self, [length])
      let y = k.output("y", Int32.self, [length])
      k.parallel(length) { i in y[i] = x[i] }
    }
    let program = try kernel.program()
    let codes = Expression.load(Access("x", .int32, .constant(0)), ByteMatrices.right, active: nil)
    let machineKernel = MachineKernel(
      name: "slices",
      buffers: [
        KernelBuffer("x", .parameter(0), .int32, isWritten: false),
        KernelBuffer("y", .parameter(1), .int32, isWritten: true),
      ], scalars: [], scratch: [], cells: .constant(1), cell: Variable("cell", .index),
      body: (0..<SignedSlices.count).map {
        .store(Access("y", .int32, .constant(64 * $0)), codes.apply(.sliceOfE4M3($0)), active: nil)
      })
    return Plan(
      program: program, machine: machine, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [machineKernel])], messages: [])
  }

  /// Words of all 256 codes, each code's lane and byte its own number.
  private static let codes = (0..<64).map { word in
    (0..<4).reduce(Int32(0)) { $0 | Int32(truncatingIfNeeded: (4 * word + $1) << (8 * $1)) }
  }

  /// Each code's slices make up its integer, and are as near to zero as they can be.
  private func check(_ y: [Int32]) {
    for code in 0..<256 where code & 0x7F != 0x7F {
      let slices = (0..<3).map { Int(Int8(truncatingIfNeeded: y[64 * $0 + code / 4] >> Int32(8 * (code % 4)))) }
      let sum = slices[0] + slices[1] << 7 + slices[2] << 14
      #expect(Double(sum) == Double(ElementType.e4m3.number(UInt32(code))) * 512, "code \(code)")
      #expect(abs(slices[0]) <= 64 && abs(slices[1]) <= 64, "code \(code): \(slices)")
    }
  }

  @Test func theInterpreterMakesUpEveryNumber() throws {
    var x = HostTensor(.int32, [192])
    for (at, word) in Self.codes.enumerated() { x[at] = UInt32(bitPattern: word) }
    let y = try MachineInterpreter.run(try Self.plan(for: .sm80), ["x": .tensor(x)]).results["y"]!
    check((0..<192).map { Int32(bitPattern: UInt32(y[$0])) })
  }

  @Test func theTextGivesTheInterpretersSlices() throws {
    let plan = try Self.plan(for: .sm90a)
    let source = try EmitCUDA.source(kernels: plan.kernels, machine: .sm90a, program: plan.program)
    let y = try KernelText(source, ["slices"]).run(
      [DeviceLaunch("slices", grid: 1, block: 128, [.buffer(0), .buffer(1), .integer(1), .buffer(2)])],
      [.input(Self.codes), .undefined(4 * 192), DeviceBuffer([0, 0, 0, 0], isWritten: true)], result: 1
    ).values(Int32.self)
    check(y)
    for code in 0..<256 {
      let own = SignedSlices.slices(of: UInt8(code))
      for (slice, value) in own.enumerated() {
        #expect(Int8(truncatingIfNeeded: y[64 * slice + code / 4] >> Int32(8 * (code % 4))) == value, "code \(code)")
      }
    }
  }
}
