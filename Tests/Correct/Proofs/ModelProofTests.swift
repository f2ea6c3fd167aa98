import DeepSeek
import Operators
import Proofs
import Testing
import Tiles

/// Every program of a released model's steps, at its own sizes, is proved by native procedures alone.
@Suite struct ModelProofTests {
  @Test(arguments: ["configurations/v4-flash.json", "configurations/v4-pro.json", "v4-tiny/config.json"])
  func everyProgramOfAStepIsProved(_ path: String) throws {
    let configuration = try Configuration(file: ModelFiles.root + "/Fixtures/\(path)")
    let steps = try Model.steps(
      of: configuration,
      Model.Options(arithmetic: .quantised, cache: CacheRoom(context: 4096), chunk: 64, rows: 1))
    let programs = steps.flatMap(\.programs)
    #expect(programs.count > 10)
    for program in Set(programs) {
      let proof = Prover(solver: nil).prove(program)
      #expect(proof.isComplete, "\(program.name): \(proof.failures.map(\.description))")
    }
  }
}
