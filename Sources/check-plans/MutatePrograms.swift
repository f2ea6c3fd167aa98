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
  struct Tally: Encodable {
    /// Refused, by the kind of the first obligation that fails.
    var refused: [String: Int] = [:]
    var harmless = 0
    var missed: [String] = []
  }

  func run() throws {
    var tally: [ProgramFault: Tally] = [:]
    let faults = ProgramFault.allCases.filter { fault == nil || $0.rawValue == fault }
    for drawn in try ProgramMutants(faults: faults, operators: operators, seed: seed).prefix(count) {
      let proof = Prover().prove(drawn.mutant.program)
      if let failure = proof.failures.first {
        tally[drawn.mutant.fault, default: Tally()].refused[failure.obligation.kind.rawValue, default: 0] += 1
        continue
      }
      let launches = ProgramLaunches(instance: drawn.instance, drawn: shapes)
      if let problem = launches.problem(drawn.mutant.program, seed: seed) {
        tally[drawn.mutant.fault, default: Tally()].missed.append(
          "\(drawn.name) \(drawn.instance.name), \(drawn.mutant.place): \(problem)")
      } else {
        tally[drawn.mutant.fault, default: Tally()].harmless += 1
      }
    }
    try report(faults, tally)
    if tally.values.contains(where: { !$0.missed.isEmpty }) { throw ExitCode.failure }
  }

  private func report(_ faults: [ProgramFault], _ tally: [ProgramFault: Tally]) throws {
    if json {
      return print(try jsonText(Dictionary(uniqueKeysWithValues: tally.map { ($0.key.rawValue, $0.value) })))
    }
    var (refused, harmless, missed) = (0, 0, 0)
    for fault in faults {
      let found = tally[fault] ?? Tally()
      for miss in found.missed { print("MISSED \(fault.rawValue) in \(miss)") }
      let kinds = found.refused.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      let own = found.refused.values.reduce(0, +)
      print(
        "\(fault.rawValue): \(own) refused\(kinds.isEmpty ? "" : " (\(kinds.joined(separator: ", ")))"), "
          + "\(found.harmless) harmless, \(found.missed.count) missed")
      (refused, harmless, missed) = (refused + own, harmless + found.harmless, missed + found.missed.count)
    }
    print("\(refused + harmless + missed) mutants: \(refused) refused, \(harmless) harmless, \(missed) missed")
  }
}

/// Mutants of small instances without end, drawn by a seed: an operator, one of its small instances, a fault that
/// fits, a place.
struct ProgramMutants: Sequence, IteratorProtocol {
  struct Drawn {
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
    programs = try OperatorLibrary.all.filter { operators.isEmpty || operators.contains($0.name) }.flatMap { entry in
      try entry.instances.filter(\.isSmall).map { (entry.name, $0, try $0.kernel().program()) }
    }
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
