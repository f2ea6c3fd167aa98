import MachineIR
@testable import Schedules
import Testing
import TileIR

/// Where a warp's threads wait for each other: wherever one may meet another's element, and nowhere else.
@Suite struct WarpSynchronisationTests {
  private let i = Variable("i", .index)
  private let vector = MachineType(.f32, 32)

  /// The statements of a kernel with its synchronisations, one line each.
  private func lines(_ body: [MachineStatement], buffers: [KernelBuffer] = []) -> [String] {
    let kernel = MachineKernel(
      name: "k", buffers: buffers, scalars: [],
      scratch: [ScratchArray("a", .f32, count: .constant(512)), ScratchArray("b", .f32, count: .constant(512))],
      cells: .constant(1), cell: Variable("cell", .index), body: body)
    func text(_ statements: [MachineStatement], _ indent: String) -> [String] {
      statements.flatMap { statement -> [String] in
        switch statement {
        case .loop(let loop): [indent + "loop"] + text(loop.body, indent + "  ")
        case .branch(_, let a, let b):
          [indent + "if"] + text(a, indent + "  ") + (b.isEmpty ? [] : [indent + "else"] + text(b, indent + "  "))
        case .synchronise: [indent + "wait"]
        case .storeRaw(let buffer, _, _): [indent + "store \(buffer)"]
        case .store(let access, _, _): [indent + "store \(access.buffer)"]
        case .define(let variable, _): [indent + "let \(variable.name)"]
        case .clear: [indent + "clear"]
        case .leave: [indent + "leave"]
        default: [indent + "other"]
        }
      }
    }
    return text(kernel.synchronisingWarps().body, "")
  }

  private func store(_ buffer: String, _ offset: Expression, lanes: Int = 32) -> MachineStatement {
    .storeRaw(buffer: buffer, offset: offset, .float(1, lanes: lanes))
  }

  private func read(_ buffer: String, _ offset: Expression, lanes: Int = 32, _ name: String = "x") -> MachineStatement {
    .define(Variable(name, vector.with(lanes: lanes)), .raw(buffer: buffer, offset: offset, vector.with(lanes: lanes)))
  }

  private func loop(_ body: [MachineStatement], step: Int = 1) -> MachineStatement {
    .loop(CountedLoop(i, from: .constant(0), to: .constant(512), step: step, body))
  }

  @Test func aThreadsOwnElementsNeedNoWait() {
    // Element e is thread e % 32's in all of them.
    #expect(
      lines([
        loop([store("a", .variable(i))], step: 32), loop([read("a", .variable(i))], step: 32),
        store("a", .variable(i) * .constant(64), lanes: 64),
      ]) == ["loop", "  store a", "loop", "  let x", "store a"])
    // The first thread's own, one after the other.
    #expect(
      lines([store("a", .constant(1), lanes: 1), store("a", .constant(2), lanes: 1)]) == ["store a", "store a"])
  }

  @Test func anothersElementsAreWaitedFor() {
    // The last wait is before the next cell's first store.
    #expect(
      lines([store("a", .constant(0)), read("a", .constant(1))]) == ["wait", "store a", "wait", "let x"])
    #expect(
      lines([store("a", .constant(0), lanes: 1), read("a", .constant(0), lanes: 1)])
        == ["wait", "store a", "wait", "let x"])
  }

  @Test func oneWaitServesAllPairsAroundIt() {
    let found = lines([
      store("a", .constant(0)), store("b", .constant(0)), read("a", .constant(1)), read("b", .constant(1), "y"),
    ])
    #expect(found == ["wait", "store a", "store b", "wait", "let x", "let y"])
  }

  @Test func whatOnlyTheFirstRoundNeedsIsDoneBeforeTheLoop() {
    let found = lines([store("a", .constant(0)), loop([read("a", .variable(i))])])
    #expect(found == ["wait", "store a", "wait", "loop", "  let x"])
  }

  @Test func whatEveryRoundNeedsIsInTheLoop() {
    // Each round reads what the round before has written, and writes what it has read.
    let found = lines([loop([read("a", .variable(i)), store("a", .variable(i) + .constant(1))])])
    #expect(found == ["loop", "  wait", "  let x", "  wait", "  store a"])
  }

  @Test func aStatementThatReadsWhatItWritesReadsFirst() {
    let next = MachineStatement.storeRaw(
      buffer: "a", offset: .constant(3), .raw(buffer: "a", offset: .constant(4), MachineType(.f32)))
    #expect(lines([next]) == ["wait", "let read_1", "wait", "store a"])
  }

  @Test func branchesAndEarlyExitsAreFollowed() {
    let cell = Expression.variable(Variable("cell", .index))
    let condition = cell.compared(.less, .constant(3))
    #expect(
      lines([.branch(condition, [store("a", .constant(0))], []), read("a", .constant(1))])
        == ["if", "  wait", "  store a", "wait", "let x"])
    #expect(
      lines([loop([store("a", .variable(i)), .branch(condition, [.leave], [])], step: 32), read("a", .constant(1))])
        == ["wait", "loop", "  store a", "  if", "    leave", "wait", "let x"])
  }

  @Test func buffersThatAreOnlyWrittenNeedNone() {
    let y = KernelBuffer("y", .parameter(0), .float32, isWritten: true)
    func store(_ place: Int) -> MachineStatement {
      .store(Access("y", .float32, .constant(place)), .float(1, lanes: 32), active: nil)
    }
    #expect(lines([store(1), store(40)], buffers: [y]) == ["store y", "store y"])
    let read = MachineStatement.define(
      Variable("x", vector), .load(Access("y", .float32, .constant(2)), vector, active: nil))
    #expect(lines([read, store(1)], buffers: [y]) == ["wait", "let x", "wait", "store y"])
  }

  @Test func twoNamesOfOneBufferAreOne() {
    let buffers = [
      KernelBuffer("x", .parameter(0), .float32, isWritten: false),
      KernelBuffer("y", .parameter(0), .float32, isWritten: true),
    ]
    let read = MachineStatement.define(
      Variable("v", vector), .load(Access("x", .float32, .constant(1)), vector, active: nil))
    let store = MachineStatement.store(Access("y", .float32, .constant(0)), .float(1, lanes: 32), active: nil)
    #expect(lines([store, read], buffers: buffers) == ["wait", "store y", "wait", "let v"])
  }
}
