import ArgumentParser
import Foundation
import MachineIR
import Operators
import Proofs
import Runtime
import Schedules

/// `tessera prove`: what must hold before operators run, and whether it does.
struct Prove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Prove that operators are safe for every shape that they allow.",
    discussion: """
      Two lines for each instance of an operator, one for its tile program and one for the machine program \
      that a target runs: how many obligations it has, which procedures decided them, how long that took, \
      and the verdict. What is not proved follows with its source line, in the \
      operator's own names, and values for which it does not hold. Verdicts are kept beside the compiled \
      kernels. A target that does not keep a numeric class refuses what names it: nothing of that runs there. \
      The exit status is 1 unless everything is proved or refused.
      """)

  @Argument(help: "Operators; all when none is named.", completion: .list(OperatorLibrary.all.map(\.name)))
  var operators: [String] = []

  @Flag(help: "Prove every operator of the library.")
  var all = false

  @Option(help: "Only this instance of the operators.")
  var instance: String?

  @Option(help: "The target of machine programs, or all. (default: the best that this processor runs)")
  var target: String?

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
    let machines = try machines()
    let instances = entries.flatMap { entry in
      entry.instances.filter { self.instance == nil || self.instance == $0.name }.map { (entry.name, $0) }
    }
    let rows = try concurrently(instances.count) { position in
      let (name, instance) = instances[position]
      return try self.rows(name, instance, machines, prover)
    }.flatMap { try $0.get() }
    guard !rows.isEmpty else { throw Refusal("no operator named has an instance \(instance ?? "")") }
    if let certificates { try write(rows, to: certificates) }
    print(json ? try tessera.json(rows.map(ProofReport.init)) : text(rows, prover))
    if rows.contains(where: { !$0.isComplete }) { throw ExitCode.failure }
  }

  /// A row for the tile program and one for each machine. Where the obligations themselves are not wanted, what
  /// this executable has proved before is enough, and no plan is made.
  private func rows(
    _ name: String, _ instance: OperatorInstance, _ machines: [MachineDescription], _ prover: Prover
  ) throws -> [ProofRow] {
    let program = try instance.kernel().program()
    let hash = program.stableHash
    let cache = prover.cache
    let isWanted = obligations || certificates != nil
    return try ([nil] + machines).map { (machine: MachineDescription?) in
      if !isWanted, let known = cache?.proved(hash, on: machine?.name) {
        return ProofRow(name, instance, on: machine?.name, known)
      }
      guard let machine else {
        var proof: Proof?
        let time = ContinuousClock().measure { proof = prover.prove(program) }
        let row = ProofRow(name, instance, proof!, time)
        if let proved = row.proved { cache?.keepProved(hash, on: nil, proved) }
        return row
      }
      let plan = try Lowering.plan(program, for: machine)
      if machine.npu != nil {
        do {
          try PipeProof.require(AscendProgram.pipes(of: plan), of: plan)
        } catch let refusal as UnkeptClass {
          return ProofRow(name, instance, on: machine.name, refusedFor: refusal.name)
        }
      }
      let row = ProofRow(name, instance, plan, prover, certifies: certificates != nil)
      if let proved = row.proved { cache?.keepProved(hash, on: machine.name, proved) }
      return row
    }
  }

  private func machines() throws -> [MachineDescription] {
    if target == "all" { return MachineDescription.all }
    guard let target else { return [try .host] }
    guard let machine = MachineDescription.named(target) else {
      throw unknown("target", target, among: (MachineDescription.all + MachineDescription.npus).map(\.name) + ["all"])
    }
    return [machine]
  }

  private func text(_ rows: [ProofRow], _ prover: Prover) -> String {
    var lines: [String] = []
    if obligations { lines += rows.flatMap(\.lines) }
    lines.append(columns([ProofRow.head] + rows.map(\.cells)))
    lines += rows.flatMap(\.open)
    let total = rows.reduce(0) { $0 + $1.total }
    let proved = rows.reduce(0) { $0 + $1.counts.values.reduce(0, +) }
    let solver = prover.solver?.version ?? "no solver"
    lines += assumptions(of: rows)
    lines.append("\(proved) of \(total) obligations proved, \(solver)")
    return lines.joined(separator: "\n")
  }

  /// What the proofs of each target suppose of it.
  private func assumptions(of rows: [ProofRow]) -> [String] {
    var machines: [String: Set<MachineAssumption>] = [:]
    for row in rows { if let machine = row.machine { machines[machine, default: []].formUnion(row.assumptions) } }
    return machines.sorted { $0.key < $1.key }.map { machine, assumed in
      var list = assumed.map { "\($0.rawValue) (\($0.sentence))" }.sorted()
      if MachineDescription.npus.contains(where: { $0.name == machine }) {
        list += AscendAssumption.allCases.map { "\($0.rawValue) (\($0.sentence))" }
      }
      return "\(machine) assumes \(list.isEmpty ? "nothing undocumented" : list.joined(separator: ", "))"
    }
  }

  private func write(_ rows: [ProofRow], to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for row in rows {
      guard let certificate = row.certificate else { continue }
      let title = [row.name, row.instance] + (row.machine.map { [$0] } ?? [])
      let name = title.joined(separator: " ").map { $0.isLetter || $0.isNumber ? $0 : "-" }
      let file = URL(fileURLWithPath: folder).appendingPathComponent("\(String(name)).smt2")
      try certificate.text.write(to: file, atomically: true, encoding: .utf8)
    }
  }
}
