import EmitAscend
import MachineIR
import Operators
@testable import Schedules
import Testing
import TileIR

/// Two cells of a group, a vector core's each, whose cube core takes each step for both.
@Suite struct CellPairTests {
  /// Kernels of products, those for every launch last.
  private static func kernels(_ name: String, _ instance: String) throws -> [PipeKernel] {
    let own = try #require(OperatorLibrary.named(name)?.instances.first { $0.name == instance })
    return try Lowering.pipes(Lowering.plan(own.kernel().program(), for: .ascend910b)).filter(\.usesCubes)
  }

  /// The segment, its rows and an attention's token are both cells', the columns or heads one's; where those make no
  /// whole pairs, a group has one vector core. So it has where a launch of few rows has a cube core for each cell.
  @Test(arguments: [
    ("experts_down", "small", [2]), ("experts_up", "small fp8", [2]), ("experts_up", "small", [1]),
    ("attention", "small all entries", [2]), ("attention", "small", [1]), ("linear_fp8", "small", [1, 2]),
    ("linear_fp8", "v4-flash wq_a", [1, 2]), ("linear_fp8", "v4-flash wq_b", [2, 2]),
  ])
  func cellsThatFindTheSame(_ name: String, _ instance: String, _ vectorCores: [Int]) throws {
    #expect(try Self.kernels(name, instance).map(\.vectorCoresOfCube) == vectorCores)
  }

  private static let cell = Variable("cell", .index)

  /// A kernel of so many cells, times those of a launch, with these statements.
  private static func kernel(_ cells: HostExpression, _ body: [MachineStatement], scalars: [KernelScalar] = [])
    -> MachineKernel
  {
    MachineKernel(
      name: "pairs", buffers: [KernelBuffer("places", .parameter(0), .int32, isWritten: false)], scalars: scalars, floats: [],
      floatNames: [], scratch: [], cells: cells, cell: cell, body: body, agentWarps: 1)
  }

  @Test func whatIsOneCells() {
    func variable(_ name: String) -> Variable { Variable(name, .index) }
    func parts(_ divisor: Int) -> [MachineStatement] {
      let both = [Expression.variable(Self.cell), .constant(divisor)]
      return [
        .define(variable("shared"), .apply(.quotient, both, .index)),
        .define(variable("own"), .apply(.remainder, both, .index)),
        .define(
          variable("found"),
          Expression.load(Access("places", .int32, .variable(variable("shared"))), MachineType(.i32), active: nil)
            .converted(to: .i64)),
        .declare(variable("chosen"), .constant(0)),
        .branch(
          Expression.variable(variable("own")).compared(.less, .constant(1)),
          [.assign(variable("chosen"), .constant(1))], []),
        .loop(
          CountedLoop(
            variable("round"), from: .constant(0), to: .constant(9),
            [
              .declare(variable("inside"), .constant(0)), .assign(variable("inside"), .constant(2)),
              .branch(Expression.variable(variable("own")).compared(.less, .constant(3)), [.leave], []),
            ])),
      ]
    }
    let rows = HostExpression.scalar(parameter: 0)
    let even = OwnOfCells(Self.kernel(.constant(4) * rows, parts(4)))
    // How often the loop runs is one cell's, and so is what it leaves.
    #expect(even.variables == ["cell", "own", "chosen", "inside"])
    let odd = OwnOfCells(Self.kernel(.constant(3) * rows, parts(4)))
    #expect(odd.variables == ["cell", "own", "shared", "found", "chosen", "inside"])
    let threes = OwnOfCells(Self.kernel(.constant(6) * rows, parts(3)))
    #expect(threes.variables == ["cell", "own", "shared", "found", "chosen", "inside"])
  }

  /// What a launch says is even, whatever it is, divides pairs as a constant does.
  @Test func numbersOfALaunchThatAreEven() {
    let (blocks, rows) = (Variable("blocks", .index), HostExpression.scalar(parameter: 0))
    let shared = MachineStatement.define(
      Variable("shared", .index), .apply(.quotient, [.variable(Self.cell), .variable(blocks)], .index))
    func variables(_ count: HostExpression, cells: HostExpression) -> Set<String> {
      OwnOfCells(Self.kernel(cells, [shared], scalars: [KernelScalar("blocks", count)])).variables
    }
    #expect(variables(rows * .constant(2), cells: rows * .constant(2) * rows) == ["cell"])
    #expect(variables(rows * .constant(2), cells: rows) == ["cell", "shared"])
    #expect(variables(rows, cells: rows * .constant(2)) == ["cell", "shared"])
  }
}
