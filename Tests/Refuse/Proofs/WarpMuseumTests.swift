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

  /// A store of 32 lanes to the elements that `places` gives.
  private func scattering(_ places: Expression) -> Plan {
    let first = M.place(.variable(M.row), .constant(0))
    let value = Expression.load(Access("x", .float32, first), MachineType(.f32, 32), active: nil)
    let staged = MachineStatement.scatter(
      Access("staged", .float32, .constant(3)), lanes: places, value, active: nil)
    return M.plan(
      scratch: [ScratchArray("staged", .f32, count: .constant(70))], on: .sm80,
      M.overRows([.synchronise(.warp), staged]))
  }

  @Test func lanesThatGoToOneElementAreRefused() {
    let lane = Expression.laneNumbers(32)
    func number(_ value: Int64) -> Expression { .integer(value, MachineType(.i32, 32)) }
    func verdicts(_ places: Expression) -> [Verdict] {
      MachineProof(scattering(places)).findings.filter { $0.kind == .bijection }.map(\.verdict)
    }
    let shift = Expression.broadcast(.integer(64, MachineType(.i32)), 32)
    for places in [lane, lane.apply(.xor, number(5)), lane * number(2), lane * number(2) + shift] {
      #expect(verdicts(places) == [.proved(.binary)])
    }
    for places in [lane.remainder(by: 16), lane.divided(by: 2), lane.apply(.and, number(30))] {
      #expect(verdicts(places).allSatisfy { !$0.isProved } && verdicts(places).count == 1)
    }
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
