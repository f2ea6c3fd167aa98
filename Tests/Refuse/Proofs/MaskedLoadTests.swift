import MachineIR
import Proofs
import Testing
import TileIR
import Tiles

/// Lanes that a load leaves out are 0, not what is declared of the elements in the others.
@Suite struct MaskedLoadTests {
  /// `y[r] = x[picks[r] - least]` of picks from `least` to `least + 3`, eight rows a cell. The last cell's inactive
  /// lanes read x too, `least` before its first element, unless the gather is masked.
  private static func plan(least: Int, isMasked: Bool) throws -> Plan {
    try PickPlan.plan(least...least + 3) { picks, x, r in
      x[Position(picks[r]) - least]
    } body: { first, active in
      let picks = Expression.load(Access("picks", .int32, first), PickPlan.lanes, active: active)
      let value = Expression.gather(
        Access("x", .float32, .constant(0)), lanes: picks.apply(.subtract, .integer(Int64(least), PickPlan.lanes)),
        MachineType(.f32, 8), active: isMasked ? active : nil)
      return [.store(Access("y", .float32, first), value, active: active)]
    }
  }

  @Test(arguments: [0, 1])
  func activeLanesHaveWhatIsDeclared(_ least: Int) throws {
    let proof = MachineProof(try Self.plan(least: least, isMasked: true))
    #expect(proof.isProved, "\(proof.open)")
  }

  @Test func inactiveLanesMayBeWithinBounds() throws {
    let proof = MachineProof(try Self.plan(least: 0, isMasked: false))
    #expect(proof.isProved, "\(proof.open)")
  }

  @Test func inactiveLanesMayBeOutOfBounds() throws {
    let open = MachineProof(try Self.plan(least: 1, isMasked: false)).open
    #expect(open.contains { $0.contains("inBounds in pick: read x along four") }, "\(open)")
  }

  /// The interpreter agrees about each.
  @Test(arguments: [(0, true), (1, true), (0, false), (1, false)])
  func theInterpreterAgrees(_ least: Int, _ isMasked: Bool) throws {
    let plan = try Self.plan(least: least, isMasked: isMasked)
    let picks = HostTensor(.int32, [5], codes: [3, 0, 2, 1, 1].map { UInt32($0 + least) })
    let x = HostTensor(.float32, [4], numbers: [5, 6, 7, 8])
    var fault: MachineFault?
    do {
      let outcome = try MachineInterpreter.run(plan, ["picks": .tensor(picks), "x": .tensor(x)])
      #expect(outcome.results["y"] == HostTensor(.float32, [5], numbers: [8, 5, 7, 6, 6]))
    } catch {
      fault = error
    }
    #expect((fault != nil) == (least == 1 && !isMasked))
  }
}
