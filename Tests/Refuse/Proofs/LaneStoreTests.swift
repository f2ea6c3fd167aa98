import MachineIR
import Proofs
import Testing
import TileIR
import Tiles

/// Stores that a kernel makes lane by lane: what holds in one lane says nothing of another, and a store under a
/// condition of data writes nothing for certain.
@Suite struct LaneStoreTests {
  private static let lanes = MachineType(.i32, 8)

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
    let kernel = Kernel("pick") { k in
      let rows = k.dimension("rows", in: 0...1000)
      let four = k.dimension("four", in: 4...4)
      let picks = k.input("picks", Int32.self, [rows], .range(0, 4))
      let x = k.input("x", Float.self, [four])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in
        y[r] = select(picks[r] .>= 1, x[Position(picks[r]) - 1], 0)
      }
    }
    let program = try kernel.program()
    let rows = try #require(program.dimensions.first { $0.name == "rows" })
    let cell = Variable("cell", .index)
    let first = Expression.variable(cell) * .constant(8)
    let active = (Expression.variable(.init("rows", .index)) - first).minimum(.constant(8))
    let picked = Variable("picked", lanes)
    func pick(_ lane: Int) -> Expression {
      Expression.apply(.lane(lane), [.variable(picked)], MachineType(.i32)).converted(to: .i64)
    }
    func both(_ a: Expression, _ b: Expression) -> Expression { .apply(.and, [a, b], MachineType(.mask)) }
    func load(_ place: Expression) -> Expression {
      .load(Access("x", .float32, place), MachineType(.f32), active: nil)
    }
    var body: [MachineStatement] = [
      .define(picked, .load(Access("picks", .int32, first), lanes, active: active))
    ]
    for lane in 0..<8 {
      let exists = Expression.constant(lane).compared(.less, active)
      let isPicked = pick(lane ^ other).compared(.greaterOrEqual, .constant(1))
      let place = pick(lane) - .constant(1)
      let value = guarding == .pick ? load(place) : .conditional(isPicked, load(place), .float(0))
      let condition = switch guarding {
      case .none: exists
      case .data: both(load(.constant(0)).compared(.greater, .float(0)), exists)
      case .pick: both(isPicked, exists)
      }
      body.append(
        .branch(condition, [.store(Access("y", .float32, first + .constant(lane)), value, active: nil)], []))
    }
    let machineKernel = MachineKernel(
      name: "pick",
      buffers: [
        KernelBuffer("picks", .parameter(0), .int32, isWritten: false),
        KernelBuffer("x", .parameter(1), .float32, isWritten: false),
        KernelBuffer("y", .parameter(2), .float32, isWritten: true),
      ],
      scalars: [KernelScalar("rows", .extent(rows))], scratch: [],
      cells: HostExpression.extent(rows).dividedUp(by: 8), cell: cell, body: body)
    return Plan(
      program: program, machine: .avx2, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [machineKernel])], messages: [])
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
