import Foundation
import Testing

@testable import tessera

/// `tessera prove` as a user runs it.
@Suite struct ProveTests {
  @Test func aTableSaysWhatDecidedEachObligation() throws {
    let outcome = try Command.run("tessera", ["prove", "rms_norm", "--cold"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("operator"))
    #expect(outcome.output.contains(/rms_norm +small +program +10 +\d.* proved\n/))
    #expect(outcome.output.contains(/rms_norm +small +cpu-\w+ +\d+ +\d.* proved\n/))
    #expect(outcome.output.contains(/(\d+) of \1 obligations proved/))
  }

  @Test func obligationsHaveSourceLinesAndNames() throws {
    let outcome = try Command.run("tessera", ["prove", "gather", "--instance", "small", "--obligations"])
    #expect(
      outcome.output.contains(
        /Operators\/GatherScatter\.swift:\d+: inBounds table: table\[%0, width\]: index\[rows\] < \|entries\|, entries's extent: proved/
      ), "\(outcome.output)")
  }

  @Test func jsonHasARowForEachInstance() throws {
    let outcome = try Command.run("tessera", ["prove", "softmax", "--json"])
    let rows = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]]
    #expect(rows?.isEmpty == false)
    #expect(rows?.allSatisfy { $0["isProved"] as? Bool == true } == true)
  }

  /// What a target's proofs suppose is named, and the name is one that the device model's document explains.
  @Test func assumptionsAreNamed() throws {
    let outcome = try Command.run("tessera", ["prove", "softmax", "--instance", "small", "--target", "all"])
    #expect(outcome.output.contains(/cuda-sm90a assumes subnormals \(/), "\(outcome.output)")
    #expect(outcome.output.contains("cpu-avx2 assumes nothing undocumented"))
    let json = try Command.run("tessera", ["prove", "softmax", "--instance", "small", "--target", "cuda-sm80", "--json"])
    let rows = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
    #expect(rows?.compactMap { $0["assumptions"] as? [String] } == [[], ["subnormals"]])
    #expect(try Repository.text("Documentation/device-model.md").contains("| `subnormals` |"))
  }

  @Test func aWrongNameIsRefused() throws {
    #expect(try Command.run("tessera", ["prove", "no_such_operator"]).status != 0)
    #expect(try Command.run("tessera", ["prove", "softmax", "--instance", "none"]).status != 0)
    #expect(try Command.run("tessera", ["prove", "softmax", "--all"]).status != 0)
  }

  private static let hasCVC5 = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .contains { FileManager.default.isExecutableFile(atPath: "\($0)/cvc5") }

  @Test(.enabled(if: hasCVC5)) func anotherSolverConfirmsCertificatesAndNotForgeries() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("certificates-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let written = try Command.run("tessera", ["prove", "scatter", "--certificates", folder.path])
    #expect(written.status == 0)
    // What is written once and whole has queries too.
    let texts = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .map { try String(contentsOf: $0, encoding: .utf8) }
    #expect(texts.contains { $0.contains("joining what is written") })
    let checked = try Command.run("tessera", ["prove", "--recheck", folder.path])
    #expect(checked.status == 0, "\(checked.output)")
    #expect(checked.output.contains(/cvc5 confirms (\d+) of \1 obligations/))

    let file = try #require(
      FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).first)
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacing("(assert (not ", with: "(assert (or true ").write(to: file, atomically: true, encoding: .utf8)
    #expect(try Command.run("tessera", ["prove", "--recheck", folder.path]).status == 1)
    try String(text.prefix(text.count / 2)).write(to: file, atomically: true, encoding: .utf8)
    #expect(try Command.run("tessera", ["prove", "--recheck", folder.path]).status == 1)
  }
}
