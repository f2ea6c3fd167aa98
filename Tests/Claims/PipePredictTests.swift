import Foundation
import Testing

/// What `predict` and `show --timeline` say of an Ascend chip.
@Suite struct PipePredictTests {
  @Test func fiveBoundsStandBesideTheEstimate() throws {
    let outcome = try Command.run(
      "tessera",
      ["predict", "swiglu", "--instance", "small", "--target", "ascend-910b", "--set", "rows=70", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try #require(JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(report["isMeasured"] as? Bool == false)
    let row = try #require((report["rows"] as? [[String: Any]])?.first)
    let bounds = try #require(row["bounds"] as? [String: Double])
    #expect(Set(bounds.keys) == ["cube", "GM to L1", "L0C to GM", "GM to UB", "vector lanes"])
    let (cycles, ratio) = (try #require(row["cycles"] as? Double), try #require(row["ratio"] as? Double))
    #expect(abs(ratio - bounds.values.max()! / cycles) < 1e-9)
    #expect(abs(try #require(row["microseconds"] as? Double) - cycles / 1.85e3) < 1e-9 * cycles)
  }

  /// A class that the chip does not keep has no estimate.
  @Test func aRefusedOperatorIsNamed() throws {
    let outcome = try Command.run(
      "tessera", ["predict", "matmul", "--instance", "1024 fp32", "--target", "ascend-910b"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("refused: class fused"))
  }

  @Test func theTimelineIsAPictureOfPipes() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "timeline-\(UUID().uuidString).svg")
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try Command.run(
      "tessera",
      ["show", "linear_fp8", "--instance", "small", "--target", "ascend-910b", "--timeline", file.path])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let text = try String(contentsOf: file, encoding: .utf8)
    let bars = text.components(separatedBy: "<rect x=").count - 1
    // A panel for the slices of the rows, one for the products.
    #expect((200...1300).contains(bars))
    for pipe in ["S", "V", "MTE1", "MTE2", "MTE3", "M", "FIX"] {
      #expect(text.contains("font-weight=\"bold\">\(pipe)</text>"), "\(pipe)")
    }
    #expect(text.contains(".swift:") && text.contains("<title>event ") && text.contains("<title>flag "))
    #expect(text.contains("Predicted, not measured") && text.contains("left out"))
    for tag in ["svg", "g", "rect", "text", "title"] {
      let opened = text.components(separatedBy: "<\(tag)").count - 1
      let closed = text.components(separatedBy: "</\(tag)>").count - 1
      // The background is closed by itself.
      #expect(opened - closed == (tag == "rect" ? 1 + legendMarks(text) : 0), "\(tag)")
    }
  }

  private func legendMarks(_ text: String) -> Int { text.components(separatedBy: "width=\"18\"").count - 1 }

  @Test func nothingIsWrittenWhereNothingIsDrawn() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "timeline-\(UUID().uuidString).svg")
    for (target, words) in [
      ("cpu-avx2", "--timeline is of pipes; cpu-avx2 has none"), ("ascend-910b", "cannot write"),
    ] {
      let path = target == "cpu-avx2" ? file.path : "/nonexistent/\(file.lastPathComponent)"
      let outcome = try Command.run(
        "tessera", ["show", "widen", "--instance", "small", "--target", target, "--timeline", path])
      #expect(outcome.status != 0)
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }
}
