import ArgumentParser
import Foundation
import Operators
import Proofs

/// `tessera prove`: what must hold before operators run, and whether it does.
struct Prove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Prove that operators are safe for every shape that they allow.",
    discussion: """
      A line for each instance of an operator: how many obligations it has, which procedures decided them, \
      how long that took, and the verdict. What is not proved follows with its source line, in the \
      operator's own names, and values for which it does not hold. Verdicts are kept beside the compiled \
      kernels. The exit status is 1 unless everything is proved.
      """)

  @Argument(help: "Operators; all when none is named.", completion: .list(OperatorLibrary.all.map(\.name)))
  var operators: [String] = []

  @Flag(help: "Prove every operator of the library.")
  var all = false

  @Option(help: "Only this instance of the operators.")
  var instance: String?

  @Flag(help: "Print each obligation with its verdict.")
  var obligations = false

  @Flag(help: "Decide everything anew, not from the cache.")
  var cold = false

  @Option(help: "Write a certificate for each instance into this folder.", completion: .directory)
  var certificates: String?

  @Option(help: "Check the certificates of a folder with another solver instead.", completion: .directory)
  var recheck: String?

  @Option(help: "The program that checks certificates: cvc5 or z3, or its path.")
  var solver = "cvc5"

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if all, !operators.isEmpty { throw ValidationError("name operators or give --all, not both") }
    if recheck != nil, !operators.isEmpty || all || certificates != nil {
      throw ValidationError("--recheck reads certificates and proves nothing itself")
    }
  }

  func run() throws {
    if let recheck { return try Recheck(folder: recheck, solver: solver).run() }
    let entries = operators.isEmpty ? OperatorLibrary.all : try operators.map(OperatorLibrary.entry)
    let prover = cold ? Prover() : Prover.standard
    var rows: [ProofRow] = []
    for entry in entries {
      for instance in entry.instances where self.instance == nil || self.instance == instance.name {
        rows.append(try ProofRow(entry.name, instance, prover))
      }
    }
    guard !rows.isEmpty else { throw Refusal("no operator named has an instance \(instance ?? "")") }
    if let certificates { try write(rows, to: certificates) }
    print(json ? try tessera.json(rows.map(ProofReport.init)) : text(rows, prover))
    if rows.contains(where: { !$0.proof.isComplete }) { throw ExitCode.failure }
  }

  private func text(_ rows: [ProofRow], _ prover: Prover) -> String {
    var lines: [String] = []
    if obligations { lines += rows.flatMap(\.proof.results).map(\.description) }
    lines.append(columns([ProofRow.head] + rows.map(\.cells)))
    for row in rows {
      for result in row.proof.results where !result.verdict.isProved { lines.append(result.description) }
      for waiver in row.proof.idleWaivers { 
        lines.append("\(waiver.location): nothing needs the waiver of \(waiver.name)")
      }
    }
    let total = rows.reduce(0) { $0 + $1.proof.results.count }
    let proved = rows.reduce(0) { $0 + $1.proof.results.count { $0.verdict.isProved } }
    let solver = prover.solver?.version ?? "no solver"
    lines.append("\(proved) of \(total) obligations proved, \(solver)")
    return lines.joined(separator: "\n")
  }

  private func write(_ rows: [ProofRow], to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for row in rows {
      let name = "\(row.name) \(row.instance)".map { $0.isLetter || $0.isNumber ? $0 : "-" }
      let file = URL(fileURLWithPath: folder).appendingPathComponent("\(String(name)).smt2")
      let certificate = Certificate(title: "\(row.name), instance \(row.instance)", row.proof)
      try certificate.text.write(to: file, atomically: true, encoding: .utf8)
    }
  }
}

/// One instance in the table.
struct ProofRow {
  let name: String
  let instance: String
  let proof: Proof
  let time: Duration

  init(_ name: String, _ instance: OperatorInstance, _ prover: Prover) throws {
    self.name = name
    self.instance = instance.name
    let program = try instance.kernel().program()
    let clock = ContinuousClock()
    let start = clock.now
    proof = prover.prove(program)
    time = start.duration(to: clock.now)
  }

  static let head =
    ["operator", "instance", "obligations"] + Procedure.allCases.map(\.rawValue) + ["ms", "verdict"]

  var milliseconds: Int { Int((time / .milliseconds(1)).rounded()) }

  var verdict: String {
    if !proof.failures.isEmpty { return "\(proof.failures.count) not proved" }
    if !proof.idleWaivers.isEmpty { return "idle waiver" }
    let waived = proof.results.count { $0.waiver != nil }
    return (waived == 0 ? "proved" : "\(waived) waived") + (proof.wasCached ? ", cached" : "")
  }

  var cells: [String] {
    let counts = proof.counts
    return [name, instance, "\(proof.results.count)"]
      + Procedure.allCases.map { counts[$0].map(String.init) ?? "-" } + ["\(milliseconds)", verdict]
  }
}

/// An instance as JSON.
struct ProofReport: Encodable {
  let name, instance: String
  let obligations: Int
  let proved: [String: Int]
  let failures: [String]
  let waivers: [String]
  let milliseconds: Int
  let isProved, wasCached: Bool

  init(_ row: ProofRow) {
    (name, instance) = (row.name, row.instance)
    obligations = row.proof.results.count
    proved = Dictionary(uniqueKeysWithValues: row.proof.counts.map { ($0.key.rawValue, $0.value) })
    failures = row.proof.failures.map(\.description)
    waivers = row.proof.results.compactMap { $0.waiver.map { "\($0.name): \($0.reason)" } }
    milliseconds = row.milliseconds
    (isProved, wasCached) = (row.proof.isComplete, row.proof.wasCached)
  }
}
