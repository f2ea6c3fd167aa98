import ArgumentParser

/// The command line: one file a subcommand.
@main
struct Tessera: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tessera",
    abstract: "Operators and models that return the same bits on every chip.",
    subcommands: [
      ListOperators.self, Show.self, RunOperator.self, Run.self, Logits.self, Bench.self, Info.self, Doctor.self, Demo.self,
    ])
}
