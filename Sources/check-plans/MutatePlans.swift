import ArgumentParser
import MachineIR
import Operators
import PlanMutation
import Proofs
import TileIR

/// Puts single faults into the plans of small instances. What neither the walk nor a comparison of tokens
/// refuses is run on every small shape, on other data and in other orders of cells: a fault that shows there has
/// been missed.
struct MutatePlans: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutate",
    abstract: "Puts single faults into plans and looks for one that is proved all the same.")

  @Option(help: "How many mutants.")
  var count = 1000
  @Option(help: "The first number of the random sequence.")
  var seed: UInt64 = 1
  @Option(help: "One kind of fault; all unless given.")
  var fault: String?
  @Flag(help: "Print JSON.")
  var json = false
  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []

  /// What became of the mutants of one fault.
  struct Tally: FaultTally {
    var refusedByTheWalk = 0
    /// Places of faults that only a comparison of tokens tells.
    var refusedByTokens: [String] = []
    var harmless = 0
    var missed: [String] = []

    mutating func add(_ judgement: MutantJudgement) {
      switch judgement.verdict {
      case .refusedByTheWalk: refusedByTheWalk += 1
      case .refusedByTokens: refusedByTokens.append(judgement.title)
      case .harmless: harmless += 1
      case .missed(let problem): missed.append("\(judgement.title): \(problem)")
      }
    }
    var text: String {
      "\(refusedByTheWalk) refused by the walk, \(refusedByTokens.count) by tokens, \(harmless) harmless, "
        + "\(missed.count) missed"
    }
  }

  func run() throws {
    let faults = try PlanFault.chosen(fault)
    let prover = Prover()
    let run = try LongRun(
      count, of: try PlanMutants(faults: faults, operators: operators, seed: seed),
      summary: { Tally($0).text },
      { try MutantJudgement($1, prover) })
    try report(
      faults, run.verdicts, isPartial: run.isPartial, json: json, fault: \.fault, Tally.self)
  }
}

extension PlanFault: NamedFault {}

/// What refuses a plan with a fault, the cheapest first.
struct MutantJudgement: Sendable {
  enum Verdict: Sendable {
    case refusedByTheWalk
    case refusedByTokens
    /// It shows nowhere.
    case harmless
    /// It is proved and shows, with what the interpreter says.
    case missed(String)
  }
  let fault: PlanFault
  let title: String
  let verdict: Verdict

  init(_ drawn: PlanMutants.Drawn, _ prover: Prover) throws {
    fault = drawn.mutant.fault
    title = drawn.title
    let plan = drawn.mutant.plan
    if !MachineProof(plan, solver: prover).isProved {
      verdict = .refusedByTheWalk
    } else if try PlanTokens.difference(plan, drawn.instance, drawn.program, seed: 7) != nil {
      verdict = .refusedByTokens
    } else {
      verdict = try Self.problem(drawn).map { .missed($0) } ?? .harmless
    }
  }

  private static func problem(_ drawn: PlanMutants.Drawn) throws -> String? {
    let plan = drawn.mutant.plan
    for extents in drawn.instance.shapes {
      for kind in InputKind.allCases {
        let launch = try PlanLaunch(drawn.instance, drawn.program, extents, kind, seed: 8)
        for order in MachineInterpreter.CellOrder.allCases {
          if let problem = launch.problem(plan, order: order, rowGap: 6) { return problem }
        }
      }
    }
    return try PlanTokens.difference(plan, drawn.instance, drawn.program, seed: 9)
  }
}
