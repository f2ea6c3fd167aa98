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

  /// Runs the layer on streams [tokens, streams, hidden] of a batch; the result has their shape.
  public func run(_ batch: Batch, _ streams: [UInt8], observe: ((Int) throws -> Void)? = nil) throws -> [UInt8] {
    try sequences.admit(batch, options)
    executable.fill(batch) { batch.pieces[$0].tokens[$1] }
    streams.withUnsafeBytes { executable.input("streams.in").copyMemory(from: $0) }
    try executable.run(threads: options.threads, observe: observe)
    for piece in batch.pieces { sequences.append(piece.tokens, to: piece.sequence) }
    return Array(executable.output("streams.out").prefix(streams.count))
  }
}
