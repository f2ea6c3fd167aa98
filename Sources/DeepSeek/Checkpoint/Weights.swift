import Safetensors

/// How a weight lies in its file.
public enum WeightForm: String, Hashable, Sendable {
  /// Numbers as they are: BF16, F32, or integers.
  case plain
  /// E4M3, and an E8M0 scale for each block of 128 rows and 128 columns.
  case fp8 = "FP8"
  /// E2M1, two to a byte, the even column in the low half, and an E8M0 scale for each 32 columns.
  case fp4 = "FP4"

  /// The tensor's shape in the file for a logical [outputs, inputs].
  func storedShape(of shape: [Int]) -> [Int] {
    self == .fp4 ? shape.dropLast() + [shape[shape.count - 1] / 2] : shape
  }

  /// The scales' shape; nil for plain weights.
  func scaleShape(of shape: [Int]) -> [Int]? {
    func blocks(_ extent: Int, _ block: Int) -> Int { (extent + block - 1) / block }
    switch self {
    case .plain: return nil
    case .fp8: return shape.map { blocks($0, Configuration.scaleBlock) }
    case .fp4: return [shape[0], blocks(shape[1], Configuration.expertScaleBlock)]
    }
  }
}

/// A weight of an open checkpoint, as stored.
public struct Weight: Sendable {
  public let role: WeightRole
  /// Outermost first; [outputs, inputs] for matrices, also where two inputs share a byte.
  public let shape: [Int]
  public let form: WeightForm
  public let tensor: StoredTensor
  /// E8M0; nil for plain weights.
  public let scales: StoredTensor?

  public var byteCount: Int { tensor.byteCount + (scales?.byteCount ?? 0) }
}

/// Every weight of a model by its role: the checkpoint's tensors, mapped, checked against the
/// configuration, and not yet read.
public struct Weights: Sendable {
  public let configuration: Configuration
  /// Whether the checkpoint has the block that predicts the token after next.
  public let hasDrafter: Bool
  /// How routed experts are stored; all of them are stored alike.
  public let expertForm: WeightForm
  private let table: [WeightRole: Weight]
  private let order: [WeightRole]

  /// Opens the checkpoint of a folder.
  public init(folder: String, _ configuration: Configuration) throws {
    try self.init(SafetensorsCheckpoint(folder: folder), configuration)
  }

  /// Finds every weight in a checkpoint.
  ///
  /// - Throws: `ModelRefusal` with every tensor that is missing, has another type or shape, stands there
  ///   twice, or is none of the model's.
  public init(_ checkpoint: SafetensorsCheckpoint, _ configuration: Configuration) throws {
    let records = Array(checkpoint.records)
    let matching = WeightMatching(configuration, records)
    if !matching.problems.isEmpty { throw ModelRefusal(checkpoint.folder, matching.problems) }
    func stored(_ number: Int) -> StoredTensor { checkpoint[records[number].name]! }
    var table: [WeightRole: Weight] = [:]
    table.reserveCapacity(matching.matches.count)
    for match in matching.matches {
      table[match.expected.role] = Weight(
        role: match.expected.role, shape: match.expected.shape, form: match.form,
        tensor: stored(match.tensor), scales: match.scales.map(stored))
    }
    self.table = table
    order = matching.matches.map(\.expected.role)
    self.configuration = configuration
    hasDrafter = matching.hasDrafter
    expertForm = matching.expertForm ?? .plain
  }

  /// The weight of a role that the configuration has; another role is a programming error.
  public subscript(_ role: WeightRole) -> Weight {
    guard let weight = table[role] else { preconditionFailure("no weight \(role.name) in this model") }
    return weight
  }

  /// Whether the model has a role, such as a compressor in a certain layer.
  public func has(_ role: WeightRole) -> Bool { table[role] != nil }

  /// Every weight, layer by layer.
  public var all: some Sequence<Weight> { order.lazy.map { table[$0]! } }

  public var byteCount: Int { all.reduce(0) { $0 + $1.byteCount } }
}
