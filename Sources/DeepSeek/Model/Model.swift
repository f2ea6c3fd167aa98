import Foundation
import Operators
import Runtime
import Steps
import TileIR

/// A DeepSeek-V4 model on a device, with caches for its sequences.
///
/// Not for several threads at once.
public final class Model {
  /// What a model is loaded for.
  public struct Options: Sendable {
    public var arithmetic: Arithmetic
    public var cache: CacheRoom
    /// Tokens of one run at most.
    public var chunk: Int
    /// Rows of logits of one run at most.
    public var rows: Int
    /// Whether runs leave the residual streams in front of every layer as `streams.L`.
    public var keepsStreams: Bool
    /// Whether the drafting layer is loaded, if the model has one.
    public var drafts: Bool
    /// How routed experts are stored.
    public var expertFormat = WeightFormat.fp4

    public init(
      arithmetic: Arithmetic = .quantised, cache: CacheRoom, chunk: Int = 256, rows: Int = 2,
      keepsStreams: Bool = false, drafts: Bool = true
    ) {
      self.arithmetic = arithmetic
      self.cache = cache
      self.chunk = chunk
      self.rows = rows
      self.keepsStreams = keepsStreams
      self.drafts = drafts
    }
  }

  /// What is being done while a model loads.
  public enum Progress: Sendable {
    case compiling(done: Int, of: Int, program: String)
    case converting(done: Int, of: Int)
    case layingOut(done: Int, of: Int)
  }

  public let shape: Configuration
  public let options: Options
  public let device: Device
  /// Threads of a run; all of the device's where nil. Bits never depend on them.
  public var threads: Int?
  public var sequences: Sequences { loaded.sequences }
  public var weights: LoadedWeights { loaded.weights }
  private let loaded: LoadedSteps
  let forward: StepExecutable
  let draft: StepExecutable?

  /// Traces the model's steps, loads its weights and compiles its programs.
  ///
  /// - Parameters:
  ///   - name: what its sequences' files are marked with; different for different weights.
  ///   - store: must stay open while the model is in use.
  ///   - progress: told what is being done, from several threads.
  public init(
    _ shape: Configuration, named name: String, from store: any WeightStore, options: Options, on device: Device,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws {
    self.shape = shape
    self.options = options
    self.device = device
    let tracer = StepTracer(shape, options)
    loaded = try LoadedSteps(
      Self.steps(of: shape, options), of: tracer, named: name, from: store, on: device, progress: progress)
    forward = loaded.executables[0]
    draft = tracer.hasDrafts ? loaded.executables[1] : nil
  }

  /// The steps of a model that is not loaded: what `steps` of the loaded one would be.
  public static func steps(of shape: Configuration, _ options: Options) throws -> [Step] {
    let tracer = StepTracer(shape, options)
    return try [tracer.forward()] + (tracer.hasDrafts ? [tracer.draft()] : [])
  }

  /// The steps that it runs: the model's own, then the draft's.
  public var steps: [Step] { loaded.executables.map(\.step) }

  // MARK: Runs

  /// Runs the model on a batch and notes its tokens in their sequences. Logits of the wanted rows can be
  /// read until the next run.
  ///
  /// Refuses, before anything runs, a batch that is larger than the model was loaded for, a piece that does
  /// not begin where its sequence ends, and token ids beyond the vocabulary.
  ///
  /// `observe` is told the number of each launch that is done; `by` may do launches in the device's place, see
  /// `StepExecutable.run`.
  public func run(
    _ batch: Batch, temperatures: [Float] = [],
    by substitute: ((HostLaunch) throws -> [String: HostTensor]?)? = nil, observe: ((Int) throws -> Void)? = nil
  ) throws {
    try fill(batch, temperatures)
    try forward.run(threads: threads, by: substitute, observe: observe)
    end(batch)
  }

  /// A run of the model on a batch that is carried forward launch by launch; refused as `run` is. `end` belongs
  /// behind its last launch.
  public func begin(_ batch: Batch, temperatures: [Float] = []) throws -> StepRun {
    try fill(batch, temperatures)
    return try forward.begin(threads: threads)
  }

  /// Notes a run's tokens in their sequences.
  public func end(_ batch: Batch) {
    for piece in batch.pieces { sequences.append(piece.tokens, to: piece.sequence) }
  }

  private func fill(_ batch: Batch, _ temperatures: [Float]) throws {
    try sequences.admit(batch, options)
    forward.fill(batch) { batch.pieces[$0].tokens[$1] }
    let memory = forward.input("temperature").bindMemory(to: Float.self)
    for row in 0..<batch.wantedCount {
      memory[row] = row < temperatures.count && temperatures[row] > 0 ? temperatures[row] : 1
    }
  }

  /// Runs the drafting layer behind a run of the same batch: `next` gives the token behind each token of
  /// each piece. Drafts can be read for the rows that are wanted.
  public func runDraft(_ batch: Batch, next: (_ piece: Int, _ place: Int) -> Int32) throws {
    guard let draft else { preconditionFailure("the model was loaded without its drafting layer") }
    draft.fill(batch, next)
    try draft.run(threads: threads)
  }

  // MARK: Results of the last run

  /// The logits of a wanted row.
  public func logits(_ row: Int) -> UnsafeBufferPointer<Float> { self.row("logits", row, of: forward) }

  /// The bytes of the logits of wanted rows, fp32 row-major.
  public func logitBytes(_ rows: Range<Int>) -> UnsafeRawBufferPointer {
    bytes("logits", rows, rowBytes: 4 * shape.vocabularySize)
  }

  /// What residual streams are stored as.
  public var streamElement: ElementType { options.arithmetic == .quantised ? .bfloat16 : .float32 }

  /// The bytes of the streams in front of a layer, and behind the last, of rows of the run: [rows, streams,
  /// hidden]. The model must have been loaded with `keepsStreams`.
  public func streamBytes(_ layer: Int, _ rows: Range<Int>) -> UnsafeRawBufferPointer {
    let width = streamElement.bitWidth / 8
    return bytes("streams.\(layer)", rows, rowBytes: width * shape.streamCount * shape.hiddenSize)
  }

  private func bytes(_ output: String, _ rows: Range<Int>, rowBytes: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(
      rebasing: forward.output(output)[rows.lowerBound * rowBytes..<rows.upperBound * rowBytes])
  }

  /// The token that follows `position`, by the logits of a wanted row.
  public func choose(_ row: Int, _ sampling: Sampling, at position: Int) -> Int32 {
    guard sampling.isGreedy else {
      return sampling.draw(self.row("weights", row, of: forward), at: position)
    }
    return forward.output("best").bindMemory(to: Int32.self)[row]
  }

  /// The drafted token of a wanted row, and its logits.
  public func drafted(_ row: Int) -> Int32 { draft!.output("best").bindMemory(to: Int32.self)[row] }
  public func draftLogits(_ row: Int) -> UnsafeBufferPointer<Float> { self.row("logits", row, of: draft!) }

  private func row(_ name: String, _ row: Int, of step: StepExecutable) -> UnsafeBufferPointer<Float> {
    let all = step.output(name).bindMemory(to: Float.self)
    return UnsafeBufferPointer(rebasing: all[row * shape.vocabularySize..<(row + 1) * shape.vocabularySize])
  }
}
