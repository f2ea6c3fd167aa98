import MachineIR
import Operators
import Proofs

/// A tile program or a machine program in the table of `tessera prove`.
struct ProofRow {
  let name: String
  let instance: String
  /// The target of a machine program; nil for a tile program.
  let machine: String?
  /// How many obligations there are, and how many each procedure proved.
  let total: Int
  let counts: [Procedure: Int]
  let isComplete: Bool
  let verdict: String
  let milliseconds: Int
  /// Each obligation with its verdict; empty where a cached verdict was enough.
  let lines: [String]
  /// What stands in the way.
  let open: [String]
  let waivers: [String]
  let wasCached: Bool
  let certificate: Certificate?

  /// A tile program.
  init(_ name: String, _ instance: OperatorInstance, _ prove: @autoclosure () -> Proof) {
    let clock = ContinuousClock()
    let start = clock.now
    let proof = prove()
    milliseconds = Int((start.duration(to: clock.now) / .milliseconds(1)).rounded())
    self.name = name
    self.instance = instance.name
    machine = nil
    total = proof.results.count
    counts = proof.counts
    isComplete = proof.isComplete
    lines = proof.results.map(\.description)
    open = proof.results.filter { !$0.verdict.isProved }.map(\.description)
      + proof.idleWaivers.map { "\($0.location): nothing needs the waiver of \($0.name)" }
    waivers = proof.results.compactMap { $0.waiver.map { "\($0.name): \($0.reason)" } }
    wasCached = proof.wasCached
    if !proof.failures.isEmpty {
      verdict = "\(proof.failures.count) not proved"
    } else if !proof.idleWaivers.isEmpty {
      verdict = "idle waiver"
    } else {
      verdict = (waivers.isEmpty ? "proved" : "\(waivers.count) waived") + (wasCached ? ", cached" : "")
    }
    certificate = Certificate(title: "\(name), instance \(instance.name)", proof)
  }

  /// A machine program. Where its obligations themselves are wanted, a cached verdict is not enough.
  init(
    _ name: String, _ instance: OperatorInstance, _ plan: Plan, _ prover: Prover, isWanted: Bool, certifies: Bool
  ) {
    let clock = ContinuousClock()
    let start = clock.now
    let cached = isWanted ? nil : prover.cache?.proved(plan.stableHash)
    let proof = cached == nil ? MachineProof(plan, solver: prover, certifies: certifies) : nil
    if let proof, proof.isProved { prover.cache?.keepProved(plan.stableHash, proof.proved) }
    milliseconds = Int((start.duration(to: clock.now) / .milliseconds(1)).rounded())
    self.name = name
    self.instance = instance.name
    machine = plan.machine.name
    counts = cached?.counts ?? proof!.counts
    total = proof?.findings.count ?? counts.values.reduce(0, +)
    isComplete = proof?.isProved ?? true
    lines = proof?.findings.map { "\($0.location): \($0.text)" } ?? []
    open = proof?.open ?? []
    waivers = []
    wasCached = cached != nil
    verdict = isComplete ? "proved" + (wasCached ? ", cached" : "") : "\(open.count) not proved"
    certificate = certifies
      ? proof?.certificate("\(name), instance \(instance.name), on \(plan.machine.name)") : nil
  }

  static let head =
    ["operator", "instance", "of", "obligations"] + Procedure.allCases.map(\.rawValue) + ["ms", "verdict"]

  var cells: [String] {
    [name, instance, machine ?? "program", "\(total)"]
      + Procedure.allCases.map { counts[$0].map(String.init) ?? "-" } + ["\(milliseconds)", verdict]
  }
}

/// A row as JSON.
struct ProofReport: Encodable {
  let name, instance: String
  let machine: String?
  let obligations: Int
  let proved: [String: Int]
  let failures: [String]
  let waivers: [String]
  let milliseconds: Int
  let isProved, wasCached: Bool

  init(_ row: ProofRow) {
    (name, instance, machine) = (row.name, row.instance, row.machine)
    obligations = row.total
    proved = Dictionary(uniqueKeysWithValues: row.counts.map { ($0.key.rawValue, $0.value) })
    failures = row.isComplete ? [] : row.open
    waivers = row.waivers
    milliseconds = row.milliseconds
    (isProved, wasCached) = (row.isComplete, row.wasCached)
  }
}
