import ArgumentParser

/// Checks of machine programs that are too long for the test suite.
@main
struct CheckPlans: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-plans",
    abstract: "Checks the tile and machine programs of the operator library at length.",
    subcommands: [
      InterpretPlans.self, ProvePlans.self, CheckSchedules.self, MutatePlans.self, MutatePrograms.self,
      MutatePipes.self,
    ])
}
