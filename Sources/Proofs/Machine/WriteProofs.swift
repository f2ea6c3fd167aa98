import MachineIR
import TileIR

/// Whether every output's element is written exactly once over a plan's kernels.
struct WriteProofs {
  private(set) var findings: [MachineFinding] = []
  /// What joining has relied on, where it is kept.
  private(set) var obligations: [(obligation: Obligation, verdict: Verdict)] = []
  private let plan: Plan
  /// What kernels write of each parameter, in numbers of the launch.
  private var written: [Int: [(region: WrittenRegion, kernel: Int)]] = [:]
  /// The same of each workspace.
  private var parts: [Int: [(region: WrittenRegion, kernel: Int)]] = [:]
  private var open: Set<Int> = []
  private var walks: [WrittenRegions] = []
  /// What checks have established so far.
  private(set) var asserted: [AssertedFact] = []
  /// What is written of workspaces so far.
  private(set) var workspaces: WorkspaceContents

  /// Kernels that come after what is written of `workspaces`.
  init(_ plan: Plan, _ workspaces: WorkspaceContents = WorkspaceContents()) {
    self.plan = plan
    self.workspaces = workspaces
  }

  /// Takes what one kernel writes.
  mutating func take(_ walk: KernelWalk) {
    var joining = WrittenRegions(walk)
    let all = joining.regions()
    let names = Set(walk.kernel.buffers.map(\.name))
    let regions = all.filter { names.contains($0.buffer) }
    joining.judgeDisjoint(regions)
    obligations += joining.obligations
    joining.obligations = []
    walks.append(joining)
    for (number, fact) in walk.checks.enumerated() {
      // Each coordinate of the axis is checked, once or more.
      let parts = all.filter { $0.buffer == AssertedFact.mark(number) }
      guard parts.count == 1, !parts[0].isConditional, parts[0].axes.count == 1, parts[0].axes[0].step == 1
      else {
        continue
      }
      var prover = joining.walk.prover
      let extent = joining.walk.numbers.extent(plan.program.parameters[fact.parameter].axes[0])
      if prover.isZero(parts[0].axes[0].first), prover.isZero(parts[0].axes[0].count - extent) {
        asserted.append(fact)
      }
    }
    for complaint in joining.complaints where names.contains(complaint.buffer) {
      note(walk, complaint.buffer, complaint.location, .unknown(complaint.message), complaint.region)
    }
    for region in regions {
      note(walk, region.buffer, region.location, .proved(.affine))
      guard let buffer = walk.kernel.buffers.first(where: { $0.name == region.buffer }) else { continue }
      switch buffer.source {
      case .parameter(let position): written[position, default: []].append((region, walks.count - 1))
      case .workspace(let position): parts[position, default: []].append((region, walks.count - 1))
      }
    }
    noteWorkspaces(walk)
    // Cells are independent where none reads what another writes.
    for buffer in walk.kernel.buffers where buffer.isWritten && walk.reads[buffer.name] != nil {
      if walk.readsOwnElements(buffer.name) { continue }
      findings.append(
        MachineFinding(
          kind: .independentCells, kernel: walk.kernel.name, location: plan.program.location,
          sentence: "cells of \(walk.kernel.name) do not read \(buffer.name), which others write",
          verdict: .unknown("it is read and written by one kernel"), open: nil))
    }
  }

  private mutating func noteWorkspaces(_ walk: KernelWalk) {
    for buffer in walk.kernel.buffers where buffer.isWritten {
      guard case .workspace(let position) = buffer.source, plan.workspaces[position].prints == nil,
        !workspaces.whole.contains(position), wholeness(of: position).isWhole
      else { continue }
      workspaces.noteWhole(position)
    }
    workspaces.take(walk)
  }

  private mutating func note(
    _ walk: KernelWalk, _ buffer: String, _ location: SourceLocation, _ verdict: Verdict,
    _ region: String? = nil
  ) {
    if case .parameter(let position)? = walk.kernel.buffers.first(where: { $0.name == buffer })?.source,
      !verdict.isProved
    {
      open.insert(position)
    }
    findings.append(
      MachineFinding(
        kind: .writtenOnce, kernel: walk.kernel.name, location: location,
        sentence: "no element of \(buffer) is written twice", verdict: verdict, open: region))
  }

  /// Judges that outputs are whole, and that states are written wherever the tile program writes them.
  mutating func finish() {
    for (position, parameter) in plan.program.parameters.enumerated() where !open.contains(position) {
      let isOutput = parameter.role == .output
      guard isOutput || plan.program.stores(to: position) else { continue }
      // A tile program may leave elements of a state as they are.
      let wholeness = wholeness(written[position] ?? [], parameter.location) { joining, region in
        joining.isWhole(region, position) && (!isOutput || !region.isConditional)
      }
      judgeWhole(parameter.name, parameter.location, wholeness)
    }
  }

  /// Judges that weights laid out anew are whole: a launch reads any of them.
  mutating func finishLayouts() {
    for (position, workspace) in plan.workspaces.enumerated() where workspace.prepares != nil {
      let isWhole = workspaces.whole.contains(position)
      judgeWhole(workspace.name, plan.program.location, isWhole ? (true, nil) : wholeness(of: position))
    }
  }

