@testable import check_plans
import MachineIR
import Operators
import PlanMutation
import Proofs
import Schedules
import Testing
import TileIR

/// Single faults put into right plans: what shows when the plan is run is refused by the walk or by tokens. The
/// command `check-plans mutate` makes a thousand of them; here is a sample.
@Suite struct PlanMutationTests {
  @Test(arguments: ["softmax", "quantise_q8", "gather", "rope"])
  func noFaultPasses(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: .avx512)
    var made = 0
    for fault in PlanFault.allCases {
      let sites = plan.sites(of: fault)
      guard !sites.isEmpty else { continue }
      let (kernel, site) = sites[(fault.rawValue.count * 7) % sites.count]
      let mutant = plan.mutant(fault, kernel: kernel, site: site)
      guard mutant.plan != plan else { continue }
      made += 1
      guard MachineProof(mutant.plan).isProved,
        try PlanTokens.difference(mutant.plan, instance, program, seed: 7) == nil
      else { continue }
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

  /// Bounds, loops and stores whose loss leaves elements on chip unwritten, for some lengths only: the walk says so, or
  /// no shape shows it.
  @Test(arguments: ["softmax", "rope"])
  func noElementOnChipStaysUnwritten(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: .sse2)
    var refused = 0
    for fault in [PlanFault.dropBound, .narrowLoop, .dropStaging, .lateLoop] {
      let sites = plan.sites(of: fault)
      for (kernel, site) in sites.enumerated().filter({ $0.offset % (sites.count / 4 + 1) == 0 }).map(\.element) {
        let mutant = plan.mutant(fault, kernel: kernel, site: site)
        let findings = MachineProof(mutant.plan, solver: Prover(solver: nil)).findings.filter { !$0.verdict.isProved }
        if findings.contains(where: { $0.kind == .defined }) { refused += 1 }
        guard findings.isEmpty else { continue }
        for extents in instance.shapes {
          let problem = try PlanLaunch(instance, program, extents).problem(mutant.plan)
          #expect(problem?.contains("nothing has written") != true, "\(fault.rawValue) in \(mutant.place) was proved")
        }
      }
    }
    #expect(refused > 0)
  }

  /// What a kernel reads of a workspace an earlier one has written: without a store of it the walk says so, or no
  /// shape shows an element that nothing has written. Rows of data-dependent length are found by a search in both
  /// kernels.
  @Test(arguments: [("linear_fp8", MachineDescription.sm80), ("experts_up", .sm80), ("hc_pre", .sm90a)])
  func workspacesAreWrittenBeforeTheyAreRead(_ name: String, _ machine: MachineDescription) throws {
    let mutants = try mutants(of: name, machine, [.dropStore]) { kernel in
      kernel.buffers.contains { buffer in
        if case .workspace = buffer.source { buffer.isWritten } else { false }
      }
    }
    try expectRefusals(mutants, "written before they are read")
  }

  /// A stage of a ring is copied to before it is read: every copy is needed for that, and all of it, or no shape
  /// shows that nothing has come.
  @Test(arguments: [MachineDescription.sm90a])
  func stagesAreCopiedBeforeTheyAreRead(_ machine: MachineDescription) throws {
    let mutants = try mutants(of: "linear_fp8", machine, [.dropCopy, .halveCopy]) { !$0.copies.isEmpty }
    try expectRefusals(mutants, "copied before they are read")
  }

  private struct Mutants {
    let instance: OperatorInstance
    let program: Program
    let mutants: [PlanMutant]
  }

  /// The mutants of kernels that run at every launch, of the first small instance.
  private func mutants(
    of name: String, _ machine: MachineDescription, _ faults: [PlanFault], of isMeant: (MachineKernel) -> Bool
  ) throws -> Mutants {
    let instance = try #require(OperatorLibrary.named(name)?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: machine)
    let kernels = Set(
      plan.kernels.indices.filter { $0 >= plan.preparations.count && isMeant(plan.kernels[$0]) })
    let mutants = faults.flatMap { fault -> [PlanMutant] in
      let sites = plan.sites(of: fault).filter { kernels.contains($0.kernel) }
      // A few of all.
      return stride(from: 0, to: sites.count, by: sites.count / 2 + 1)
        .map { plan.mutant(fault, kernel: sites[$0].kernel, site: sites[$0].site) }
    }
    return Mutants(instance: instance, program: program, mutants: mutants)
  }

  private func expectRefusals(_ all: Mutants, _ sentence: String) throws {
    #expect(!all.mutants.isEmpty)
    var refused = 0
    for mutant in all.mutants {
      let open = MachineProof(mutant.plan).findings.filter { !$0.verdict.isProved }
      if open.contains(where: { $0.kind == .defined && $0.sentence.hasSuffix(sentence) }) { refused += 1 }
      guard open.isEmpty else { continue }
      for extents in all.instance.shapes {
        let problem = try PlanLaunch(all.instance, all.program, extents).problem(mutant.plan)
        #expect(problem?.contains("nothing has written") != true, "\(mutant.fault) in \(mutant.place)")
      }
    }
    #expect(2 * refused >= all.mutants.count, "\(refused) of \(all.mutants.count)")
  }

