import ArgumentParser
import Operators
import Proofs

/// `tessera prove`: what must hold before operators run, and whether it does.
struct Prove: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove",
    abstract: "Prove that operators are safe for every shape that they allow.",
    discussion: """
      Each line gives an operator's instance, how many obligations it has, which procedure decided them and \
      the verdict. What is not proved follows with its source line, in the operator's own names, and values \
      for which it does not hold.
      """)

  @Argument(help: "Operators; all of the library when none is given.", completion: .list(OperatorLibrary.all.map(\.name)))
  var operators: [String] = []

  @Flag(help: "Prove every operator of the library.")
  var all = false

  @Flag(help: "Print each obligation with its verdict.")
  var verbose = false

  func run() throws {
    let entries = operators.isEmpty ? OperatorLibrary.all : try operators.map(OperatorLibrary.entry)
    let prover = Prover()
    var rows = [["operator", "instance", "obligations"] + Procedure.allCases.map(\.rawValue) + ["ms", "verdict"]]
    var failures: [Proof.Result] = []
    let clock = ContinuousClock()
    for entry in entries {
      for instance in entry.instances {
        let program = try instance.kernel().program()
        let start = clock.now
        let proof = prover.prove(program)
        let time = start.duration(to: clock.now)
        let counts = proof.counts
        rows.append(
          [entry.name, instance.name, "\(proof.results.count)"]
            + Procedure.allCases.map { counts[$0].map(String.init) ?? "-" }
            + ["\(time / .milliseconds(1))".prefix { $0 != "." }.description, proof.isComplete ? "proved" : "\(proof.failures.count) NOT PROVED"])
        failures += proof.failures
        if verbose { for result in proof.results { print(result) } }
      }
    }
    print(columns(rows))
    for failure in failures { print(failure) }
    if !failures.isEmpty { throw ExitCode.failure }
  }
}
