import MachineIR
import Reference
import Runtime
import Schedules
import Testing
import Tiles

/// Sums whose last bit is easy to lose.
@Suite struct RoundingTests {
  /// A fused sum may be -0: absent elements must leave it alone.
  @Test func aFusedSumOfUnderflowingProductsKeepsItsSign() throws {
    let (rows, columns, inner) = (Dimension("rows", 2), Dimension("columns", 3), Dimension("inner", 17))
    let program = try Kernel("tiny_products") { k in
      let a = k.input("a", Float.self, [rows, inner])
      let b = k.input("b", Float.self, [columns, inner])
      let y = k.output("y", Float.self, [rows, columns])
      k.parallel(rows, columns) { r, c in
        y[r, c] = product(a[r], b[c], contracting: inner, .ordered(.interleaved(4), .fused))
      }
    }.program()
    let arguments: [String: Argument] = [
      "a": .tensor(HostTensor(.float32, [2, 17], numbers: [Float](repeating: 1e-30, count: 34))),
      "b": .tensor(HostTensor(.float32, [3, 17], numbers: [Float](repeating: -1e-30, count: 51))),
    ]
    let expected = try Reference.run(program, arguments)
    #expect(expected["y"]?.codes == [UInt32](repeating: 0x8000_0000, count: 6))
    for machine in MachineDescription.cpus.filter(\.runsHere) {
      for schedule in Schedule.candidates(for: program, on: machine) {
        let executable = try Executable(program, for: machine, schedule: schedule)
        #expect(try executable.run(arguments) == expected, "\(machine.name), \(schedule)")
      }
    }
  }

  /// 24 + 24 bits over 2048 elements take 59: the machine says so by name.
  @Test func fixedPointSumsThatF64CannotHoldAreRefused() throws {
    let (rows, columns, inner) = (Dimension("rows", 1), Dimension("columns", 1), Dimension("inner", 2048))
    let program = try Kernel("wide") { k in
      let a = k.input("a", Float.self, [rows, inner])
      let b = k.input("b", Float.self, [columns, inner])
      let y = k.output("y", Float.self, [rows, columns])
      k.parallel(rows, columns) { r, c in
        y[r, c] = product(a[r], b[c], contracting: inner, .fixedPoint(bits: 24, block: 2048))
      }
    }.program()
    for machine in MachineDescription.cpus {
      let refusal = #expect(throws: Diagnostic.self) { try Lowering.plan(program, for: machine) }
      let message = "\(refusal.map { "\($0)" } ?? "")"
      #expect(message.contains("\(machine.name) does not keep fixedPoint(24) in blocks of 2048"), "\(message)")
    }
  }
}
