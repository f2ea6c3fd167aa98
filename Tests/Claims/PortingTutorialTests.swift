import Foundation
import Operators
import Runtime
import Testing
import Tiles

/// `Documentation/porting-a-model.md`: its blocks are compiled, and its model does what is said of it.
@Suite struct PortingTutorialTests {
  private let model = ShiftGate()

  private func weights() -> [String: HostTensor] {
    var random = SplitMix64(seed: 8)
    var tensors: [String: HostTensor] = [:]
    func add(_ name: String, _ shape: Int..., in range: ClosedRange<Float>) {
      let numbers = (0..<shape.reduce(1, *)).map { _ in Float.random(in: range, using: &random) }
      tensors[name] = HostTensor(.float32, shape, numbers: numbers)
    }
    add("embed.weight", model.vocabulary, model.width, in: -1...1)
    for layer in (0..<model.layers).map({ "layers.\($0)" }) {
      add("\(layer).norm.weight", model.width, in: 0.5...1.5)
      add("\(layer).mix", model.width, in: 0...1)
      for name in ["gate", "up"] { add("\(layer).\(name).weight", model.inner, model.width, in: -0.4...0.4) }
      add("\(layer).down.weight", model.width, model.inner, in: -0.4...0.4)
    }
    return tensors
  }

  private func loaded(threads: Int = 2) throws -> ShiftGateRun {
    try ShiftGateRun(model, weights(), on: Device(pool: ThreadPool(threads: threads)))
  }

  private let prompt: [Int32] = [3, 14, 15, 9, 26, 5, 35]

  private func logits(_ run: ShiftGateRun, rows: Int) -> [Float] {
    Array(run.executable.output("logits").bindMemory(to: Float.self).prefix(rows * model.vocabulary))
  }

  @Test func everyBlockIsCompiled() throws {
    let compiled = try ["ShiftGateOperators", "ShiftGate"]
      .map { try Repository.text("Tests/Claims/PortingTutorial/\($0).swift") }.joined()
    let blocks = Markdown.blocks(in: try Repository.text("Documentation/porting-a-model.md"), "swift")
    #expect(blocks.count >= 6)
    for block in blocks { #expect(compiled.contains(block), "\(block)") }
  }

  /// The formula in binary64, as one would have it from the framework that the model comes from.
  @Test func logitsAreNearTheFormula() throws {
    let run = try loaded()
    try run.feed(prompt)
    let w = weights().mapValues { $0.numbers.map(Double.init) }
    func times(_ x: [Double], _ name: String, _ outputs: Int) -> [Double] {
      (0..<outputs).map { o in zip(x, w[name]![(o * x.count)...]).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    var kept = [[Double]](repeating: [Double](repeating: 0, count: model.width), count: model.layers)
    var expected: [Double] = []
    for token in prompt {
      var x = Array(w["embed.weight"]![Int(token) * model.width..<(Int(token) + 1) * model.width])
      for layer in 0..<model.layers {
        let name = "layers.\(layer)"
        let root = (x.reduce(0) { $0 + $1 * $1 } / Double(model.width) + 1e-5).squareRoot()
        let n = zip(x, w["\(name).norm.weight"]!).map { $0 / root * $1 }
        let mix = w["\(name).mix"]!
        let mixed = n.indices.map { mix[$0] * n[$0] + (1 - mix[$0]) * kept[layer][$0] }
        kept[layer] = n
        let gate = times(mixed, "\(name).gate.weight", model.inner)
        let up = times(mixed, "\(name).up.weight", model.inner)
        let inner = zip(gate, up).map { $0 / (1 + exp(-$0)) * $1 }
        x = zip(x, times(inner, "\(name).down.weight", model.width)).map { $0 + $1 }
      }
      expected += times(x, "embed.weight", model.vocabulary)
    }
    for (a, b) in zip(logits(run, rows: prompt.count), expected) { #expect(abs(Double(a) - b) < 1e-4) }
  }

  @Test func cutsAndThreadsDoNotShow() throws {
    let whole = try loaded()
    try whole.feed(prompt)
    let expected = logits(whole, rows: prompt.count).map(\.bitPattern)
    for (pieces, threads) in [([1, 1, 1, 1, 1, 1, 1], 1), ([3, 4], 2), ([6, 1], 2)] {
      let run = try loaded(threads: threads)
      var (found, done) = ([UInt32](), 0)
      for count in pieces {
        try run.feed(Array(prompt[done..<done + count]))
        found += logits(run, rows: count).map(\.bitPattern)
        done += count
      }
      #expect(found == expected, "\(pieces)")
    }
    let text = try loaded().text(after: prompt, count: 5)
    #expect(try loaded(threads: 1).text(after: prompt, count: 5) == text)
  }

  @Test func launchesAreTheReferences() throws {
    let run = try loaded()
    #expect(try differingLaunches(run, prompt) == [])
    #expect(try differingLaunches(run, [7]) == [])
  }
}
