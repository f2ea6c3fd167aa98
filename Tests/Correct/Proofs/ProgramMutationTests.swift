@testable import check_plans
import Operators
import PlanMutation
import Proofs
import Testing
import TileIR

/// Single faults put into tile programs: what the reference refuses at some small shape is not proved. The
/// command `check-plans mutate-programs` makes a thousand of them; here is a sample.
@Suite struct ProgramMutationTests {
  @Test(arguments: [1, 2, 3]) func noFaultPasses(seed: UInt64) throws {
    // Those whose proofs and launches take milliseconds.
    let operators = ["softmax", "rope", "gather", "scatter", "swiglu", "quantise_q8", "rms_norm", "grouped_linear_fp4"]
    var (refused, harmless) = (0, 0)
    for drawn in try ProgramMutants(faults: ProgramFault.allCases, operators: operators, seed: seed).prefix(40) {
      guard Prover(solver: nil).prove(drawn.mutant.program).isComplete else {
        refused += 1
        continue
      }
      let problem = ProgramLaunches(instance: drawn.instance, drawn: 8).problem(drawn.mutant.program, seed: seed)
      #expect(problem == nil, "\(drawn.mutant.fault.rawValue) in \(drawn.name) \(drawn.instance.name), \(drawn.mutant.place) was proved")
      harmless += 1
    }
    #expect(refused > 20 && harmless > 0, "\(refused) refused, \(harmless) harmless")
  }

  /// Faults that only the declarations show: a constant length that is another, offsets that are no partition.
  @Test(arguments: [(ProgramFault.widenLength, "quantise_q8"), (.dropRefinement, "grouped_linear_fp4")])
  func declarationsAreNotTakenForGranted(_ fault: ProgramFault, _ name: String) throws {
    let instance = try #require(OperatorLibrary.named(name)?.instances.first { $0.isSmall })
    let mutants = try instance.kernel().program().mutants(of: fault)
    #expect(!mutants.isEmpty)
    for mutant in mutants {
      guard Prover(solver: nil).prove(mutant.program).isComplete else { continue }
      #expect(ProgramLaunches(instance: instance, drawn: 8).problem(mutant.program, seed: 1) == nil, "\(mutant.place)")
    }
  }
}
