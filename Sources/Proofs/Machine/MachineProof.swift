import MachineIR
import TileIR

/// The promises of a machine program, each with its verdict.
public struct MachineProof: Sendable {
  /// The operator and the machine, for messages.
  public let title: String
  public let findings: [MachineFinding]
  /// What its machine is supposed to do without a document that says so.
  public let assumptions: Set<MachineAssumption>
  /// Parameters that are gathered with 32-bit offsets: a launch must refuse those that span more than 2^31
  /// elements.
  public let narrowSpans: Set<Int>
  /// Obligations as texts that other solvers read, where they were asked for.
  public let obligations: [(obligation: Obligation, verdict: Verdict)]

  /// Judges every kernel of a plan, for all launches that its program admits. With `certifies`, each bound
  /// that is proved is kept as an obligation.
  public init(_ plan: Plan, solver: Prover = Prover(), certifies: Bool = false) {
    var obligations: [(obligation: Obligation, verdict: Verdict)] = []
    title = "\(plan.program.name) for \(plan.machine.name)"
    assumptions = plan.assumptions
    var findings: [MachineFinding] = []
    var narrowSpans: Set<Int> = []
    var found: Set<SourceLocation> = []
    func judge(_ printed: MachineKernel, _ guards: [HostExpression], _ writes: inout WriteProofs) {
      let kernel = MatrixExpansion.expanded(printed)
      let (asserted, written) = (writes.asserted, writes.workspaces)
      var walk = KernelWalk(
        plan, kernel, guards: guards, asserted: asserted, written: written, solver: solver)
      walk.certifies = certifies
      let mark = walk.prover.table.count
      walk.walk()
      if !walk.findings.allSatisfy(\.verdict.isProved),
        kernel.scratch.contains(where: { $0.type.values != nil })
      {
        // Once more, with what the integers on chip are now known to be.
        let contents = walk.contents.summarised(walk, mark: mark)
        walk = KernelWalk(
          plan, kernel, guards: guards, contents: contents, asserted: asserted, written: written,
          solver: solver)
        walk.certifies = certifies
        walk.walk()
      }
      findings += walk.findings
      if walk.isOfWarps { findings += WarpOrder(walk).findings }
      findings += CopyOrder(walk).findings
      var sums = SumOrder(walk)
      sums.judge()
      findings += sums.findings
      obligations += sums.joining.obligations
      found.formUnion(sums.judged)
      obligations += walk.obligations
      let exact = Self.sums(of: kernel, walk, at: plan.program.location)
      findings += exact.findings
      obligations += exact.obligations
      findings += Self.products(of: kernel, plan.program)
      findings += Self.roundings(of: kernel, plan.program)
      narrowSpans.formUnion(walk.narrowSpans)
      writes.take(walk)
    }
    var layouts = WriteProofs(plan)
    for kernel in plan.preparations { judge(kernel, [], &layouts) }
    layouts.finishLayouts()
    findings += layouts.findings
    obligations += layouts.obligations
    let stated = plan.program.orderedSums
    for variant in plan.variants {
      var writes = WriteProofs(plan, layouts.workspaces)
      found = []
      for kernel in variant.kernels { judge(kernel, variant.guards, &writes) }
      findings += stated.subtracting(found).sorted { ($0.file, $0.line) < ($1.file, $1.line) }.map {
        location in
        MachineFinding(
          kind: .reductionOrder, kernel: plan.program.name, location: location,
          sentence: "the sum that is stated here is made",
          verdict: .unknown("no kernel of \(variant.name) has it"), open: nil)
      }
      writes.finish()
      findings += writes.findings
      obligations += writes.obligations
    }
    self.findings = findings
    self.narrowSpans = narrowSpans
    self.obligations = obligations
  }