  /// Another element of the same buffer is as safe as the right one, and often of much the same size.
  @Test(arguments: [(PlanFault.swapStrides, "experts_down")])
  func tokensTellWhatBoundsDoNot(_ fault: PlanFault, _ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    var (passed, refused) = (0, 0)
    for instance in entry.instances where instance.isSmall {
      let program = try instance.kernel().program()
      let plan = try Lowering.plan(program, for: .sse2)
      #expect(try PlanTokens.difference(plan, instance, program, seed: 7) == nil)
      for (kernel, site) in plan.sites(of: fault) {
        let mutant = plan.mutant(fault, kernel: kernel, site: site).plan
        guard mutant != plan, MachineProof(mutant).isProved else { continue }
        if try PlanTokens.difference(mutant, instance, program, seed: 7) == nil { passed += 1 } else { refused += 1 }
      }
    }
    #expect(refused > 0, "\(passed) passed")
  }

  /// Every wait of a plan for warps is needed, or the interpreter finds nothing without it.
  @Test(arguments: ["router", "expert_permutation", "quantise_q8"])
  func waitsOfWarpsAreNeeded(_ name: String) throws {
    let instance = try #require(OperatorLibrary.named(name)?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: .sm90a)
    let proof = MachineProof(plan)
    #expect(proof.isProved, "\(proof.open)")
    var refused = 0
    for fault in [PlanFault.dropWait, .delayWait, .hastenWait] {
      for (kernel, site) in plan.sites(of: fault).prefix(6) {
        let mutant = plan.mutant(fault, kernel: kernel, site: site)
        guard MachineProof(mutant.plan).isProved else {
          refused += 1
          continue
        }
        let launch = try PlanLaunch(instance, program, instance.shapes[0])
        #expect(launch.problem(mutant.plan) == nil, "\(fault.rawValue) in \(mutant.place) was proved")
      }
    }
    #expect(refused > 0)
  }

  /// Every wait for copies of a pipeline is needed, and every stage; without a wait of threads for each other the
  /// interpreter finds nothing where the walk does not.
  @Test(arguments: [MachineDescription.sm90a])
  func pipelinesOfCopiesNeedAllTheyHave(_ machine: MachineDescription) throws {
    let instance = try #require(OperatorLibrary.named("linear_fp8")?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: machine)
    let pipelines = Set(plan.kernels.indices.filter { !plan.kernels[$0].copies.isEmpty })
    #expect(!pipelines.isEmpty)
    func mutants(_ fault: PlanFault) -> [PlanMutant] {
      plan.sites(of: fault).filter { pipelines.contains($0.kernel) }
        .map { plan.mutant(fault, kernel: $0.kernel, site: $0.site) }
    }
    for fault in [PlanFault.dropCopyWait, .weakenCopyWait, .shrinkRing] {
      #expect(mutants(fault).count >= 2)
      for (number, mutant) in mutants(fault).enumerated() where number % 2 == 0 {
        #expect(!MachineProof(mutant.plan).isProved, "\(fault.rawValue) in \(mutant.place) was proved")
      }
    }
    let launch = try PlanLaunch(instance, program, instance.shapes[0])
    var refused = 0
    let waits = [PlanFault.dropWait, .delayWait, .hastenWait].flatMap(mutants)
    for (number, mutant) in waits.enumerated() where number % 8 == 0 {
      guard MachineProof(mutant.plan).isProved else {
        refused += 1
        continue
      }
      #expect(launch.problem(mutant.plan) == nil, "\(mutant.fault.rawValue) in \(mutant.place) was proved")
    }
    #expect(refused > 0)
  }

  /// Each product of bytes is needed, once, with its own bytes and its weight.
  @Test(arguments: [
    ("linear_fp8", MachineDescription.avx512), ("linear_fp8", .sm90a), ("linear_fp4", .avx512),
    ("index_scores", .avx512), ("linear_fp8", .ascend910b), ("attention", .ascend910b),
    ("attention", .sm90a),
  ])
  func productsOfBytesAreNeeded(_ name: String, _ machine: MachineDescription) throws {
    let instance = try #require(OperatorLibrary.named(name)?.instances.first { $0.isSmall })
    let plan = try Lowering.plan(instance.kernel().program(), for: machine)
    var count = 0
    for fault in [PlanFault.dropProduct, .repeatProduct, .shiftProduct, .weighSlices] {
      let sites = plan.sites(of: fault)
      for (kernel, site) in sites.enumerated().filter({ $0.offset % (sites.count / 2 + 1) == 0 }).map(\.element) {
        let mutant = plan.mutant(fault, kernel: kernel, site: site)
        let open = MachineProof(mutant.plan).findings.filter { !$0.verdict.isProved }
        #expect(open.contains { $0.kind == .reductionOrder }, "\(fault.rawValue) in \(mutant.place)")
        count += 1
      }
    }
    #expect(count > 0)
  }

  /// Faults of order in plans of the library: what the interpreter tells by tokens, the proof refuses.
  @Test(arguments: ["softmax", "rms_norm", "matmul", "index_scores"])
  func noOtherOrderPasses(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: .avx2)
    for fault in [PlanFault.reverseLoop, .regroup, .contract, .lateLoop] {
      let sites = plan.sites(of: fault)
      for (kernel, site) in sites.enumerated().filter({ $0.offset % (sites.count / 3 + 1) == 0 }).map(\.element) {
        let mutant = plan.mutant(fault, kernel: kernel, site: site)
        guard mutant.plan != plan, try PlanTokens.difference(mutant.plan, instance, program, seed: 7) != nil else { continue }
        #expect(!MachineProof(mutant.plan).isProved, "\(fault.rawValue) in \(mutant.place)")
      }
    }
  }
}