  /// Whether what kernels have written of a workspace so far is all of it.
  private mutating func wholeness(of position: Int) -> (isWhole: Bool, text: String?) {
    let workspace = plan.workspaces[position]
    return wholeness(parts[position] ?? [], plan.program.location) { joining, region in
      guard let buffer = joining.walk.kernel.buffers.first(where: { $0.name == region.buffer })
      else { return false }
      let numbers = joining.walk.numbers
      let bytes = numbers.value(workspace.byteCount, &joining.walk.prover)
      return !region.isConditional && !region.hasGaps && region.axes.count == 1 && region.axes[0].step == 1
        && joining.isZero(region.axes[0].first)
        && joining.isZero(region.axes[0].count * buffer.element.bitWidth - bytes * 8)
    }
  }

  private mutating func judgeWhole(
    _ name: String, _ location: SourceLocation, _ wholeness: (isWhole: Bool, text: String?)
  ) {
    findings.append(
      MachineFinding(
        kind: .covered, kernel: plan.program.name, location: location,
        sentence: "every element of \(name) is written",
        verdict: wholeness.isWhole ? .proved(.affine) : .unknown("its regions are not the whole buffer"),
        open: wholeness.text))
  }

  /// Whether regions are together one that `isWhole` says is all of a buffer; what they are where it is not.
  private mutating func wholeness(
    _ regions: [(region: WrittenRegion, kernel: Int)], _ location: SourceLocation,
    _ isWhole: (inout WrittenRegions, WrittenRegion) -> Bool
  ) -> (isWhole: Bool, text: String?) {
    guard let first = regions.first else { return (false, "nothing writes it") }
    // Regions of several kernels meet in numbers of the launch, which all kernels number alike.
    var joining = walks[first.kernel]
    let isComparable = regions.allSatisfy { other in
      other.kernel == first.kernel || walks[other.kernel].walk.isOfLaunch(other.region)
    }
    guard isComparable else { return (false, "kernels write parts of it") }
    let joined = joining.merged(
      regions.map { part in
        var region = part.region
        region.location = location
        return region
      })
    let isAll = joined.count == 1 && isWhole(&joining, joined[0])
    obligations += joining.obligations
    return (isAll, isAll ? nil : joined.map { joining.walk.text($0) }.joined(separator: "; "))
  }
}

extension Program {
  /// Whether a statement stores to a parameter.
  fileprivate func stores(to position: Int) -> Bool {
    regions.contains { region in
      region.statements.contains { statement in
        if case .store(position, _, _, _) = statement.effect { true } else { false }
      }
    }
  }
}

extension WrittenRegions {
  /// Whether a region is all of a parameter: each of its axes from end to end.
  fileprivate mutating func isWhole(_ region: WrittenRegion, _ position: Int) -> Bool {
    let program = walk.plan.program
    let axes = program.parameters[position].axes
    let extents = Set(axes + program.dimensions).map { walk.numbers.extent($0) }
    for (number, axis) in region.axes.enumerated() {
      guard axis.step == 1 || axis.count == Polynomial(1) else { return false }
      guard isZero(axis.first) || walk.starts(position).contains(where: { isZero(axis.first - $0) }) else {
        return false
      }
      if region.axes.count == axes.count, isZero(axis.count - walk.numbers.extent(axes[number])) { continue }
      if program.parameters[position].role == .state,
        extents.contains(where: { isZero(axis.count - $0) })
          || walk.spans(position).contains(where: { isZero(axis.count - $0) })
      {
        continue
      }
      // Places that coordinates are read from: all of some axis.
      guard region.axes.count != axes.count || axes.count == 1,
        extents.contains(where: { isZero(axis.count - $0) })
      else { return false }
    }
    return true
  }
}

extension KernelWalk {
  /// Where the tile program's stores to a state begin along an axis, as far as the launch's numbers say.
  fileprivate func starts(_ position: Int) -> [Polynomial] {
    guard plan.program.parameters[position].role == .state else { return [] }
    var prover = self.prover
    func start(_ index: Index) -> Polynomial? {
      switch index {
      case .axis: Polynomial(0)
      case .sum(let a, let b): start(a).flatMap { x in start(b).map { x + $0 } }
      case .scaled(let a, let n): start(a).map { $0 * n }
      case .remainder(let a, _): start(a)
      case .divided, .value: nil
      case .constant, .scalar, .extent:
        (try? HostExpression(index, in: plan.program)).map { numbers.value($0, &prover) }
      }
    }
    return plan.program.regions.flatMap(\.statements).flatMap { statement -> [Polynomial] in
      guard case .store(position, let indices, _, _) = statement.effect else { return [] }
      return indices.compactMap(start)
    }
  }

  /// How many coordinates regions with bounds of their own run over.
  fileprivate func spans(_ position: Int) -> [Polynomial] {
    var prover = self.prover
    return plan.program.regions.flatMap(\.axes).compactMap { axis in
      guard let bounds = axis.bounds, let lower = try? HostExpression(bounds.lower, in: plan.program),
        let upper = try? HostExpression(bounds.upper, in: plan.program)
      else { return nil }
      return numbers.value(upper, &prover) - numbers.value(lower, &prover)
    }
  }

  /// Whether a region speaks of numbers of the launch only.
  func isOfLaunch(_ region: WrittenRegion) -> Bool {
    region.axes.allSatisfy { axis in
      (prover.table.symbols(in: axis.first) + prover.table.symbols(in: axis.count))
        .allSatisfy { $0 <= launchNumbers }
    }
  }

  func text(_ region: WrittenRegion) -> String {
    region.axes.map { "from \(prover.text($0.first)) by \($0.step): \(prover.text($0.count))" }.joined(
      separator: ", ")
  }
}
