import Foundation
import Testing

@testable import tessera

/// What `align` promises.
@Suite struct AlignTests {
  private struct Report: Decodable {
    struct Divergence: Decodable {}
    let yardstick: String
    let targets: [String]
    let compared: Int
    let isEqual: Bool
    let divergences: [Divergence]
  }

  private func align(_ arguments: String...) throws -> Command.Outcome {
    try Command.run("tessera", ["align"] + arguments)
  }

  @Test func anOperatorHasEqualBitsEverywhere() throws {
    let outcome = try align("softmax", "--on", "reference,cpu-sse2,cuda-model", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    #expect(report.yardstick == "reference" && report.targets == ["cpu-sse2", "cuda-model"])
    #expect(report.isEqual && report.divergences.isEmpty && report.compared > 2)
  }

  @Test func aModelHasEqualBitsInEveryLaunch() throws {
    let folder = Repository.root.appendingPathComponent("Fixtures/v4-tiny").path
    let outcome = try align(folder, "--on", "cpu-sse2,cuda-model", "--tokens", "3,1,4,1,5", "--decode", "2")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("cpu-sse2 and cuda-model return the same bits: \(folder), "))
  }

  /// 2 says that nothing was told, so that a script cannot take it for a divergence.
  @Test(arguments: [
    (["softmix", "--on", "cpu-sse2,cuda-model"], "no operator softmix; did you mean softmax?"),
    (["softmax", "--on", "cpu-sse2,cuda-modle"], "no target cuda-modle; did you mean cuda-model?"),
    (["softmax", "--on", "cpu-sse2,cpu-sse2"], "--on names cpu-sse2 twice"),
    (["softmax", "--on", "cpu-sse2,cuda:0"], "cuda:0: no NVIDIA driver here"),
    (["softmax", "--on", "cpu-sse2,cuda-model", "--decode", "2"], "--tokens, --prompt, --decode and --arithmetic are for a model"),
    (["softmax", "--on", "cpu-sse2,cuda-model", "--instance", "smal"], "no instance of softmax \"smal\""),
    (["nowhere/model", "--on", "cpu-sse2,cuda-model"], "no model nowhere/model"),
  ])
  func whatCannotBeToldHasAStatusOfItsOwn(arguments: [String], message: String) throws {
    let outcome = try Command.run(
      "tessera", ["align"] + arguments, environment: ["TESSERA_CUDA": "/nonexistent/libcuda.so.1"])
    #expect(outcome.status == 2)
    #expect(outcome.output == "")
    #expect(outcome.errors.hasPrefix("Error: \(message)"), "\(outcome.errors)")
  }

  @Test func oneTargetIsNoComparison() throws {
    let outcome = try align("softmax", "--on", "cpu-sse2")
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("--on is cpu-sse2; two targets or more expected"))
  }
}
