import Foundation
import Testing

/// What the commands for models promise, on the miniature that the project brings.
@Suite struct ModelTests {
  static let nano = Repository.root.appendingPathComponent("Models/v4-nano").path

  @Test func runContinuesAPrompt() throws {
    let outcome = try Command.run(
      "tessera",
      ["run", Self.nano, "First Citizen:\n", "--arithmetic", "float32", "--temperature", "0", "--max-tokens", "10"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == "First Citizen:\nI am awake, and nothing but\n")
    #expect(outcome.errors.contains("10 tokens, "))
    #expect(outcome.errors.contains("a second; prompt of 5 tokens"))
  }

  @Test func logitsDoNotDependOnChunksBatchesAndThreads() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("logits-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    func hash(_ options: String...) throws -> Substring? {
      let outcome = try Command.run(
        "tessera", ["logits", Self.nano, "--tokens", "5,6,7,8,9,10,11", "--out", file] + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.output.split(separator: " ").last
    }
    let whole = try hash()
    #expect(try hash("--chunk", "3", "--batch", "2", "--threads", "1", "--streams") == whole)
    #expect(try hash("--arithmetic", "float32") != whole)
  }

  @Test func infoPrintsAStepOfFewLaunches() throws {
    let outcome = try Command.run("tessera", ["info", Self.nano, "--step"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    var launches: [Substring: Int] = [:]
    var scope: Substring = ""
    for line in outcome.output.split(separator: "\n") {
      if line.hasPrefix("    ") {
        launches[scope, default: 0] += 1
      } else if line.hasPrefix("  ") {
        scope = line.dropFirst(2)
      }
    }
    // Two halves of six layers, and the two ends of the model.
    #expect(launches.count == 14)
    #expect(launches.values.allSatisfy { $0 <= 12 })
  }

  @Test func chatSaysThatAModelCannotChat() throws {
    let outcome = try Command.run("tessera", ["chat", Self.nano])
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("<｜User｜>"))
    #expect(outcome.errors.contains("chat"))
  }

  @Test func strangeTokensAreRefused() throws {
    let outcome = try Command.run("tessera", ["logits", Self.nano, "--tokens", "5,1024", "--out", "/dev/null"])
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("1024 is no token of the model"))
  }
}
