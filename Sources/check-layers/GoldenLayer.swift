import Alignment
import DeepSeek
import Operators
import Reference
import Runtime
import Safetensors
import TileIR

/// A layer of the tiny checkpoint on the golden streams in front of it: under the contract's classes, with
/// exact products, with these and the golden library's exponential, and led along that run.
final class GoldenLayer {
  /// What a layer's rows were compared with and came to.
  struct Outcome {
    /// Tokens whose streams behind the layer have the golden bits.
    let byClasses, byExactProducts: [Int]
    /// The same with exact products and the exponential that the golden data were made with.
    let byGoldenFunctions: [Int]
    /// The same for a run under the classes whose stored numbers were corrected along the last one: the rows
    /// that `byGoldenFunctions` has, if every difference is a flip.
    let corrected: [Int]
    /// What was corrected, launch by launch.
    let flips: [Flips]
  }

  let number: Int
  private let layer: SingleLayer
  private let golden: SafetensorsFile
  private static let golden = 300

  /// - Parameter folder: that of the checkpoint, with `golden.safetensors` in it.
  init(_ number: Int, folder: String) throws {
    self.number = number
    golden = try SafetensorsFile(path: folder + "/golden.safetensors")
    // A longest draft of the whole context, so that a run can be taken back.
    let options = Model.Options(
      arithmetic: .quantised, cache: CacheRoom(context: Self.golden, longestDraft: Self.golden),
      chunk: Self.golden, rows: 1)
    layer = try SingleLayer(
      number, of: Weights(folder: folder, Configuration(folder: folder)), options: options, on: Device())
  }

  /// Runs the first `count` tokens, at most 300, four times.
  func check(tokens count: Int = golden) throws -> Outcome {
    let plain = try rows(count) { _ in nil }
    let exact = try rows(count) { try $0.byReference(products: .exact) }
    var record = StepRecord()
    let golden = try rows(count, by: { try $0.byReference(products: .exact, functions: .golden) }) {
      record.note($0)
    }
    var guided = GuidedRun(along: record)
    let corrected = try rows(count, by: { _ in nil }) { guided.follow($0) }
    return Outcome(
      byClasses: plain, byExactProducts: exact, byGoldenFunctions: golden, corrected: corrected,
      flips: guided.flips)
  }

  /// The tokens whose streams are golden after a run.
  private func rows(
    _ count: Int, by substitute: @escaping (HostLaunch) throws -> [String: HostTensor]?,
    done: @escaping (HostLaunch) -> Void = { _ in }
  ) throws -> [Int] {
    let before = try golden.tensor("quantised.streams.\(Self.golden).\(number)")
    let after = try golden.tensor("quantised.streams.\(Self.golden).\(number + 1)")
    let ids = try golden.tensor("ids.\(Self.golden)").integers.prefix(count).map(Int32.init)
    let row = after.bytes.count / Self.golden
    var current: HostLaunch?
    try layer.run(
      Batch([.init(sequence: 0, start: 0, tokens: ids, wanted: 1)]), before.bytes.prefix(count * row),
      by: { launch in
        current = launch
        return try substitute(launch)
      }, observe: { _ in done(current!) })
    layer.sequences.rollBack(0, to: 0)
    let found = layer.output(rows: count)
    return (0..<count).filter { token in
      found[token * row..<(token + 1) * row].elementsEqual(after.bytes[token * row..<(token + 1) * row])
    }
  }
}