  /// Whether sums of integer products are exact.
  private static func sums(
    of kernel: MachineKernel, _ walk: KernelWalk, at location: SourceLocation
  ) -> (findings: [MachineFinding], obligations: [(obligation: Obligation, verdict: Verdict)]) {
    var sums = ExactSums(kernel, trips: walk.trips, at: location)
    sums.judge()
    var seen: Set<MachineFinding> = []
    let findings = sums.verdicts.map { verdict in
      MachineFinding(
        kind: .exactAccumulator, kernel: kernel.name, location: verdict.place, sentence: verdict.sentence,
        verdict: verdict.isExact ? .proved(.intervals) : .unknown("it may leave its register"), open: nil)
    }.filter { seen.insert($0).inserted }
    guard walk.certifies else { return (findings, []) }
    var certified: Set<String> = []
    let obligations = sums.verdicts.compactMap { verdict -> (obligation: Obligation, verdict: Verdict)? in
      guard verdict.isExact, let bounds = verdict.bounds,
        certified.insert("\(verdict.place) \(verdict.sentence)").inserted
      else { return nil }
      let obligation = Obligation.exactSum(
        bounds.sum, in: bounds.register, kernel: kernel.name, at: verdict.place, verdict.sentence)
      return (obligation, .proved(.intervals))
    }
    return (findings, obligations)
  }

  /// Whether products are added with as many roundings as the program states.
  private static func roundings(of kernel: MachineKernel, _ program: Program) -> [MachineFinding] {
    guard let roundings = Roundings(kernel, program) else { return [] }
    func finding(_ location: SourceLocation, _ verdict: Verdict) -> MachineFinding {
      MachineFinding(
        kind: .reductionOrder, kernel: kernel.name, location: location,
        sentence: "products round before they are added",
        verdict: verdict, open: nil)
    }
    if roundings.faults.isEmpty { return [finding(program.location, .proved(.affine))] }
    return roundings.faults.map {
      finding($0, .unknown("a product and a sum are one operation, which is not stated here"))
    }
  }

  /// Whether each block of products of bytes has all of them, each once.
  private static func products(of kernel: MachineKernel, _ program: Program) -> [MachineFinding] {
    guard ByteWalk.applies(to: kernel) else { return [] }
    var walk = ByteWalk(kernel, at: program.location)
    walk.walk()
    let blocks = ByteBlocks(walk)
    var findings: [MachineFinding] = []
    func find(_ location: SourceLocation, _ sentence: String, _ why: String?) {
      let finding = MachineFinding(
        kind: .reductionOrder, kernel: kernel.name, location: location, sentence: sentence,
        verdict: why.map { .unknown($0) } ?? .proved(.affine), open: nil)
      if !findings.contains(finding) { findings.append(finding) }
    }
    var judged: Set<Int> = []
    for rounding in walk.roundings {
      judged.formUnion(rounding.sums.flatMap(\.sites))
      let stated = program.byteBlocks(at: rounding.location)
      let faults = stated.map { blocks.fault(rounding.sums, $0) }
      let sizes = Set(stated.map(\.block)).sorted().map { "\($0)" }.joined(separator: " or ")
      find(
        rounding.location, "products of bytes meet once each in blocks of \(sizes)",
        faults.contains(nil) ? nil : faults.first ?? "no blocks are stated here")
    }
    for place in walk.turnFaults {
      find(place, "blocks of products are added in turns", "those of one round do not follow each other")
    }
    for site in walk.sites.indices where !judged.contains(site) {
      find(walk.sites[site], "products of bytes are added to a block", "where they go is not followed")
    }
    return findings
  }

  public var isProved: Bool { findings.allSatisfy(\.verdict.isProved) }

  /// What is kept of it where it is proved.
  public var proved: ProvedPlan {
    ProvedPlan(narrowSpans: narrowSpans, counts: counts, assumptions: assumptions)
  }

  /// How many each procedure decided.
  public var counts: [Procedure: Int] {
    var counts: [Procedure: Int] = [:]
    for case .proved(let procedure) in findings.map(\.verdict) { counts[procedure, default: 0] += 1 }
    return counts
  }

  /// What is not proved, in words.
  public var open: [String] {
    findings.filter { !$0.verdict.isProved }.map { "\($0.location): \($0.text)" }
  }

  /// The obligations that have texts, for another solver.
  public func certificate(_ title: String) -> Certificate {
    Certificate(title: title, obligations.map { ($0.obligation, $0.verdict, nil) })
  }

  /// Refuses a plan that is not proved: what is open first, with the author's line.
  public func require() throws(Diagnostic) {
    let open = findings.filter { !$0.verdict.isProved }
    guard let first = open.first else { return }
    let more = open.count == 1 ? "" : "; \(open.count - 1) more, see `tessera prove`"
    throw Diagnostic("\(title) is not proved: \(first.text)\(more)", at: [first.location])
  }
}
