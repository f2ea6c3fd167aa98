import ArgumentParser
import Operators
import PlanMutation
import Proofs
import TileIR

/// Puts single faults into the tile programs of small instances. What is proved all the same is run by the
/// reference on many small shapes: a fault that shows there has been missed.
struct MutatePrograms: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutate-programs",
    abstract: "Puts single faults into tile programs and looks for one that is proved all the same.")

  @Option(help: "How many mutants.")
  var count = 1000
  @Option(help: "The first number of the random sequence.")
  var seed: UInt64 = 1
  @Option(help: "One kind of fault; all unless given.")
  var fault: String?
  @Option(help: "Shapes to run a survivor at, beside those of its instance.")
  var shapes = 40
  @Flag(help: "Print JSON.")
  var json = false
  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []

  /// What became of the mutants of one fault.
  struct Tally: FaultTally {
    /// Refused, by the kind of the first obligation that fails.
    var refused: [String: Int] = [:]
    var harmless = 0
    var missed: [String] = []

    mutating func add(_ judgement: (fault: ProgramFault, verdict: Verdict)) {
      switch judgement.verdict {
      case .refused(let kind): refused[kind.rawValue, default: 0] += 1
      case .harmless: harmless += 1
      case .missed(let problem): missed.append(problem)
      }
    }
    var text: String {
      let kinds = refused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      return text(kinds: kinds.isEmpty ? "" : " (\(kinds.joined(separator: ", ")))")
    }
    var total: String { text(kinds: "") }
    private func text(kinds: String) -> String {
      "\(refused.values.reduce(0, +)) refused\(kinds), \(harmless) harmless, \(missed.count) missed"
    }
  }
  enum Verdict: Sendable {
    /// By the first obligation that fails.
    case refused(ObligationKind)
    case harmless
    case missed(String)
  }

  func run() throws {
    let faults = try ProgramFault.chosen(fault)
    let prover = Prover()
    let (shapes, seed) = (shapes, seed)
    let run = try LongRun(
      count, of: try ProgramMutants(faults: faults, operators: operators, seed: seed),
      summary: { Tally($0).total },
      { _, drawn in (fault: drawn.mutant.fault, verdict: Self.verdict(on: drawn, prover, shapes: shapes, seed: seed)) })
    let count = run.verdicts.count
    try report(
      faults, run.verdicts, isPartial: run.isPartial, json: json, fault: \.fault, Tally.self,
      total: { "\(count) mutants: \($0.total)" })
  }

  private static func verdict(
    on drawn: ProgramMutants.Drawn, _ prover: Prover, shapes: Int, seed: UInt64
  ) -> Verdict {
    if let failure = prover.prove(drawn.mutant.program).failures.first {
      return .refused(failure.obligation.kind)
    }
    let launches = ProgramLaunches(instance: drawn.instance, drawn: shapes)
    guard let problem = launches.problem(drawn.mutant.program, seed: seed) else { return .harmless }
    return .missed("\(drawn.name) \(drawn.instance.name), \(drawn.mutant.place): \(problem)")
  }
}

extension ProgramFault: NamedFault {}

/// Mutants of small instances without end, drawn by a seed: an operator, one of its small instances, a fault that
/// fits, a place.
struct ProgramMutants: Sequence, IteratorProtocol, Sendable {
  struct Drawn: Sendable {
    let name: String
    let instance: OperatorInstance
    let mutant: ProgramMutant
  }
  private var random: SplitMix64
  private let faults: [ProgramFault]
  private let programs: [(name: String, instance: OperatorInstance, program: Program)]

  init(faults: [ProgramFault], operators: [String], seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    self.faults = faults
    programs = try OperatorLibrary.small(operators)
  }

  mutating func next() -> Drawn? {
    // A fault that fits nowhere is met with another draw.
    for _ in 0..<1000 {
      let fault = faults.randomElement(using: &random)!
      let (name, instance, program) = programs.randomElement(using: &random)!
      if let mutant = program.mutants(of: fault).randomElement(using: &random) {
        return Drawn(name: name, instance: instance, mutant: mutant)
      }
    }
    return nil
  }
}
