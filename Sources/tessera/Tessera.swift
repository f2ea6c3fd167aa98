import ArgumentParser

/// The command line: one file a subcommand.
@main
struct Tessera: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tessera",
    abstract: "Operators and models that return the same bits on every chip.",
    subcommands: [
      Run.self, Chat.self, Logits.self, Info.self, ListOperators.self, Show.self, RunOperator.self, Align.self, Prove.self,
      ExportCommand.self, Probes.self, Predict.self, Bench.self, Doctor.self, Demo.self,
    ])
}
