import MachineIR
import Reference
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// What print and assert show, wherever kernels run.
@Suite struct EffectTests {
  static let targets = MachineDescription.cpus.filter { $0.runsHere || Emulation.runs($0) }.map(\.name)
  let rows = Dimension("rows", in: 0...8)
  let width = Dimension("width", 4)

  private func load(_ program: Program, _ target: String, _ schedule: Schedule) throws -> any RunnableOperator {
    let machine = try #require(MachineDescription.named(target))
    let plan = try Lowering.plan(program, for: machine, schedule: schedule)
    return machine.runsHere
      ? try Executable(plan: plan, pool: BitsTests.pool) : try EmulatedExecutable(plan: plan)
  }

  private func printing() throws -> Program {
    try Kernel("shown") { k in
      let x = k.input("x", Float.self, [rows, width])
      let count = k.input("count", Int32.self, [rows], .range(0, 4))
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in
        let keys = k.axis("keys", in: 0...4, length: Position(count[r]))
        let sum = x[r, Position(keys)].sum(along: keys, order: .sequential)
        k.print("keys", x[r, Position(keys)])
        k.print("sum", sum)
        k.print("large", x[r] .> 4)
        k.print("count", count[r])
        y[r] = sum
      }
      k.parallel(rows) { r in k.print("short", x[r].cast(to: BFloat16.self)) }
    }.program()
  }

  @Test(arguments: targets)
  func tilesPrintAsTheReferencePrintsThem(_ target: String) throws {
    let program = try printing()
    let cases: [[String: Argument]] = [
      [
        "x": .floats([3, 4], [1, 2, 3, -.nan, 5, -0.0, 7, 8, .infinity, 10, 0x1p-140, 12.25]),
        "count": .ints([3], [2, 0, 4]),
      ],
      ["x": .floats([1, 4], [1, 2, 3, 4]), "count": .ints([1], [0])],
      ["x": .floats([0, 4], []), "count": .ints([0], [])],
    ]
    for schedule in Schedule.candidates(for: program, on: .sse2) {
      let executable = try load(program, target, schedule)
      for arguments in cases {
        var expected: [String] = []
        _ = try Reference.run(program, arguments, prints: { expected.append($0) })
        var found: [String] = []
        _ = try executable.run(arguments, extents: [:], threads: 3, prints: { found.append($0) })
        #expect(found == expected, "\(schedule)")
      }
    }
  }

  @Test(arguments: targets)
  func aFalseAssertionGivesTheAuthorsMessageAndLine(_ target: String) throws {
    let line = #line + 6
    let program = try Kernel("asserted") { k in
      let x = k.input("x", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in
        let sum = x[r].sum(along: width, order: .sequential)
        k.assert(sum .< 100, "sums stay below 100")
        y[r] = sum
      }
    }.program()
    let good: [String: Argument] = ["x": .floats([2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]
    let bad: [String: Argument] = ["x": .floats([2, 4], [1, 2, 3, 4, 50, 60, 7, 8])]
    for schedule in Schedule.candidates(for: program, on: .sse2).prefix(4) {
      let executable = try load(program, target, schedule)
      let message = refusal { _ = try executable.run(bad, extents: [:], threads: 2, prints: { _ in }) }
      #expect(message.contains("sums stay below 100"))
      #expect(message.contains("EffectTests.swift:\(line)"))
      // A failed launch leaves nothing behind that the next one sees.
      let results = try executable.run(good, extents: [:], threads: 2, prints: { _ in })
      #expect(results["y"]?.numbers == [10, 26])
    }
  }

  @Test(arguments: targets)
  func runTimeNumbersReachTheKernelsThatReadThem(_ target: String) throws {
    let program = try Kernel("numbers") { k in
      let start = k.scalar("start", in: 0...3)
      let x = k.input("x", Float.self, [rows, width])
      let table = k.input("table", Int32.self, [width])
      let y = k.output("y", Float.self, [rows, width])
      let z = k.output("z", Int32.self, [rows])
      k.parallel(rows) { r in y[r] = x[r] * 2 }
      k.parallel(rows) { r in z[r] = table[start] }
    }.program()
    let arguments: [String: Argument] = [
      "start": .int(2), "x": .floats([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), "table": .ints([4], [5, 6, 7, 8]),
    ]
    let executable = try load(program, target, Schedule())
    let found = try executable.run(arguments, extents: [:], threads: 1, prints: { _ in })
    #expect(try found == Reference.run(program, arguments))
  }
}
