import Runtime
import Steps
import TileIR

/// One layer of a model by itself, streams in and streams out: to compare a layer on given inputs, and to
/// measure it.
public final class SingleLayer {
  public let shape: Configuration
  public let number: Int
  public let options: Model.Options
  private let loaded: LoadedSteps
  public var executable: StepExecutable { loaded.executables[0] }
  public var sequences: Sequences { loaded.sequences }

  public init(
    _ number: Int, of shape: Configuration, from store: any WeightStore, options: Model.Options,
    on device: Device, progress: @escaping @Sendable (Model.Progress) -> Void = { _ in }
  ) throws {
    self.shape = shape
    self.number = number
    self.options = options
    let tracer = StepTracer(shape, options)
    loaded = try LoadedSteps(
      [tracer.layer(number)], of: tracer, named: "layer \(number)", from: store, on: device, progress: progress)
  }

  /// Gives a sequence so many tokens whose caches stay zeros: to measure a layer behind a context.
  public func skip(to length: Int, sequence: Int = 0) {
    sequences.append(repeatElement(0, count: length - sequences.length(sequence)), to: sequence)
  }

  /// Runs the layer on streams [tokens, streams, hidden] of a batch; `output` has theirs then. `by` may do
  /// launches in the device's place, see `StepExecutable.run`.
  public func run(
    _ batch: Batch, _ streams: some Collection<UInt8>, threads: Int? = nil,
    by substitute: ((HostLaunch) throws -> [String: HostTensor]?)? = nil,
    observe: ((Int) throws -> Void)? = nil
  ) throws {
    try sequences.admit(batch, options)
    executable.fill(batch) { batch.pieces[$0].tokens[$1] }
    executable.input("streams.in").copyBytes(from: streams)
    try executable.run(threads: threads, by: substitute, observe: observe)
    for piece in batch.pieces { sequences.append(piece.tokens, to: piece.sequence) }
  }

  /// The streams behind the layer, of the last run's rows.
  public func output(rows: Int) -> UnsafeRawBufferPointer {
    let all = executable.output("streams.out")
    return UnsafeRawBufferPointer(rebasing: all[..<(all.count / options.chunk * rows)])
  }
}

extension Configuration {
  /// The same with another number of experts, for measurements that need not hold them all.
  public func with(expertCount: Int) -> Configuration {
    var copy = self
    copy.expertCount = max(expertCount, expertPicks)
    return copy
  }
}
