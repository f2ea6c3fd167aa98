import Foundation
import Testing

/// What `info` and `doctor` say can be read by people and by scripts.
@Suite struct InfoTests {
  private let nano = Repository.root.appendingPathComponent("Models/v4-nano").path

  private func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func theNanoModel() throws {
    let outcome = try Command.run("tessera", ["info", nano])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("DeepSeek-V4 of its own sizes in \(nano)\n"))
    #expect(outcome.output.contains("  6 layers: 1 window, 3 CSA, 2 HCA; one more that drafts (MTP)\n"))
    #expect(outcome.output.contains("\nall                10.4 million"))
    let report = try object(Command.run("tessera", ["info", nano, "--json"]).output)
    #expect(report["parameters"] as? Int == 10_413_768)
    let parts = try #require(report["parts"] as? [[String: Any]])
    #expect(parts.compactMap { $0["bytes"] as? Int }.reduce(0, +) == report["bytes"] as? Int)
  }

  /// A configuration alone is described as a release would be.
  @Test func aReleaseThatIsNotHere() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("claims-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: Repository.root.appendingPathComponent("Fixtures/configurations/v4-flash.json"),
      to: folder.appendingPathComponent("config.json"))
    let outcome = try Command.run("tessera", ["info", folder.path])
    #expect(outcome.output.hasPrefix("DeepSeek-V4-Flash in "))
    #expect(outcome.output.contains("no tensors here"))
    #expect(outcome.output.contains("\nrouted experts     277 billion"))
  }

  @Test(arguments: [
    ("/absent", "Error: no model /absent; a folder with config.json expected\n"),
    ("/dev/null", "Error: /dev/null is a file; a folder with config.json expected\n"),
    ("/", "Error: //config.json: a file that can be read expected, No such file or directory found\n"),
  ])
  func whatIsNoModel(path: String, message: String) throws {
    let outcome = try Command.run("tessera", ["info", path])
    #expect(outcome.status == 1 && outcome.errors == message)
  }

  @Test func aHealthyMachine() throws {
    let outcome = try Command.run("tessera", ["doctor"])
    #expect(outcome.status == 0)
    for thing in ["targets", "threads", "memory", "clang", "cache"] {
      #expect(outcome.output.split(separator: "\n").contains { $0.hasPrefix("[ok]") && $0.contains(thing) })
    }
    let json = try Command.run("tessera", ["doctor", "--json"]).output
    let findings = try #require(JSONSerialization.jsonObject(with: Data(json.utf8)) as? [[String: Any]])
    #expect(findings.compactMap { $0["thing"] as? String }.prefix(5) == ["targets", "threads", "memory", "clang", "cache"])
  }
}
