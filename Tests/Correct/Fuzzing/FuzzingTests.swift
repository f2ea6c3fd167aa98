import Foundation
import Fuzzing
import Testing

/// A short search of the kind that `fuzz-files` makes for as long as it is told to.
@Suite struct FuzzingTests {
  @Test func damagedFilesAreReadOrRefused() throws {
    let folder = try TemporaryFolder()
    var fuzzer = try Fuzzer(fixtures: ModelFiles.root + "/Fixtures", folder: folder.path, seed: 2026)
    for _ in 0..<1600 { fuzzer.step() }
    #expect(fuzzer.outcome.failures == [])
    #expect(fuzzer.outcome.files == 1600)
    // Every reader has met files of both kinds.
    for name in ["safetensors", "index", "config", "generation", "tokenizer", "conversation", "answer"] {
      #expect(fuzzer.outcome.accepted[name] ?? 0 > 5, "\(name)")
      #expect(fuzzer.outcome.refused[name] ?? 0 > 5, "\(name)")
    }
    #expect(fuzzer.outcome.accepted["encoding"] ?? 0 > 100)
  }
}
