import Safetensors

/// A weight that a configuration asks for.
public struct ExpectedWeight: Hashable, Sendable {
  /// How a weight may be stored.
  public enum Storage: Hashable, Sendable {
    /// BF16 or F32; the release has the given one.
    case plain(released: StorageType)
    /// E4M3 with a power-of-two scale for each 128 x 128 block, as released, or plain.
    case linear
    /// E2M1 with a scale for each 32 columns, or as `linear`: the configuration or the tensors say which.
    case expert
    /// I64, as released, or I32.
    case table
  }

  /// The part of the model that a weight is counted under.
  public enum Part: String, Hashable, Sendable, CaseIterable {
    case embedding, head
    case attention
    case compressors, indexers
    case routers
    case routedExperts = "routed experts"
    case sharedExperts = "shared experts"
    case hyperConnections = "hyper-connections"
    case norms
    case drafter
  }

  public let role: WeightRole
  /// Outermost first; [outputs, inputs] for matrices, however they are packed.
  public let shape: [Int]
  public let storage: Storage
  public let part: Part

  public var name: String { role.name }
  public var elementCount: Int { shape.reduce(1, *) }
}

extension Configuration {
  /// Every weight of the model in the order of its layers, the drafting block last where there is one.
  public var expectedWeights: [ExpectedWeight] {
    var list = WeightList(configuration: self)
    list.addModel()
    for (number, compression) in layers.enumerated() {
      list.addBlock(
        .layer(number), compression, usesHashRouting: usesHashRouting(layer: number))
    }
    if drafter == .nextToken { list.addDrafter() }
    return list.weights
  }
}

/// The expected weights, written out part by part.
private struct WeightList {
  let configuration: Configuration
  var weights: [ExpectedWeight] = []
  /// Set while the drafting block is listed: everything in it counts as the drafter's.
  var isDrafter = false

  mutating func add(
    _ role: WeightRole, _ shape: [Int], _ storage: ExpectedWeight.Storage, _ part: ExpectedWeight.Part
  ) {
    weights.append(
      ExpectedWeight(role: role, shape: shape, storage: storage, part: isDrafter ? .drafter : part))
  }

  mutating func addModel() {
    let c = configuration
    let bf16 = ExpectedWeight.Storage.plain(released: .bfloat16)
    add(.model(.embedding), [c.vocabularySize, c.hiddenSize], bf16, .embedding)
    add(.model(.head), [c.vocabularySize, c.hiddenSize], bf16, .head)
    add(.model(.norm), [c.hiddenSize], bf16, .norms)
    let fp32 = ExpectedWeight.Storage.plain(released: .float32)
    add(.model(.mixFunction), [c.streamCount, c.streamCount * c.hiddenSize], fp32, .hyperConnections)
    add(.model(.mixBase), [c.streamCount], fp32, .hyperConnections)
    add(.model(.mixScale), [1], fp32, .hyperConnections)
  }

