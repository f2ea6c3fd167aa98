import MachineIR
import TileIR

/// The promises of a machine program, each with its verdict.
public struct MachineProof: Sendable {
  public let findings: [MachineFinding]
  /// Parameters that are gathered with 32-bit offsets: a launch must refuse those that span 2^31 elements.
  public let narrowSpans: Set<Int>

  /// Judges every kernel of a plan, for all launches that its program admits.
  public init(_ plan: Plan, solver: Prover = Prover()) {
    var findings: [MachineFinding] = []
    var narrowSpans: Set<Int> = []
    func judge(_ kernel: MachineKernel, _ guards: [HostExpression], _ writes: inout WriteProofs) {
      let asserted = writes.asserted
      var walk = KernelWalk(plan, kernel, guards: guards, asserted: asserted, solver: solver)
      let mark = walk.prover.table.count
      walk.walk()
      if !walk.findings.allSatisfy(\.verdict.isProved), kernel.scratch.contains(where: { $0.type.values != nil }) {
        // Once more, with what the integers on chip are now known to be.
        let contents = walk.contents.summarised(walk, mark: mark)
        walk = KernelWalk(plan, kernel, guards: guards, contents: contents, asserted: asserted, solver: solver)
        walk.walk()
      }
      findings += walk.findings
      narrowSpans.formUnion(walk.narrowSpans)
      writes.take(walk)
    }
    var layouts = WriteProofs(plan)
    for kernel in plan.preparations { judge(kernel, [], &layouts) }
    layouts.finishLayouts()
    findings += layouts.findings
    for variant in plan.variants {
      var writes = WriteProofs(plan)
      for kernel in variant.kernels { judge(kernel, variant.guards, &writes) }
      writes.finish()
      findings += writes.findings
    }
    self.findings = findings
    self.narrowSpans = narrowSpans
  }

  public var isProved: Bool { findings.allSatisfy(\.verdict.isProved) }

  /// What is not proved, in words.
  public var open: [String] {
    findings.filter { !$0.verdict.isProved }.map { finding in
      let why = switch finding.verdict {
      case .proved: ""
      case .refuted(let counterexample): "fails for \(counterexample)"
      case .unknown(let reason): reason
      }
      let rest = finding.open.map { " (\($0))" } ?? ""
      return "\(finding.location): \(finding.kind.rawValue) in \(finding.kernel): \(finding.sentence): \(why)\(rest)"
    }
  }
}
