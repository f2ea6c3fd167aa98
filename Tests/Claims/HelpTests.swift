import ArgumentParser
import Foundation
import Testing

@testable import tessera

/// The help texts, as `Tests/Claims/Help` keeps them: a change of an option is seen where it is read.
///
/// With `TESSERA_RECORD_HELP` set the files are written anew.
@Suite struct HelpTests {
  @Test func rootHelp() throws {
    try check(Tessera.self, "tessera")
  }

  @Test func helpOfEverySubcommand() throws {
    for command in Tessera.configuration.subcommands { try check(command, command._commandName) }
  }

  private func check(_ command: any ParsableCommand.Type, _ name: String) throws {
    let path = "Tests/Claims/Help/\(name).txt"
    let text = Tessera.helpMessage(for: command, columns: 80) + "\n"
    if ProcessInfo.processInfo.environment["TESSERA_RECORD_HELP"] != nil {
      try text.write(to: Repository.root.appendingPathComponent(path), atomically: true, encoding: .utf8)
    }
    #expect(try Repository.text(path) == text, "\(path)")
  }
}
