import MachineIR
import Proofs
import Testing
import TileIR
import Tiles

/// Stores that a kernel makes lane by lane: what holds in one lane says nothing of another, and a store under a
/// condition of data writes nothing for certain.
@Suite struct LaneStoreTests {
  /// Under what a lane's element is stored, beside there being one.
  enum Guard: CaseIterable {
    case none
    /// The first number is positive: the same for every lane, and a matter of data.
    case data
    /// The lane's own pick is not 0, which shows in bounds of what is read.
    case pick
  }

  /// `y[r] = x[picks[r] - 1]`, or 0 where the pick of lane `r ^ other` is 0, eight rows a cell.
  private static func plan(other: Int = 0, _ guarding: Guard = .none) throws -> Plan {
    try PickPlan.plan(0...4) { picks, x, r in
      select(picks[r] .>= 1, x[Position(picks[r]) - 1], 0)
    } body: { first, active in
      let picked = Variable("picked", PickPlan.lanes)
      func pick(_ lane: Int) -> Expression {
        Expression.apply(.lane(lane), [.variable(picked)], MachineType(.i32)).converted(to: .i64)
      }
      func both(_ a: Expression, _ b: Expression) -> Expression { .apply(.and, [a, b], MachineType(.mask)) }
      func load(_ place: Expression) -> Expression {
        .load(Access("x", .float32, place), MachineType(.f32), active: nil)
      }
      let stores = (0..<8).map { lane -> MachineStatement in
        let exists = Expression.constant(lane).compared(.less, active)
        let isPicked = pick(lane ^ other).compared(.greaterOrEqual, .constant(1))
        let place = pick(lane) - .constant(1)
        let value = guarding == .pick ? load(place) : .conditional(isPicked, load(place), .float(0))
        let condition = switch guarding {
        case .none: exists
        case .data: both(load(.constant(0)).compared(.greater, .float(0)), exists)
        case .pick: both(isPicked, exists)
        }
        return .branch(
          condition, [.store(Access("y", .float32, first + .constant(lane)), value, active: nil)], [])
      }
      return [.define(picked, .load(Access("picks", .int32, first), PickPlan.lanes, active: active))] + stores
    }
  }

  @Test func eachLaneByItsOwnCondition() throws {
    let proof = MachineProof(try Self.plan())
    #expect(proof.isProved, "\(proof.open)")
  }

  @Test func whatHoldsInAnotherLaneIsNotEnough() throws {
    let open = MachineProof(try Self.plan(other: 1)).open
    #expect(open.contains { $0.contains("inBounds in pick: read x along four") }, "\(open)")
  }

  @Test(arguments: [Guard.data, .pick]) func aConditionOfDataWritesNothingForCertain(_ guarding: Guard) throws {
    let open = MachineProof(try Self.plan(guarding)).open
    #expect(open.count == 1 && open[0].contains("every element of y is written"), "\(open)")
  }

  /// The interpreter agrees about each.
  @Test(arguments: Guard.allCases) func theInterpreterAgrees(_ guarding: Guard) throws {
    for other in [0, 1] {
      let plan = try Self.plan(other: other, guarding)
      let picks = HostTensor(.int32, [5], codes: [1, 0, 2, 4, 0])
      let x = HostTensor(.float32, [4], numbers: [-5, 6, 7, 8])
      var fault: MachineFault?
      do {
        let outcome = try MachineInterpreter.run(plan, ["picks": .tensor(picks), "x": .tensor(x)])
        #expect(outcome.results["y"] == HostTensor(.float32, [5], numbers: [-5, 0, 6, 8, 0]))
      } catch {
        fault = error
      }
      #expect((fault == nil) == (other == 0 && guarding == .none), "\(String(describing: fault))")
    }
  }
}
