@testable import check_plans
import MachineIR
import Proofs
import Testing

/// Schedules whose every choice is drawn: their plans give the reference's bits and are proved. The command
/// `check-plans schedules` draws hundreds, of every operator; here is a sample.
@Suite struct DrawnScheduleTests {
  @Test func drawnSchedulesAreProvedAndRight() throws {
    let operators = ["softmax", "rms_norm", "matmul", "linear_fp8", "rope", "gather", "top_k", "swiglu"]
    let drawn = Array(try ScheduleDraws(operators: operators, seed: 3).prefix(10))
    #expect(drawn.count == 10)
    // Draws differ, in targets too.
    #expect(Set(drawn.map(\.title)).count > 8 && Set(drawn.map(\.plan.machine.name)).count > 2)
    for (number, plan) in drawn.enumerated() {
      let judgement = try DrawnPlan(plan, number: number, solver: Prover())
      #expect(judgement.open.isEmpty, "\(plan.title): \(judgement.open)")
      #expect(judgement.problem == nil, "\(plan.title)")
      #expect(judgement.launches > 0)
    }
  }
}