  mutating func addBlock(_ block: Block, _ compression: Configuration.Compression, usesHashRouting: Bool) {
    let c = configuration
    func role(_ weight: BlockWeight) -> WeightRole { .block(block, weight) }
    let bf16 = ExpectedWeight.Storage.plain(released: .bfloat16)
    let fp32 = ExpectedWeight.Storage.plain(released: .float32)

    add(role(.attentionNorm), [c.hiddenSize], bf16, .norms)
    add(role(.expertNorm), [c.hiddenSize], bf16, .norms)
    let mixes: [(BlockWeight, BlockWeight, BlockWeight)] = [
      (.attentionMixFunction, .attentionMixBase, .attentionMixScale),
      (.expertMixFunction, .expertMixBase, .expertMixScale),
    ]
    for (function, base, scale) in mixes {
      add(role(function), [c.mixCount, c.streamCount * c.hiddenSize], fp32, .hyperConnections)
      add(role(base), [c.mixCount], fp32, .hyperConnections)
      add(role(scale), [3], fp32, .hyperConnections)
    }

    add(role(.queryDown), [c.queryRank, c.hiddenSize], .linear, .attention)
    add(role(.queryNorm), [c.queryRank], bf16, .norms)
    add(role(.queryUp), [c.headCount * c.headSize, c.queryRank], .linear, .attention)
    add(role(.latent), [c.headSize, c.hiddenSize], .linear, .attention)
    add(role(.latentNorm), [c.headSize], bf16, .norms)
    let rank = c.outputGroups * c.outputRank
    add(role(.outputDown), [rank, c.headCount * c.headSize / c.outputGroups], .linear, .attention)
    add(role(.outputUp), [c.hiddenSize, rank], .linear, .attention)
    add(role(.sink), [c.headCount], fp32, .attention)
    addCompressors(block, compression)

    add(role(.router), [c.expertCount, c.hiddenSize], bf16, .routers)
    if usesHashRouting {
      add(role(.routerTable), [c.vocabularySize, c.expertPicks], .table, .routers)
    } else {
      add(role(.routerBias), [c.expertCount], fp32, .routers)
    }
    let (inner, outer) = ([c.expertSize, c.hiddenSize], [c.hiddenSize, c.expertSize])
    for expert in 0..<c.expertCount {
      add(.expert(block, expert, .gate), inner, .expert, .routedExperts)
      add(.expert(block, expert, .up), inner, .expert, .routedExperts)
      add(.expert(block, expert, .down), outer, .expert, .routedExperts)
    }
    add(role(.sharedGate), inner, .linear, .sharedExperts)
    add(role(.sharedUp), inner, .linear, .sharedExperts)
    add(role(.sharedDown), outer, .linear, .sharedExperts)
  }

  private mutating func addCompressors(_ block: Block, _ compression: Configuration.Compression) {
    let c = configuration
    guard compression != .none else { return }
    let bf16 = ExpectedWeight.Storage.plain(released: .bfloat16)
    let fp32 = ExpectedWeight.Storage.plain(released: .float32)
    let width = c.compressorWidth(compression, head: c.headSize)
    add(.block(block, .compressorLatent), [width, c.hiddenSize], bf16, .compressors)
    add(.block(block, .compressorGate), [width, c.hiddenSize], bf16, .compressors)
    add(.block(block, .compressorPositions), [compression.ratio, width], fp32, .compressors)
    add(.block(block, .compressorNorm), [c.headSize], bf16, .norms)
    guard compression == .sparse else { return }
    let indexWidth = c.compressorWidth(compression, head: c.indexHeadSize)
    add(.block(block, .indexQuery), [c.indexHeadCount * c.indexHeadSize, c.queryRank], .linear, .indexers)
    add(.block(block, .indexWeights), [c.indexHeadCount, c.hiddenSize], bf16, .indexers)
    add(.block(block, .indexCompressorLatent), [indexWidth, c.hiddenSize], bf16, .indexers)
    add(.block(block, .indexCompressorGate), [indexWidth, c.hiddenSize], bf16, .indexers)
    add(.block(block, .indexCompressorPositions), [compression.ratio, indexWidth], fp32, .indexers)
    add(.block(block, .indexCompressorNorm), [c.indexHeadSize], bf16, .norms)
  }

  mutating func addDrafter() {
    let c = configuration
    isDrafter = true
    addBlock(.drafter, .none, usesHashRouting: false)
    add(.drafter(.embeddingProjection), [c.hiddenSize, c.hiddenSize], .linear, .drafter)
    add(.drafter(.streamProjection), [c.hiddenSize, c.hiddenSize], .linear, .drafter)
    for norm in [DrafterWeight.embeddingNorm, .streamNorm, .norm] {
      add(.drafter(norm), [c.hiddenSize], .plain(released: .bfloat16), .drafter)
    }
    let fp32 = ExpectedWeight.Storage.plain(released: .float32)
    add(.drafter(.mixFunction), [c.streamCount, c.streamCount * c.hiddenSize], fp32, .drafter)
    add(.drafter(.mixBase), [c.streamCount], fp32, .drafter)
    add(.drafter(.mixScale), [1], fp32, .drafter)
  }
}
