import MachineIR

/// Follows a pipe program in time: each instruction begins when the scalar unit has handed it out, its pipe
/// is free and what it waits for is raised.
///
/// Rounds of a loop are followed one by one until they repeat, the same steps taking every pipe as far as in
/// the rounds before; the rest is multiplied. A loop that does not come to repeat within `mostRounds`, or
/// whose rounds differ, is followed in that many and a sample of the others, and counts as approximate. Variables that
/// rounds hand on are known as long as every round is followed. Integers of data are what `LaunchSizes.integers` takes
/// them to be; what only other data decide is taken from below: of two sides the cheaper, of a loop one round, of a copy
/// one element.
struct PipeSimulation {
  private static let fewRounds = 8
  private static let mostRounds = 40
  private static let samples = 16
  private static let longestPeriod = 4

  private let code: PipeCode
  private let rates: AscendRates
  /// Ticks of a byte of each buffer from and to main memory, beside the path's own.
  private let memoryTicks: [Double]
  private(set) var times: PipeTimes
  private var variables: [Int?]
  /// Tells rounds apart in which other steps are taken.
  private var signature = 0
  private var isLeaving = false
  private(set) var dependsOnData = false
  private(set) var isApproximate = false
  /// Whether no round is multiplied: slow, for comparison.
  private let followsEveryRound: Bool
  /// Takes what happens, as long as it has room.
  var recorder: PipeRecorder?

  init(
    _ code: PipeCode, _ rates: AscendRates, memoryTicks: [Double], numbers: [String: Int],
    followsEveryRound: Bool
  ) {
    self.code = code
    self.followsEveryRound = followsEveryRound
    self.rates = rates
    self.memoryTicks = memoryTicks
    times = PipeTimes(events: code.events.count, buffers: memoryTicks.count, loops: code.loops.count)
    variables = Array(repeating: nil, count: code.variableNumbers.count)
    for (name, value) in numbers {
      if let number = code.variableNumbers[name] { variables[number] = value }
    }
  }

  mutating func run() { run(code.steps) }

  private mutating func note(_ value: Int) { signature = signature &* 0x9E37_79B1 &+ value }

  private mutating func run(_ steps: [PipeCode.Step]) {
    for step in steps {
      if isLeaving { return }
      run(step)
    }
  }

  private mutating func run(_ step: PipeCode.Step) {
    switch step {
    case .scalar(let vector, let cube): advance(vector: vector, cube: cube)
    case .define(let variable, let number): variables[variable] = number.value(variables)
    case .work(let work): run(work)
    case .set(let number):
      let event = code.events[number]
      let pipe = PipeCode.number(event.from)
      times.advanceScalar(PipeCode.isOfCube[pipe], rates.handOver)
      times.raise(number, from: pipe, latency: event.isAcross ? rates.flagLatency : 0)
    case .wait(let number):
      let event = code.events[number]
      let pipe = PipeCode.number(event.to)
      times.advanceScalar(PipeCode.isOfCube[pipe], rates.handOver)
      let raised = times.await(number, on: pipe, isOfScalar: PipeCode.isScalar[pipe] || event.isAcross)
      recorder?.wait(event, raised: raised)
    case .barrier(let pipe):
      times.advanceScalar(pipe.map { PipeCode.isOfCube[$0] } ?? false, rates.handOver)
      times.barrier(pipe)
    case .branch(let condition, let then, let thenTicks, let otherwise, let otherwiseTicks):
      let value = condition.value(variables)
      if value == nil, thenTicks != otherwiseTicks { dependsOnData = true }
      let isTaken = value.map { $0 != 0 } ?? (thenTicks <= otherwiseTicks)
      note(isTaken ? 1 : 2)
      run(isTaken ? then : otherwise)
    case .leave: isLeaving = true
    case .loop(let rounds): run(rounds)
    }
  }

  private mutating func advance(vector: Double, cube: Double) {
    if vector > 0 {
      recorder?.scalar(.scalar, times.scalar(false), vector)
      times.advanceScalar(false, vector)
    }
    if cube > 0 {
      recorder?.scalar(.cubeScalar, times.scalar(true), cube)
      times.advanceScalar(true, cube)
    }
  }

