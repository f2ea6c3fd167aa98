import Alignment
import Testing
import TileIR

@testable import check_layers

/// Layers by the reference with exact products and the exponential that the golden data were made with: every row
/// is golden, and so is every row of the contract's classes once the stored numbers that flipped are put right. The command
/// `check-layers` does the same over all 300 tokens.
@Suite("Layers with exact products") struct ExactLayerTests {
  /// A window alone and hash routing; CSA, whose first entry token 3 completes; HCA and routing by scores.
  @Test("the first tokens of a layer of each kind, each difference explained", arguments: [0, 1, 4])
  func explained(_ number: Int) throws {
    let tokens = 4
    let outcome = try GoldenLayer(number, folder: ModelFixture.tiny.folder).check(tokens: tokens)
    #expect(outcome.byExactProducts.count >= tokens - 1)
    #expect(outcome.byGoldenFunctions == Array(0..<tokens))
    #expect(outcome.corrected == outcome.byGoldenFunctions)
    for flip in outcome.flips {
      // A neighbour in bf16 is at most 2^-7 away, relative to the number itself.
      #expect(flip.element != .bfloat16 || flip.largest <= 0x1p-7, "\(flip.text)")
      #expect(flip.count * 100 <= flip.total, "\(flip.text)")
    }
  }
}
