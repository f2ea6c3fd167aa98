@testable import check_plans
import MachineIR
import Operators
import Proofs
import Schedules
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

  /// Lanes along rows that data tell apart: stores and checks lane by lane, slots of a ring, gaps that other lanes
  /// fill, and the partners of a Hadamard matrix' lanes in rows that others have stored.
  @Test(arguments: [
    ("compress", "small ratio 4", "cpu-avx2", Schedule(registersPerVector: 1, laneAxis: .parallel("tokens"), cellLanes: 96)),
    ("scatter", "small", "cuda-sm80", Schedule(registersPerVector: 2, laneAxis: .parallel("rows"), cellLanes: 448)),
    (
      "query_rotation", "small", "cpu-sse2",
      Schedule(registersPerVector: 1, laneAxis: .parallel("tokens"), cellLanes: 208, keepsFromCost: 12)
    ),
    (
      "compress", "small ratio 4", "cuda-sm80",
      Schedule(registersPerVector: 2, laneAxis: .parallel("closed"), cellLanes: 80, fusesLoops: false)
    ),
    ("output_groups", "v4-flash", "cpu-avx2", Schedule(laneAxis: .parallel("groups"), cellLanes: 48, blocksProducts: false)),
  ])
  func lanesAlongDataAreProved(_ name: String, _ instance: String, _ target: String, _ schedule: Schedule) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let program = try #require(entry.instances.first { $0.name == instance }).kernel().program()
    let machine = try #require(MachineDescription.all.first { $0.name == target })
    let proof = MachineProof(try Lowering.plan(program, for: machine, schedule: schedule), solver: Prover(solver: nil))
    #expect(proof.isProved, "\(proof.open)")
  }
}
