import TileIR

/// Bytes that a launch must move, at least as an operator is written: what is read of every buffer once
/// and what is written of it.
public struct Traffic: Hashable, Sendable {
  public var weights = 0
  public var read = 0
  public var written = 0
  public var total: Int { weights + read + written }

  public static func + (a: Traffic, b: Traffic) -> Traffic {
    Traffic(weights: a.weights + b.weights, read: a.read + b.read, written: a.written + b.written)
  }
}

extension Step {
  /// The bytes that a launch moves when `number` gives the run's numbers.
  ///
  /// A buffer whose rows are picked by computed integers, such as the weights of chosen experts or the
  /// embeddings of tokens, counts with as many rows as there are picks, at most all of them.
  public func traffic(of launch: StepLaunch, _ number: (RunNumber) -> Int) -> Traffic {
    let program = programs[launch.program]
    var traffic = Traffic()
    for (position, parameter) in program.parameters.enumerated() {
      guard case .view(let view) = launch.arguments[position] else { continue }
      let bytes = view.byteCount.value(number)
      if parameter.role == .output {
        traffic.written += bytes
        continue
      }
      let reach = program.reach(of: position) { launch.extents[$0]?.value(number) ?? $0.range.upperBound }
      let share = reach.reduce(bytes) { bytes, axis in axis.all == 0 ? 0 : bytes / axis.all * axis.read }
      if buffers[view.buffer].kind == .weight { traffic.weights += share } else { traffic.read += share }
      if program.writes(position) { traffic.written += share }
    }
    return traffic
  }
}

extension Program {
  /// For every axis of a parameter how many of its coordinates are touched at most, where integers pick
  /// them, of how many.
  fileprivate func reach(
    of position: Int, _ extent: (Dimension) -> Int
  ) -> [(read: Int, all: Int)] {
    parameters[position].axes.enumerated().map { axis, dimension in
      let all = extent(dimension)
      var touched = 0
      for indices in accesses(of: position) {
        let picks = indices[axis].values
        guard !picks.isEmpty else { return (all, all) }
        let axes = Set(picks.flatMap { self[$0].axes } + indices[axis].dimensions)
        touched += axes.reduce(1) { $0 * extent($1) }
      }
      return (min(touched, all), all)
    }
  }

  /// The indices of every load and store of a parameter.
  private func accesses(of position: Int) -> [[Index]] {
    let loads = nodes.compactMap { node -> [Index]? in
      if case .load(position, let indices) = node.operation { indices } else { nil }
    }
    let stores = regions.flatMap(\.statements).compactMap { statement -> [Index]? in
      if case .store(position, let indices, _, _) = statement.effect { indices } else { nil }
    }
    return loads + stores
  }
}
