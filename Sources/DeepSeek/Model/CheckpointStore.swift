import Runtime
import Safetensors

/// The weights of an open checkpoint by the names of DeepSeek's releases, which the model's steps use.
struct CheckpointStore: WeightStore {
  private var tensors: [String: StoredTensor] = [:]

  init(_ weights: Weights) {
    for weight in weights.all {
      let name = weight.role.name
      tensors[name] = weight.tensor
      if let scales = weight.scales { tensors[String(name.dropLast("weight".count)) + "scale"] = scales }
    }
  }

  func tensor(named name: String) throws -> WeightTensor {
    guard let stored = tensors[name] else { throw RuntimeError("\(name): the checkpoint has no such tensor") }
    guard let tensor = WeightTensor(stored) else {
      throw stored.refusal("a weight's type", stored.type.rawValue)
    }
    return tensor
  }
}

extension Weights {
  /// Tells these weights from others of the same sizes: the SHA-256 of the names, types and shapes of all
  /// and the bytes of the small plain ones, such as norms.
  public var fingerprint: String {
    var text: [UInt8] = []
    for weight in all {
      text += "\(weight.role.name) \(weight.tensor.type.rawValue) \(weight.shape)\n".utf8
      if weight.form == .plain, weight.byteCount <= 1 << 16 { text += weight.tensor.bytes }
    }
    return ContentHash.digest(text)
  }
}

extension Model {
  /// Loads the model of an open checkpoint.
  ///
  /// Throws what `init(_:named:from:options:on:progress:)` does, and where the checkpoint stores a weight in
  /// a form that the arithmetic does not take.
  public convenience init(
    _ weights: Weights, options: Options, on device: Device,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws {
    var options = options
    options.drafts = options.drafts && weights.hasDrafter
    options.expertFormat = weights.expertForm == .fp8 ? .fp8 : .fp4
    try self.init(
      weights.configuration, named: weights.fingerprint, from: CheckpointStore(weights), options: options,
      on: device, progress: progress)
  }
}

extension SingleLayer {
  /// Loads one layer of an open checkpoint; see `Model.init(_:options:on:progress:)`.
  public convenience init(_ number: Int, of weights: Weights, options: Model.Options, on device: Device) throws {
    var options = options
    options.expertFormat = weights.expertForm == .fp8 ? .fp8 : .fp4
    try self.init(
      number, of: weights.configuration, from: CheckpointStore(weights), options: options, on: device)
  }
}
