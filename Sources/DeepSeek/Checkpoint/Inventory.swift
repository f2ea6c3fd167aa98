import Safetensors

/// Parameters and bytes of a model, part by part.
public struct Inventory: Hashable, Sendable {
  public struct Row: Hashable, Sendable {
    public let part: ExpectedWeight.Part
    /// Numbers that the model learnt; scales and token tables are not counted.
    public internal(set) var parameters = 0
    /// Those that one token meets: all but the experts that it is not routed to, and of the embedding one row.
    public internal(set) var activeParameters = 0
    /// Bytes in the file, scales and tables included.
    public internal(set) var bytes = 0
  }

  /// In the order of `ExpectedWeight.Part`; parts that the model lacks are left out.
  public let rows: [Row]

  public var parameters: Int { rows.reduce(0) { $0 + $1.parameters } }
  /// Without the drafter, which a plain step does not run.
  public var activeParameters: Int { rows.reduce(0) { $0 + ($1.part == .drafter ? 0 : $1.activeParameters) } }
  public var bytes: Int { rows.reduce(0) { $0 + $1.bytes } }

  /// Of a checkpoint, as it is stored.
  public init(_ weights: Weights) {
    let present = weights.configuration.expectedWeights.filter { weights.has($0.role) }
    self.init(present, weights.configuration) { weights[$0.role].byteCount }
  }

  /// Of a configuration, as a release stores it.
  public init(released configuration: Configuration) {
    self.init(configuration.expectedWeights, configuration) { $0.releasedByteCount(configuration) }
  }

  private init(
    _ weights: [ExpectedWeight], _ configuration: Configuration, bytes: (ExpectedWeight) -> Int
  ) {
    var rows: [ExpectedWeight.Part: Row] = [:]
    // A shared total is scaled once, so that the share of experts is exact.
    var routed: [ExpectedWeight.Part: Int] = [:]
    for weight in weights {
      var row = rows[weight.part] ?? Row(part: weight.part)
      let parameters = weight.storage == .table ? 0 : weight.elementCount
      row.parameters += parameters
      row.bytes += bytes(weight)
      if case .expert = weight.role {
        routed[weight.part, default: 0] += parameters
      } else {
        row.activeParameters += weight.role == .model(.embedding) ? configuration.hiddenSize : parameters
      }
      rows[weight.part] = row
    }
    for (part, count) in routed {
      rows[part]?.activeParameters += count / configuration.expertCount * configuration.expertPicks
    }
    self.rows = ExpectedWeight.Part.allCases.compactMap { rows[$0] }
  }
}

extension ExpectedWeight {
  /// Bytes in the released form.
  func releasedByteCount(_ configuration: Configuration) -> Int {
    let form: WeightForm
    switch storage {
    case .plain(let released): return elementCount * released.byteWidth
    case .table: return elementCount * StorageType.int64.byteWidth
    case .linear: form = .fp8
    case .expert: form = configuration.expertFormat == .fp8 ? .fp8 : .fp4
    }
    // One byte an element or two elements; a byte a scale.
    return form.storedShape(of: shape).reduce(1, *) + form.scaleShape(of: shape)!.reduce(1, *)
  }
}
