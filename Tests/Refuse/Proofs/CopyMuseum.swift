import MachineIR
import Proofs
import TileIR
import Tiles

/// A pipeline of asynchronous copies written by hand, and wrong ones beside it: `y[rows, 64] = x[rows, 64]`, by way of a
/// workspace and a ring of stages on chip. A cell has 32 columns; a stage is a row of them. Threads copy, or bulk copies
/// arrive at barriers.
enum CopyMuseum {
  static let stages = 3

  enum Fault: CaseIterable {
    case none
    /// The wait for copies is gone, waits for all but one group more, or comes after the reads.
    case noWait, waitForOneMore, lateWait
    /// The threads do not wait for each other after it, before it in its place, or not between cells.
    case noSynchronise, earlySynchronise, noSynchroniseBetweenCells
    /// Stages follow one another sooner than copies are made, which start before or after the read.
    case ringTooSmall, ringTooSmallForLaterCopies
    /// Copies are asked for a round further ahead.
    case tooFarAhead
    /// A group is not closed, or only where there is something to copy.
    case openGroup, groupsOfSome
    /// A copy is started after the last round, and nothing waits for it.
    case noDrain
    /// The array is stored to as well, or what is copied is.
    case storeToStage, changedSource
    /// A copy begins within what a thread copies at once.
    case misaligned
    /// Only some threads start copies, or wait.
    case copyOfSome, waitOfSome
    /// The first round is not copied, or the second, or those that the loop is to copy; or a copy is short.
    case noFirstCopy, noSecondCopy, noLaterCopies, shortCopy
    /// The workspace lacks its last half row, the middle of each, or what a condition of data leaves out.
    case fewCells, gapsInCells, fillOfSome
    /// Of bulk copies: fewer barriers than groups under way, a number of them that is no power of two, one that is
    /// stored to, or a copy by threads beside them.
    case oneBarrier, threeBarriers, storeToBarrier, copyByThreads

    static let ofBulkCopies: [Fault] = [.oneBarrier, .threeBarriers, .storeToBarrier, .copyByThreads]

    /// What is refused.
    var kind: ObligationKind {
      switch self {
      case .misaligned: .aligned
      case .noFirstCopy, .noSecondCopy, .noLaterCopies, .shortCopy: .defined
      case .fewCells, .gapsInCells, .fillOfSome: .defined
      default: .inFlight
      }
    }
  }

