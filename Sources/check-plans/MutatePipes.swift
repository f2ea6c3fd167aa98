import ArgumentParser
import DeviceModel
import Foundation
import MachineIR
import Operators
import PlanMutation
import Proofs
import Runtime
import TileIR

/// Puts single faults into the pipe programs of small instances. What the proof does not refuse is compiled
/// against the device model and run on every small shape in three orders of its pipes: a report or other bits
/// there mean that the proof has missed the fault.
struct MutatePipes: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutate-pipes",
    abstract:
      "Puts single faults into pipe programs for Ascend and looks for one that is proved all the same.")

  @Option(help: "How many mutants.")
  var count = 300
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
    var refused = 0
    /// Refused by the compiler of the text, which has no such instruction.
    var refusedByCompiler: [String] = []
    var harmless: [String] = []
    var missed: [String] = []

    mutating func add(_ judgement: PipeJudgement) {
      switch judgement.verdict {
      case .refused: refused += 1
      case .refusedByCompiler: refusedByCompiler.append(judgement.title)
      case .harmless: harmless.append(judgement.title)
      case .missed(let problem): missed.append("\(judgement.title): \(problem)")
      }
    }
    var text: String {
      "\(refused) refused by the proof, \(refusedByCompiler.count) by the compiler, \(harmless.count) harmless, "
        + "\(missed.count) missed"
    }
  }

  func run() throws {
    let faults = try PipeFault.chosen(fault)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mutants-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let cache = KernelCache(folder: folder)
    let run = try LongRun(
      count, of: try PipeMutants(faults: faults, operators: operators, seed: seed),
      summary: { Tally($0).text },
      { try PipeJudgement($1, cache) })
    try report(
      faults, run.verdicts, isPartial: run.isPartial, json: json, fault: \.fault, Tally.self,
      total: { "all: \($0.text)" })
  }
}

extension PipeFault: NamedFault {}

/// What refuses a pipe program with a fault: its proof, or else the device model.
struct PipeJudgement: Sendable {
  enum Verdict: Sendable, Equatable {
    case refused
    /// It is proved, and is no text that compiles.
    case refusedByCompiler
    /// It is proved and shows nowhere.
    case harmless
    /// It is proved and shows, with what the model says.
    case missed(String)
  }
  let fault: PipeFault
  let title: String
  let verdict: Verdict

  static let orders: [PipeOrder] = [.early, .late, .shuffled(seed: 11)]

  init(_ drawn: PipeMutants.Drawn, _ cache: KernelCache) throws {
    fault = drawn.mutant.fault
    title = drawn.title
    verdict = PipeProof(drawn.mutant.kernel).isProved ? try Self.shown(drawn, cache) : .refused
  }

  /// What the model says of a mutant that is not refused.
  static func shown(_ drawn: PipeMutants.Drawn, _ cache: KernelCache) throws -> Verdict {
    let executable: AscendModelExecutable
    do {
      executable = try AscendModelExecutable(
        plan: drawn.plan, unproved: "a planted fault, run to see whether it shows", kernels: drawn.kernels,
        cache: cache)
    } catch is DeviceModelError {
      return .refusedByCompiler
    }
    for extents in drawn.instance.shapes {
      for kind in InputKind.allCases {
        let launch = try PlanLaunch(drawn.instance, drawn.plan.program, extents, kind, seed: 8)
        for order in orders {
          executable.order = order
          if let problem = problem(executable, launch) {
            return .missed("\(settings(extents)), \(kind), \(order): \(problem)")
          }
        }
      }
    }
    return .harmless
  }

  private static func settings(_ extents: [String: Int]) -> String {
    extents.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
  }

  /// A report of the model, or a result that is not the reference's; nil for neither.
  private static func problem(_ executable: AscendModelExecutable, _ launch: PlanLaunch) -> String? {
    do {
      let results = try executable.run(launch.arguments, extents: launch.extents)
      let odd = launch.expected.keys.sorted().first { results[$0] != launch.expected[$0] }
      return odd.map { "\($0) has other bits" }
    } catch {
      return "\(error)"
    }
  }
}
