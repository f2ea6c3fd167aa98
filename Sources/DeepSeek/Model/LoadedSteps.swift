import Runtime
import Steps

/// Steps of one model on a device: their weights, their caches, and everything bound.
final class LoadedSteps {
  let weights: LoadedWeights
  let sequences: Sequences
  let executables: [StepExecutable]
  /// What one step hands to another.
  private let shared: DeviceMemory

  init(
    _ steps: [Step], of tracer: StepTracer, named name: String, from store: any WeightStore, on device: Device,
    progress: @escaping @Sendable (Model.Progress) -> Void
  ) throws {
    let weights = try LoadedWeights(
      of: steps, from: store, experts: tracer.shape.expertCount, made: tracer.tables(), on: device
    ) { progress(.converting(done: $0, of: $1)) }
    self.weights = weights
    var kept: [StepBuffer] = []
    for buffer in steps.flatMap(\.buffers) where buffer.kind == .state {
      if !kept.contains(where: { $0.name == buffer.name }) { kept.append(buffer) }
    }
    // Caches belong to sequences; what else is kept goes from one step to another.
    let isCache = Dictionary(grouping: kept) { tracer.caches.use($0.name) != nil }
    let caches = try DeviceMemory(isCache[true] ?? [], on: device)
    let shared = try DeviceMemory(isCache[false] ?? [], on: device)
    self.shared = shared
    sequences = Sequences(
      room: tracer.options.cache, model: "\(name) \(tracer.options.arithmetic.rawValue)", memory: caches,
      use: Dictionary(uniqueKeysWithValues: caches.buffers.map { ($0.name, tracer.caches.use($0.name)!) }))
    executables = try steps.map { step in
      try StepExecutable(
        step, on: device,
        progress: { report in
          switch report {
          case .compiled(let done, let all, let program):
            progress(.compiling(done: done, of: all, program: program))
          case .laidOut(let done, let all): progress(.layingOut(done: done, of: all))
          }
        },
        memory: { buffer in
          if buffer.kind == .weight { return try weights.view(of: buffer) }
          return try (tracer.caches.use(buffer.name) == nil ? shared : caches).view(of: buffer)
        })
    }
  }
}
