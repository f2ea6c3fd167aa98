import MachineIR

/// Times of one group's pipes, all that decides when the next instructions begin, and counts that grow beside
/// them.
struct PipeTimes {
  /// In ticks: of both scalar units; when each pipe is free, is done with all it was given, may begin again;
  /// when each event was raised.
  private(set) var values: [Double]
  /// Ticks that each pipe works, bytes of each buffer, rounds of each loop, instructions.
  private(set) var counts: [Double]

  static let pipes = PipeCode.pipes.count
  private static let free = 2
  private static let done = free + pipes
  private static let earliest = done + pipes
  private static let raised = earliest + pipes

  private let buffers: Int

  init(events: Int, buffers: Int, loops: Int) {
    self.buffers = buffers
    values = Array(repeating: 0, count: Self.raised + events)
    counts = Array(repeating: 0, count: Self.pipes + buffers + loops + 1)
  }

  var latest: Double { values.max() ?? 0 }
  var instructions: Double { counts[counts.count - 1] }
  func busy(_ pipe: Int) -> Double { counts[pipe] }
  func bytes(of buffer: Int) -> Double { counts[Self.pipes + buffer] }
  func rounds(of loop: Int) -> Double { counts[Self.pipes + buffers + loop] }
  func scalar(_ isOfCube: Bool) -> Double { values[isOfCube ? 1 : 0] }

  mutating func advanceScalar(_ isOfCube: Bool, _ ticks: Double) {
    values[isOfCube ? 1 : 0] += ticks
    counts[PipeCode.number(isOfCube ? .cubeScalar : .scalar)] += ticks
  }

  /// An instruction that the scalar unit has just handed out; when it begins.
  mutating func begin(_ pipe: Int, _ ticks: Double, latency: Double) -> Double {
    let start = max(
      values[PipeCode.isOfCube[pipe] ? 1 : 0], values[Self.free + pipe], values[Self.earliest + pipe])
    values[Self.free + pipe] = start + ticks
    values[Self.done + pipe] = max(values[Self.done + pipe], start + ticks + latency)
    counts[pipe] += ticks
    counts[counts.count - 1] += 1
    return start
  }

  mutating func addBytes(_ bytes: Double, of buffer: Int) { counts[Self.pipes + buffer] += bytes }

  mutating func addRound(of loop: Int) { counts[Self.pipes + buffers + loop] += 1 }

  mutating func raise(_ event: Int, from pipe: Int, latency: Double) {
    let issued = values[PipeCode.isOfCube[pipe] ? 1 : 0]
    values[Self.raised + event] =
      max(issued, values[Self.done + pipe], values[Self.earliest + pipe]) + latency
  }

  /// When the event was raised.
  mutating func await(_ event: Int, on pipe: Int, isOfScalar: Bool) -> Double {
    let time = values[Self.raised + event]
    let place = isOfScalar ? (PipeCode.isOfCube[pipe] ? 1 : 0) : Self.earliest + pipe
    values[place] = max(values[place], time)
    return time
  }

  mutating func barrier(_ pipe: Int?) {
    guard let pipe else {
      for other in 0..<Self.pipes where !PipeCode.isOfCube[other] {
        values[0] = max(values[0], values[Self.done + other])
      }
      return
    }
    values[Self.earliest + pipe] = max(values[Self.earliest + pipe], values[Self.done + pipe])
  }

  // MARK: Rounds

  /// Whether rounds have come to repeat: from `earlier` to `middle` to this, as many rounds each, everything
  /// that moves moves as far, or is behind and falls back.
  func isSteady(after middle: PipeTimes, after earlier: PipeTimes) -> Bool {
    let slack = 1e-3
    var most = 0.0
    for v in values.indices { most = max(most, values[v] - middle.values[v]) }
    var first = Double.infinity
    for v in values.indices {
      let step = values[v] - middle.values[v]
      guard abs(step - (middle.values[v] - earlier.values[v])) <= slack else { return false }
      if step >= most - slack { first = min(first, values[v]) }
    }
    return values.indices.allSatisfy {
      let step = values[$0] - middle.values[$0]
      return step <= slack || step >= most - slack || values[$0] <= first + most
    }
  }

  /// As many more rounds as make `factor` times what has happened since `earlier`, each moving all as those
  /// did.
  mutating func extrapolate(from earlier: PipeTimes, factor: Double) {
    for v in values.indices { values[v] += factor * (values[v] - earlier.values[v]) }
    for c in counts.indices { counts[c] += factor * (counts[c] - earlier.counts[c]) }
  }

  /// The same where rounds differ: what moves at all moves as far as the latest time does.
  mutating func extrapolateEvenly(from earlier: PipeTimes, factor: Double) {
    let far = factor * (latest - earlier.latest)
    for v in values.indices where values[v] > earlier.values[v] { values[v] += far }
    for c in counts.indices { counts[c] += factor * (counts[c] - earlier.counts[c]) }
  }
}
