import DeepSeek
import Foundation
import Operators
import Runtime
import Steps
import TileIR

extension Benchmark {
  /// One layer of each kind at the sizes of DeepSeek-V4 Flash, with synthetic weights: a decode step behind
  /// 4096 tokens against the rate at which memory is read, and a chunk of a prefill against the tokens that its
  /// products with weights alone would let through at their own rates.
  static let layers: [Benchmark] = [(0, "window"), (4, "CSA"), (3, "HCA")].map { number, kind in
    Benchmark("v4-flash \(kind) layer") { session in
      let released = Release.flash.configuration
      let experts = expertCount(of: released)
      session.progress(
        "making the weights of a \(kind) layer, \(experts) of \(released.expertCount) experts")
      let configuration = released.with(expertCount: experts)
      let name = "v4-flash \(kind) layer, \(experts) experts"
      let layer = try LayerRuns(number, of: configuration)
      if session.listsLaunches {
        for tokens in [1, LayerRuns.chunk] {
          session.progress("\(kind) layer, \(tokens) tokens, 1 thread, launch by launch")
          for line in try layer.launches(tokens: tokens, threads: 1) { session.progress(line) }
        }
      }
      return try session.threadCounts.flatMap { threads in
        let bytes = Double(layer.decodeTraffic) / 1e9
        let figures = try session.contest(threads: threads).figures([
          Contender("tessera", work: bytes) { try layer.run(tokens: 1, threads: threads) },
          try session.memoryRead(threads: threads),
        ])
        let prefill = try session.contest(threads: threads).figures(
          [
            Contender("tessera", work: Double(LayerRuns.chunk)) {
              try layer.run(tokens: LayerRuns.chunk, threads: threads)
            }
          ] + WeightProduct.allCases.map { try $0.contender(threads: threads, session) })
        return [
          BenchRow(
            "\(name), decode, \(threadsText(threads))", unit: "GB/s", ours: figures[0],
            peers: [figures[1]], threads == session.threadCounts.last ? .ratio(atLeast: 0.5) : nil),
          BenchRow(
            "\(name), \(LayerRuns.chunk) tokens, \(threadsText(threads))", unit: "tokens/s",
            ours: prefill[0], peers: [layer.productsAlone(Array(prefill.dropFirst()))]),
        ]
      }
    }
  }
}

/// All of the release's experts where this machine has memory for them twice, as they are stored and as they are
/// laid out; else 32, of which a decode step meets as many.
private func expertCount(of released: Configuration) -> Int {
  // Three matrices of 4 bits a weight and a scale for 32 weights; 2 GB for the rest of a layer.
  let bytes = 3 * released.expertSize * released.hiddenSize / 32 * 17 * released.expertCount
  return HostMemory.current.availableBytes > 2 * bytes + 2_000_000_000 ? released.expertCount : 32
}

/// Runs of one layer behind a context, each taking back what it added.
final class LayerRuns {
  static let chunk = 64
  static let context = 4096
  private let layer: SingleLayer
  private let streams: [[UInt8]]
  private var turn = 0

  init(_ number: Int, of configuration: Configuration) throws {
    let room = CacheRoom(context: Self.context + Self.chunk, longestDraft: Self.chunk)
    layer = try SingleLayer(
      number, of: configuration, from: SyntheticWeights(configuration),
      options: Model.Options(arithmetic: .quantised, cache: room, chunk: Self.chunk, rows: 1), on: Device())
    layer.skip(to: Self.context)
    var random = SplitMix64(seed: 2)
    // Several inputs, so that the experts that are met change from run to run.
    streams = (0..<4).map { _ in
      let count = Self.chunk * configuration.streamCount * configuration.hiddenSize
      return (0..<count).flatMap { _ -> [UInt8] in
        let bits = Float.random(in: -1...1, using: &random).bitPattern >> 16
        return [UInt8(bits & 0xFF), UInt8(bits >> 8)]
      }
    }
  }

  /// The run numbers of a step of so many tokens behind the context.
  private func numbers(tokens: Int) -> (RunNumber) -> Int {
    { number in
      switch number.name {
      case "tokens": tokens
      case "reach": Self.context / 4
      default: 0
      }
    }
  }

  /// Bytes that each launch of a decode step must move.
  private var traffic: [Int] {
    let step = layer.executable.step
    return step.launches.map { step.traffic(of: $0, numbers(tokens: 1)).total }
  }

  /// Tokens a second of a chunk whose products with weights are all there is, at the rates of products by
  /// themselves, in the order of `WeightProduct.allCases`.
  func productsAlone(_ rates: [Figure]) -> Figure {
    let work = layer.executable.step.weightProducts(numbers(tokens: Self.chunk))
    func tokens(_ rate: (Figure) -> Double) -> Double {
      Double(Self.chunk) / zip(WeightProduct.allCases, rates).reduce(0) { $0 + work[$1.0, default: 0] / rate($1.1) }
    }
    return Figure(name: "products alone", best: tokens(\.best), median: tokens(\.median))
  }

  /// Bytes that a decode step must move.
  var decodeTraffic: Int { traffic.reduce(0, +) }

  /// A line for each launch: the best of several times, and the bytes of a decode step.
  func launches(tokens: Int, threads: Int) throws -> [String] {
    let step = layer.executable.step
    var best = [Double](repeating: .infinity, count: step.launches.count)
    for _ in 0..<20 {
      var before = BenchClock.elapsed.now()
      try run(tokens: tokens, threads: threads) { launch in
        let now = BenchClock.elapsed.now()
        best[launch] = min(best[launch], now - before)
        before = BenchClock.elapsed.now()
      }
    }
    return step.launches.indices.map { number in
      let microseconds = Int((best[number] * 1e6).rounded())
      let rate = tokens == 1 ? ", \(String(format: "%.1f", Double(traffic[number]) / best[number] / 1e9)) GB/s" : ""
      return "  \(step.program(of: step.launches[number]).name): \(microseconds) us\(rate)"
    }
  }

  func run(tokens: Int, threads: Int, observe: ((Int) throws -> Void)? = nil) throws {
    turn += 1
    let ids = (0..<tokens).map { Int32((turn * 31 + $0) % 1000) }
    let rowBytes = streams[0].count / Self.chunk
    try layer.run(
      Batch([.init(sequence: 0, start: Self.context, tokens: ids, wanted: 0)]),
      streams[turn % streams.count].prefix(tokens * rowBytes), threads: threads, observe: observe)
    layer.sequences.rollBack(0, to: Self.context)
  }
}
