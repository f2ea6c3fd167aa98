@testable import check_plans
import MachineIR
import Operators
import PlanMutation
import Proofs
import Schedules
import Testing
import TileIR

/// Single faults put into right plans: the prover lets none pass that shows when the plan is run. The command
/// `check-plans mutate` makes a thousand of them; here is a sample.
@Suite struct PlanMutationTests {
  /// Faults that reach the wrong element without leaving bounds are not among them: the elements that a plan
  /// reads are not yet compared with those that its program reads.
  private static let faults: [PlanFault] = [
    .dropMask, .widenLoop, .lateLoop, .narrowLoop, .shrinkScratch, .shrinkWorkspace, .narrowIndex, .skipTail,
    .dropCells, .roundDown, .repeatStore, .dropStore,
  ]

  @Test(arguments: ["softmax", "quantise_q8", "linear_fp8", "grouped_linear_fp4", "gather", "rope"])
  func noFaultPasses(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: .avx512)
    var made = 0
    for fault in Self.faults {
      let sites = plan.sites(of: fault)
      guard !sites.isEmpty else { continue }
      let (kernel, site) = sites[(fault.rawValue.count * 7) % sites.count]
      let mutant = plan.mutant(fault, kernel: kernel, site: site)
      guard mutant.plan != plan else { continue }
      made += 1
      guard MachineProof(mutant.plan).isProved else { continue }
      for extents in instance.shapes {
        let launch = try PlanLaunch(instance, program, extents)
        for order in MachineInterpreter.CellOrder.allCases {
          let problem = launch.problem(mutant.plan, order: order, rowGap: 6)
          #expect(problem == nil, "\(fault.rawValue) in \(mutant.place) was proved")
        }
      }
    }
    #expect(made >= 5)
  }
}
