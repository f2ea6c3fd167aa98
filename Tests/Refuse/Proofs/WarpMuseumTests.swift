import MachineIR
import Proofs
import Testing
import TileIR

/// Threads of a warp that do not wait for each other are refused by the proof, and seen by the interpreter.
@Suite struct WarpMuseumTests {
  private typealias M = MachineMuseum

  /// What becomes of each row: 32 lanes put it on chip, and each thread reads its neighbour's element.
  private enum Fault: CaseIterable {
    case none, noWaitBeforeTheRead, noWaitBeforeTheNextRound, waitOfSome, waitAfterTheRead
  }

  private func plan(_ fault: Fault) -> Plan {
    let lanes = MachineType(.f32, 32)
    let at = Expression.variable(M.column)
    let staged = MachineStatement.storeRaw(
      buffer: "staged", offset: .constant(0), Expression.load(Access("x", .float32, M.place(.variable(M.row), at)), lanes, active: nil))
    let turned = MachineStatement.store(
      Access("y", .float32, M.place(.variable(M.row), at, "y")),
      .raw(buffer: "staged", offset: .constant(1), lanes), active: nil)
    let wait = MachineStatement.synchronise(.warp)
    var body: [MachineStatement] = [wait, staged, wait, turned]
    switch fault {
    case .none: break
    case .noWaitBeforeTheRead: body = [wait, staged, turned]
    case .noWaitBeforeTheNextRound: body = [staged, wait, turned]
    case .waitOfSome:
      let some = Expression.laneNumbers(32).compared(.less, .integer(3, MachineType(.i32, 32)))
      body = [wait, staged, .branch(some, [wait], []), wait, turned]
    case .waitAfterTheRead: body = [wait, staged, turned, wait]
    }
    let first = MachineStatement.clear(buffer: "staged", offset: .constant(0), count: .constant(33))
    let rows = M.overRows([wait, first, .loop(CountedLoop(M.column, from: .constant(0), to: .constant(64), step: 32, body))])
    return M.plan(scratch: [ScratchArray("staged", .f32, count: .constant(33))], on: .sm80, rows)
  }

  private func ordered(_ plan: Plan) -> [MachineFinding] { MachineProof(plan).findings.filter { $0.kind == .ordered } }

  @Test func waitsThatSufficeAreProved() {
    let findings = ordered(plan(.none))
    #expect(findings.count == 1 && findings[0].verdict.isProved, "\(findings)")
    #expect(race(plan(.none)) == nil)
  }

  @Test func missingAndMisplacedWaitsAreRefused() {
    for fault in Fault.allCases where fault != .none {
      let open = ordered(plan(fault)).filter { !$0.verdict.isProved }
      #expect(!open.isEmpty, "\(fault)")
    }
    for fault in [Fault.noWaitBeforeTheRead, .noWaitBeforeTheNextRound, .waitAfterTheRead] {
      guard case .unordered("staged", _)? = race(plan(fault)) else {
        Issue.record("\(fault) is not seen")
        continue
      }
    }
  }

  @Test func aRefusalNamesTheLine() throws {
    let open = try #require(ordered(plan(.noWaitBeforeTheRead)).first)
    #expect(open.location == SourceLocation(file: "Museum/Copy.swift", line: 7))
    #expect(open.text.contains("before they share staged: a thread may read what another writes"), "\(open.text)")
  }

  private func race(_ plan: Plan) -> MachineFault.Kind? {
    let x = HostTensor(.float32, [6, 64], numbers: (0..<6 * 64).map { Float($0) })
    do {
      _ = try MachineInterpreter.run(plan, ["x": .tensor(x)])
      return nil
    } catch {
      return error.kind
    }
  }
}