  private mutating func run(_ work: PipeCode.Work) {
    let isOfCube = PipeCode.isOfCube[work.pipe]
    times.advanceScalar(isOfCube, work.scalar + rates.handOver)
    var ticks = work.ticks
    if let copy = work.copy {
      let count = copy.count.value(variables)
      if count == nil { dependsOnData = true }
      note(count ?? -1)
      let bytes = Double(max(0, count ?? 1)) * copy.bytes
      ticks += bytes * max(1 / copy.rate, memoryTicks[copy.buffer])
      times.addBytes(bytes, of: copy.buffer)
    }
    let start = times.begin(work.pipe, ticks, latency: work.latency)
    if recorder != nil {
      recorder!.work(work, start, ticks)
      recorder!.closeIfFull(
        code.kernel.usesCubes ? min(times.scalar(false), times.scalar(true)) : times.scalar(false))
    }
  }

  // MARK: Loops

  private mutating func run(_ loop: PipeCode.Rounds) {
    guard let lower = loop.lower.value(variables), let upper = loop.upper.value(variables),
      let step = loop.step.value(variables), step > 0
    else {
      dependsOnData = true
      variables[loop.counter] = nil
      forget(loop.carried)
      run(loop.body)
      isLeaving = false
      forget(loop.carried)
      return
    }
    let count = max(0, (upper - lower + step - 1) / step)
    note(count)
    var history: [PipeTimes] = []
    var mayRepeat = count > Self.fewRounds && !followsEveryRound
    // A search ends where what its rounds hand on says so.
    if loop.mayBeLeft, !loop.carried.isEmpty { mayRepeat = false }
    let forgets = mayRepeat
    if forgets { forget(loop.carried) }
    var signatures: [Int] = []
    var round = 0
    while round < count {
      if mayRepeat, recorder?.isRecording != true, history.isEmpty { history = [times] }
      let own = runRound(loop, lower + round * step)
      round += 1
      if isLeaving { break }
      guard mayRepeat, recorder?.isRecording != true else { continue }
      history.append(times)
      signatures.append(own)
      if let period = period(history, signatures) {
        guard let end = lastAlike(loop, lower, step, round, count, period, signatures) else {
          // Rounds differ in what they do.
          round = sample(loop, lower, step, round, count)
          mayRepeat = false
          continue
        }
        let more = (end - round) / period
        times.extrapolate(from: history[history.count - 1 - period], factor: Double(more))
        round += more * period
        mayRepeat = false
      } else if history.count > Self.mostRounds {
        round = sample(loop, lower, step, round, count)
        mayRepeat = false
      }
    }
    isLeaving = false
    if forgets { forget(loop.carried) }
  }

  private mutating func forget(_ carried: [Int]) { for number in carried { variables[number] = nil } }

  /// One round; what it carried out, as a number.
  private mutating func runRound(_ loop: PipeCode.Rounds, _ counter: Int) -> Int {
    let outer = signature
    signature = 0
    variables[loop.counter] = counter
    times.addRound(of: loop.number)
    advance(vector: loop.vector, cube: loop.cube)
    run(loop.body)
    let own = signature
    signature = outer
    note(own)
    return own
  }

  private func period(_ history: [PipeTimes], _ signatures: [Int]) -> Int? {
    (1...Self.longestPeriod).first { period in
      let last = history.count - 1
      guard last >= 2 * period else { return false }
      let recent = signatures.suffix(period)
      return recent.elementsEqual(signatures.dropLast(period).suffix(period))
        && history[last].isSteady(after: history[last - period], after: history[last - 2 * period])
    }
  }

  /// The round before which all may be taken as those just followed: the end, or the last round, which may be
  /// a short one. Of a loop whose counter decides, one round near the end is followed for that.
  private func lastAlike(
    _ loop: PipeCode.Rounds, _ lower: Int, _ step: Int, _ round: Int, _ count: Int, _ period: Int,
    _ signatures: [Int]
  ) -> Int? {
    guard loop.isDeciding else { return count }
    func isAlike(_ other: Int) -> Bool {
      var probe = self
      probe.recorder = nil
      let own = probe.runRound(loop, lower + other * step)
      return own == signatures[signatures.count - period + (other - round) % period]
    }
    return [count, count - 1].first { $0 <= round || isAlike($0 - 1) }.map { max($0, round) }
  }

  /// Follows rounds spread over the rest, and takes the others to be as those are on average; the round to go
  /// on with.
  private mutating func sample(
    _ loop: PipeCode.Rounds, _ lower: Int, _ step: Int, _ round: Int, _ count: Int
  ) -> Int {
    let rest = count - round
    guard rest > 2 * Self.samples else { return round }
    isApproximate = true
    let before = times
    for number in 0..<Self.samples {
      _ = runRound(loop, lower + (round + number * (rest - 1) / (Self.samples - 1)) * step)
      isLeaving = false
    }
    times.extrapolateEvenly(from: before, factor: Double(rest - Self.samples) / Double(Self.samples))
    return count
  }
}