  static let program: Program = {
    let kernel = Kernel("pipeline") { k in
      let rows = k.dimension("rows", in: 0...1000)
      let width = Dimension("width", 64)
      let x = k.input("x", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows, width])
      k.parallel(rows, width) { r, c in y[r, c] = x[r, c] }
    }
    return try! kernel.program()
  }()

  private static let vector = MachineType(.f32, 32)
  private static let row = Variable("row", .index)
  private static let cell = Variable("cell", .index)
  private static func name(_ name: String) -> Expression { .variable(.init(name, .index)) }
  private static let note = MachineStatement.note("copy", SourceLocation(file: "Museum/Pipeline.swift", line: 5))

  static func plan(_ fault: Fault, isBulk: Bool = false) -> Plan {
    let rows = program.dimensions.first { $0.name == "rows" }!
    let kept = KernelBuffer("kept", .workspace(0), .float32, isWritten: true)
    // A cell is half a row.
    let first = Expression.variable(cell).divided(by: 2)
    let half = Expression.variable(cell).remainder(by: 2) * .constant(32)
    let moved = Expression.load(Access("x", .float32, first * name("x_stride") + half), vector, active: nil)
    let fill = MachineKernel(
      name: "fill", buffers: [KernelBuffer("x", .parameter(0), .float32, isWritten: false), kept],
      scalars: [KernelScalar("x_stride", .stride(parameter: 0, axis: 0))], scratch: [],
      cells: .sum(.extent(rows) * .constant(2), .constant(fault == .fewCells ? -1 : 0)), cell: cell,
      body: [note]
        + filled(fault, .store(Access("kept", .float32, first * .constant(64) + half), moved, active: nil)))
    let pipeline = MachineKernel(
      name: "pipeline",
      buffers: [
        KernelBuffer("kept", .workspace(0), .float32, isWritten: fault == .changedSource),
        KernelBuffer("y", .parameter(1), .float32, isWritten: true),
      ],
      scalars: [KernelScalar("rows", .extent(rows)), KernelScalar("y_stride", .stride(parameter: 1, axis: 0))],
      scratch: [ScratchArray("ring", .f32, count: .constant(32 * ring(fault)))] + barriers(fault, isBulk),
      cells: .constant(2), cell: cell, body: [note] + body(fault, isBulk))
    return Plan(
      program: program, machine: isBulk ? .sm90a : .sm80, schedule: "",
      workspaces: [Workspace(name: "kept", byteCount: .extent(rows) * .constant(256))],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [fill, pipeline])], messages: [])
  }

  /// The statements that fill half a row of the workspace.
  private static func filled(_ fault: Fault, _ store: MachineStatement) -> [MachineStatement] {
    let first = Expression.variable(cell).divided(by: 2) * name("x_stride")
    let half = Expression.variable(cell).remainder(by: 2) * .constant(32)
    func load(_ offset: Expression, _ type: MachineType) -> Expression {
      .load(Access("x", .float32, offset), type, active: nil)
    }
    switch fault {
    case .gapsInCells:
      // The first and the last quarter of a cell's elements.
      let (part, type) = (Variable("part", .index), MachineType(.f32, 8))
      let at = Expression.variable(part) * .constant(24)
      let quarter = MachineStatement.store(
        Access("kept", .float32, Expression.variable(cell) * .constant(32) + at),
        load(first + half + at, type), active: nil)
      return [.loop(CountedLoop(part, from: .constant(0), to: .constant(2), [quarter]))]
    case .fillOfSome: return [.branch(load(first, MachineType(.f32)).compared(.less, .float(0)), [store], [])]
    default: return [store]
    }
  }

  private static func ring(_ fault: Fault) -> Int {
    [.ringTooSmall, .ringTooSmallForLaterCopies].contains(fault) ? stages - 1 : stages
  }

  private static func barriers(_ fault: Fault, _ isBulk: Bool) -> [ScratchArray] {
    let count = fault == .oneBarrier ? 1 : fault == .threeBarriers ? 3 : 2
    return isBulk ? [ScratchArray("barriers", .i64, count: .constant(count))] : []
  }

  private static func body(_ fault: Fault, _ isBulk: Bool) -> [MachineStatement] {
    let ring = ring(fault)
    let wait = MachineStatement.synchronise(.warp)
    let columns = Expression.variable(cell) * .constant(32)
    let some = Expression.laneNumbers(32).compared(.less, .integer(3, MachineType(.i32, 32)))
    func slot(_ row: Expression) -> Expression {
      (row.constantValue.map { .constant($0 % ring) } ?? row.remainder(by: ring)) * .constant(32)
    }
    func fetch(_ row: Expression) -> [MachineStatement] {
      let shift = fault == .misaligned ? 2 : 0
      let source = Access("kept", .float32, row * .constant(64) + columns + .constant(shift))
      let count = [.misaligned, .shortCopy].contains(fault) ? 28 : 32
      let isBulk = isBulk && (fault != .copyByThreads || row.constantValue == nil)
      let copy = MachineStatement.startCopy(
        AsynchronousCopy(
          source, to: "ring", at: slot(row), count: count, barriers: isBulk ? "barriers" : nil))
      var inside = [fault == .copyOfSome ? .branch(some, [copy], []) : copy]
      if fault == .groupsOfSome { inside.append(.closeCopies) }
      let started = MachineStatement.branch(row.compared(.less, name("rows")), inside, [])
      return [.openGroup, .groupsOfSome].contains(fault) ? [started] : [started, .closeCopies]
    }
    let at = Expression.variable(row)
    let read = MachineStatement.store(
      Access("y", .float32, at * name("y_stride") + columns), .raw(buffer: "ring", offset: slot(at), vector),
      active: nil)
    let ahead = stages - (fault == .tooFarAhead ? 0 : 1)
    let arrive = MachineStatement.awaitCopies(stages - (fault == .waitForOneMore ? 1 : 2))
    let refill = fault == .noLaterCopies ? [.closeCopies] : fetch(at + .constant(ahead))
    var round: [MachineStatement]
    switch fault {
    case .noWait: round = [wait] + refill + [read]
    case .lateWait: round = [wait] + refill + [read, arrive]
    case .noSynchronise: round = [arrive] + refill + [read]
    case .earlySynchronise: round = [wait, arrive] + refill + [read]
    case .ringTooSmallForLaterCopies: round = [arrive, wait, read] + refill
    case .storeToStage:
      round = [arrive, wait] + refill + [.storeRaw(buffer: "ring", offset: slot(at + .constant(1)), .float(0, lanes: 32)), read]
    case .changedSource:
      let next = at + .constant(1)
      let change = MachineStatement.store(
        Access("kept", .float32, next * .constant(64) + columns), .float(0, lanes: 32), active: nil)
      round = [arrive, wait] + refill + [.branch(next.compared(.less, name("rows")), [change], []), read]
    case .storeToBarrier:
      round =
        [.storeRaw(buffer: "barriers", offset: .constant(0), .integer(0, .index)), arrive, wait] + refill + [read]
    case .waitOfSome: round = [.branch(some, [arrive], []), wait] + refill + [read]
    default: round = [arrive, wait] + refill + [read]
    }
    let before = (0..<stages - 1).flatMap { number -> [MachineStatement] in
      fault == [.noFirstCopy, .noSecondCopy][number] ? [.closeCopies] : fetch(.constant(number))
    }
    return (fault == .noSynchroniseBetweenCells ? [] : [wait]) + before
      + [.loop(CountedLoop(row, from: .constant(0), to: name("rows"), round))]
      + [.awaitCopies(0)] + (fault == .noDrain ? [wait] + fetch(.constant(0)) : [])
  }
}
