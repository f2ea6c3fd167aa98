import Foundation
import Testing

@testable import tessera

/// What the README shows is what there is.
@Suite struct ReadmeTests {
  let readme: String

  init() throws { readme = try Repository.text("README.md") }

  @Test func operatorIsThatOfTheExample() throws {
    let blocks = Markdown.blocks(in: readme, "swift")
    #expect(blocks == [try Repository.text("Examples/OwnOperator/Sources/OwnOperator/GatedNorm.swift")])
  }

  @Test func exampleOutputIsWhatTheExamplePrints() throws {
    let outcome = try Command.run("example-own-operator", [])
    #expect(outcome.status == 0)
    #expect(readme.contains("swift run\n\(outcome.output)```\n"))
  }

  /// Each `$ tessera …` of a page prints the lines that follow it, times and this machine's target and
  /// threads aside; a listing may be shown without its end.
  @Test(arguments: ["README.md", "Documentation/running-a-model.md"])
  func commandsPrintWhatIsShown(_ page: String) throws {
    let lines = Markdown.blocks(in: try Repository.text(page), "console").joined().split(separator: "\n")
    let starts = lines.indices.filter { lines[$0].hasPrefix("$ ") }
    #expect(starts.count >= 2)
    for (start, end) in zip(starts, starts.dropFirst() + [lines.count]) {
      let arguments = lines[start].split(separator: " ").dropFirst(2).map(String.init)
      let outcome = try Command.run("tessera", arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let shown = lines[(start + 1)..<end].map(withoutMachine)
      let printed = outcome.output.split(separator: "\n").map(withoutMachine)
      #expect(Array(printed.prefix(shown.count)) == shown, "\(lines[start])")
    }
  }

  private func withoutMachine(_ line: Substring) -> String {
    String(line)
      .replacing(/(compiled|loaded from the cache) in .*/, with: "ran")
      .replacing(/cpu-\w+, \d+ threads?/, with: "here")
  }

  @Test func everySubcommandIsListed() {
    for command in Tessera.configuration.subcommands {
      #expect(readme.contains("| `tessera \(command._commandName)` |"), "\(command._commandName)")
    }
    let listed = readme.matches(of: /\| `tessera ([a-z-]+)` \|/).map { String($0.output.1) }
    #expect(Set(listed) == Set(Tessera.configuration.subcommands.map { $0._commandName }))
  }

  @Test func linksLeadToFiles() throws {
    for document in ["README.md"] + documents {
      let folder = document.contains("/") ? "Documentation/" : ""
      for match in try Repository.text(document).matches(of: /\]\(([^)#:]+)\)/) {
        let path = Repository.root.appendingPathComponent(folder + match.output.1).path
        #expect(FileManager.default.fileExists(atPath: path), "\(document): \(match.output.1)")
      }
    }
  }

  /// Source files that the documents name exist.
  @Test func namedSourcesExist() throws {
    for document in ["README.md"] + documents {
      let paths = /`((?:Sources|Tests|Examples|Documentation)\/[^`]+)`/
      for match in try Repository.text(document).matches(of: paths) {
        let path = Repository.root.appendingPathComponent(String(match.output.1)).path
        #expect(FileManager.default.fileExists(atPath: path), "\(document): \(match.output.1)")
      }
    }
  }

  private var documents: [String] {
    let folder = Repository.root.appendingPathComponent("Documentation").path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(".md") }.map { "Documentation/\($0)" }
  }
}
