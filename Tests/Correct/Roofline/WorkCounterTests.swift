import MachineIR
import Testing
import TileIR
import Tiles

@testable import Roofline

@Suite("Counted work of kernels")
struct WorkCounterTests {
  private static let x = Variable("x", MachineType(.f32, 64))
  private static func counter(_ name: String) -> Variable { Variable(name, .index) }

  /// Adds a vector of 64 to itself: two registers of a warp.
  private static let addition = MachineStatement.define(x, .variable(x).apply(.add, .variable(x)))

  private static func loop(_ name: String, from lower: Expression = .constant(0), to upper: Expression, _ body: [MachineStatement])
    -> MachineStatement
  {
    .loop(CountedLoop(counter(name), from: lower, to: upper, body))
  }

  private static func work(
    _ body: [MachineStatement], cells: Int = 1, scratch: [ScratchArray] = []
  ) throws -> (cell: Work, dependsOnData: Bool) {
    // A kernel that is counted belongs to a program, whatever that computes.
    let one = Dimension("one", 1)
    let program = try Kernel("copies") { k in
      let x = k.input("x", Float.self, [one])
      let y = k.output("y", Float.self, [one])
      k.parallel(one) { r in y[r] = x[r] }
    }.program()
    let kernel = MachineKernel(
      name: "kernel", buffers: [KernelBuffer("table", .workspace(0), .float32, isWritten: false)], scalars: [],
      scratch: scratch, cells: .constant(cells), cell: counter("cell"), body: body)
    var counting = WorkCounter(kernel, LaunchSizes(program, [:]), convertsE4M3: false)
    let cell = counting.cell(of: cells)
    return (cell, counting.dependsOnData)
  }

  @Test("rounds of loops multiply, whether they are alike or not")
  func loops() throws {
    let square = try Self.work([Self.loop("i", to: .constant(1000), [Self.loop("j", to: .constant(7), [Self.addition])])])
    #expect(square.cell.instructions == [.fp32: 2 * 7000])
    // 0 + 1 + … + 15 rounds: each is looked at.
    let triangle = try Self.work([
      Self.loop("i", to: .constant(16), [Self.loop("j", to: .variable(Self.counter("i")), [Self.addition])])
    ])
    #expect(triangle.cell.instructions == [.fp32: 2 * 120])
    // Of a thousand, sixteen evenly spread stand for all.
    let large = try Self.work([
      Self.loop("i", to: .constant(1001), [Self.loop("j", to: .variable(Self.counter("i")), [Self.addition])])
    ])
    let ratio = try #require(large.cell.instructions[.fp32]) / (2 * 500 * 1001)
    #expect(abs(ratio - 1) < 0.01)
    #expect(try Self.work([Self.loop("i", from: .constant(5), to: .constant(5), [Self.addition])]).cell == Work())
  }

  @Test("copies are asked for in pieces, and a wait that leaves others under way shares a read's time with them")
  func copies() throws {
    let ring = ScratchArray("ring", .f32, count: .constant(512))
    let copy = AsynchronousCopy(Access("table", .float32, .constant(0)), to: "ring", at: .constant(0), count: 256)
    let (cell, _) = try Self.work(
      [Self.loop("i", to: .constant(8), [.startCopy(copy), .closeCopies, .awaitCopies(1)]), .awaitCopies(0)],
      scratch: [ring])
    #expect(cell.copyTimes == 5)
    #expect(cell.copiedBytes == 8192)
    #expect(cell.bytes == ["table": 8192])
    #expect(cell.sharedTurns == 64)
    let instructions: [Work.Unit: Double] = [.access: 16, .integer: 16, .wait: 17]
    #expect(cell.instructions == instructions)
  }

  @Test("a condition that numbers decide chooses its side, one that data decide the cheaper and says so")
  func branches() throws {
    let isFirst = Expression.variable(Self.counter("cell")).compared(.equal, .constant(0))
    let byCell = try Self.work([.branch(isFirst, [Self.addition, Self.addition], [])], cells: 4)
    #expect(byCell.cell.instructions[.fp32] == 1.0)
    #expect(!byCell.dependsOnData)
    let data = Expression.gather(Access("table", .float32, .constant(0)), lanes: .integer(0, MachineType(.i32)), MachineType(.f32), active: nil)
    let byData = try Self.work([.branch(data.compared(.less, .float(0)), [Self.addition], [Self.addition, Self.addition])])
    #expect(byData.cell.instructions[.fp32] == 2)
    #expect(byData.dependsOnData)
  }

  @Test("turns of shared memory follow from the distance of neighbours")
  func banks() throws {
    func turns(_ stride: Int32) throws -> Double {
      let lanes = Expression.laneNumbers(32).apply(.multiply, .integer(Int64(stride), MachineType(.i32, 32)))
      let value = Expression.gatherRaw(buffer: "near", offset: .constant(0), lanes: lanes, MachineType(.f32, 32))
      let array = ScratchArray("near", .f32, count: .constant(4096))
      return try Self.work([.define(Variable("y", MachineType(.f32, 32)), value)], scratch: [array]).cell.sharedTurns
    }
    #expect(try [1, 2, 3, 8, 32, 33].map(turns) == [1, 2, 1, 8, 32, 1])
  }

  @Test("bytes are counted buffer by buffer")
  func bytes() throws {
    let load = Expression.load(Access("table", .float32, .constant(0)), MachineType(.f32, 64), active: nil)
    let work = try Self.work([Self.loop("i", to: .constant(3), [.define(Self.x, load)])]).cell
    #expect(work.bytes == ["table": 3 * 256])
    #expect(work.instructions[.access] == 6.0)
  }
}
