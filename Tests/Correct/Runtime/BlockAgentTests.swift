import DeviceModel
import MachineIR
import Operators
import Proofs
import Runtime
import Schedules
import Testing
import TileIR

/// Kernels whose agents are blocks give the reference's bits in the device model and have nothing to report.
@Suite struct BlockAgentTests {
  /// Runs a plan on arguments of a small launch.
  private func check(
    _ program: Program, _ plan: Plan, _ bitCase: BitCase, _ order: DeviceOrder, _ label: String
  ) throws {
    let model = try DeviceModelProgram(plans: [plan])
    let host = try HostArguments(program, bitCase.arguments, extents: bitCase.extents)
    let launch = DeviceModelProgram.Launch(plan: 0, host.launch, extents: bitCase.extents)
    if case .failure(let error) = try model.run([launch], order: order)[0] {
      Issue.record("\(label): \(error)")
      return
    }
    let results = host.results()
    for (output, expected) in bitCase.expected {
      let found = try #require(results[output])
      if found != expected { Issue.record("\(label): \(output) \(difference(found, expected))") }
    }
  }

  /// Rows as long as a model's, each with the variant that takes it.
  @Test(arguments: [
    ("rms_norm", "v4-flash hidden", ["rows": 5], "few rows"),
    ("rms_norm", "v4-flash hidden", ["rows": 66], "every launch"),
    ("softmax", "rows of 4096", ["rows": 5, "width": 1100], "rows on chip"),
    ("softmax", "rows of 4096", ["rows": 2, "width": 9001], "long rows"),
    ("argmax", "v4-flash logits", ["rows": 3, "width": 8192], "rows on chip"),
    ("argmax", "v4-flash logits", ["rows": 2, "width": 8193], "long rows"),
    ("sampling_weights", "v4-flash", ["rows": 1], "few rows"),
    ("hc_head", "v4-flash", ["rows": 2, "tokens": 3], "few rows"),
    ("attention", "v4-flash decode", ["capacity": 600, "positions": 2600, "sequences": 1, "tokens": 2], "few rows"),
  ])
  func longRowsGiveTheReferencesBits(
    _ name: String, _ instance: String, _ extents: [String: Int], _ variant: String
  ) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let own = try #require(entry.instances.first { $0.name == instance })
    let program = try own.kernel().program()
    let plan = try Lowering.plan(program, for: .sm90a)
    func value(_ number: HostExpression) -> Int {
      number.evaluate(extent: { $0.extent ?? extents[$0.name]! }, stride: { _, _ in 0 }, scalar: { _ in 0 })
    }
    let first = plan.variants.first { $0.guards.allSatisfy { value($0) >= 0 } }
    let taken = try #require(first)
    #expect(taken.name == variant && taken.kernels.contains { $0.agentWarps > 1 })
    let bitCase = try BitCase(own, program, extents, .extreme)
    try check(program, plan, bitCase, .shuffled(seed: 9), "\(name) \(extents)")
  }

  /// All that lanes do between the warps of a block: halves, pairs, places of their own.
  @Test(arguments: [
    "softmax", "swiglu", "rope", "hadamard", "quantise_s4", "top_k", "expert_counts", "router", "linear_fp4",
  ])
  func smallLaunchesGiveTheReferencesBits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    var schedule = Schedule.standard(for: .sm80)
    schedule.agentWarps = 2
    schedule.registersPerVector = 2
    let plan = try Lowering.plan(program, for: .sm80, schedule: schedule)
    for extents in instance.shapes {
      try check(program, plan, try BitCase(instance, program, extents, .ordinary), .descending, "\(name) \(extents)")
    }
  }

  /// A block that waits as a warp is refused, and so are lanes that lie apart by a warp, not by a block.
  @Test func waitsOfAWarpAloneAreRefused() throws {
    let entry = try #require(OperatorLibrary.named("softmax"))
    let program = try entry.instances[0].kernel().program()
    var schedule = Schedule.standard(for: .sm90a)
    schedule.agentWarps = 8
    let plan = try Lowering.plan(program, for: .sm90a, schedule: schedule)
    #expect(MachineProof(plan).isProved)
    func changed(_ body: [MachineStatement], _ change: (MachineStatement) -> [MachineStatement]) -> [MachineStatement] {
      body.flatMap { statement -> [MachineStatement] in
        switch statement {
        case .loop(let loop): [.loop(loop.with(changed(loop.body, change)))]
        case .branch(let condition, let a, let b): [.branch(condition, changed(a, change), changed(b, change))]
        default: change(statement)
        }
      }
    }
    func open(_ change: (MachineStatement) -> [MachineStatement]) -> [MachineFinding] {
      let kernels = plan.variants[0].kernels.map { $0.with(body: changed($0.body, change)) }
      let wrong = Plan(
        program: program, machine: plan.machine, schedule: "", workspaces: plan.workspaces,
        variants: [PlanVariant(name: "wrong", guards: [], kernels: kernels)], messages: plan.messages)
      return MachineProof(wrong).findings.filter { $0.kind == .ordered && !$0.verdict.isProved }
    }
    #expect(open { [$0] }.isEmpty)
    #expect(!open { $0 == .synchronise(.block) ? [.synchronise(.warp)] : [$0] }.isEmpty)
    #expect(!open { $0 == .synchronise(.block) ? [] : [$0] }.isEmpty)
  }
}
