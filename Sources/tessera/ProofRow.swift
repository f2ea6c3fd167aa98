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
  /// What a machine is supposed to do without a document that says so.
  let assumptions: Set<MachineAssumption>
  let certificate: Certificate?
  /// What is kept of it where it is proved.
  let proved: ProvedPlan?

  /// A tile program.
  init(_ name: String, _ instance: OperatorInstance, _ proof: Proof, _ time: Duration) {
    milliseconds = Int((time / .milliseconds(1)).rounded())
    proved = proof.proved
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
    assumptions = []
    if !proof.failures.isEmpty {
      verdict = "\(proof.failures.count) not proved"
    } else if !proof.idleWaivers.isEmpty {
      verdict = "idle waiver"
    } else {
      verdict = (waivers.isEmpty ? "proved" : "\(waivers.count) waived") + (wasCached ? ", cached" : "")
    }
    certificate = Certificate(title: "\(name), instance \(instance.name)", proof)
  }

  /// A machine program.
  init(_ name: String, _ instance: OperatorInstance, _ plan: Plan, _ prover: Prover, certifies: Bool) {
    let clock = ContinuousClock()
    let start = clock.now
    let proof = MachineProof(plan, solver: prover, certifies: certifies)
    proved = proof.isProved ? proof.proved : nil
    milliseconds = Int((start.duration(to: clock.now) / .milliseconds(1)).rounded())
    self.name = name
    self.instance = instance.name
    machine = plan.machine.name
    counts = proof.counts
    total = proof.findings.count
    isComplete = proof.isProved
    lines = proof.findings.map { "\($0.location): \($0.text)" }
    open = proof.open
    waivers = []
    wasCached = false
    assumptions = proof.assumptions
    verdict = isComplete ? "proved" : "\(open.count) not proved"
    certificate = certifies
      ? proof.certificate("\(name), instance \(instance.name), on \(plan.machine.name)") : nil
  }

  /// A program, or what it is on a machine, that this executable has found proved before.
  init(_ name: String, _ instance: OperatorInstance, on machine: String?, _ known: ProvedPlan) {
    self.name = name
    self.instance = instance.name
    self.machine = machine
    counts = known.counts
    total = counts.values.reduce(0, +)
    isComplete = true
    (lines, open, waivers) = ([], [], [])
    (wasCached, verdict, milliseconds) = (true, "proved, cached", 0)
    assumptions = known.assumptions
    certificate = nil
    proved = known
  }

  /// A program that a target refuses, since it does not keep a numeric class: nothing of it runs there.
  init(_ name: String, _ instance: OperatorInstance, on machine: String, refusedFor numericClass: String) {
    self.name = name
    self.instance = instance.name
    self.machine = machine
    (total, counts, isComplete, milliseconds) = (0, [:], true, 0)
    (lines, open, waivers, wasCached) = ([], [], [], false)
    (assumptions, certificate, proved) = ([], nil, nil)
    verdict = "refused, class \(numericClass)"
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
  let assumptions: [String]
  let milliseconds: Int
  let isProved, wasCached: Bool

  init(_ row: ProofRow) {
    (name, instance, machine) = (row.name, row.instance, row.machine)
    obligations = row.total
    proved = Dictionary(uniqueKeysWithValues: row.counts.map { ($0.key.rawValue, $0.value) })
    failures = row.isComplete ? [] : row.open
    waivers = row.waivers
    assumptions = row.assumptions.map(\.rawValue).sorted()
    milliseconds = row.milliseconds
    (isProved, wasCached) = (row.isComplete, row.wasCached)
  }
}
