import Foundation

/// Seconds that one run of something took, once for each round of a contest.
struct Samples: Equatable {
  let seconds: [Double]

  /// The least: what the machine does when nothing else disturbs it. Infinite without samples.
  var best: Double { seconds.min() ?? .infinity }
  /// The middle, or the mean of the two in the middle: what was usual. Infinite without samples.
  var median: Double {
    guard !seconds.isEmpty else { return .infinity }
    let sorted = seconds.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

/// One side of a comparison.
struct Contender {
  let name: String
  /// What one run does, in the unit of the row: multiply-adds counted twice, or bytes.
  let work: Double
  let run: () throws -> Void

  init(_ name: String, work: Double, run: @escaping () throws -> Void) {
    self.name = name
    self.work = work
    self.run = run
  }

  func figure(_ samples: Samples) -> Figure {
    Figure(name: name, best: work / samples.best, median: work / samples.median)
  }
}

/// What a contest reads its seconds from.
enum BenchClock {
  /// Time that passes.
  case elapsed
  /// Time that this thread is on a processor: for what runs on one thread, where other jobs want the
  /// processor too.
  case processor

  func now() -> Double {
    var time = timespec()
    clock_gettime(self == .elapsed ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Runs contenders in turns, so that what disturbs a shared machine disturbs all of them alike.
struct Contest {
  /// Rounds are added until both are reached.
  let leastRounds: Int
  let seconds: Double
  /// Seconds of waiting before every sample, then one run that is not timed. Threads of another library that still
  /// wait for work in a loop have gone to sleep by then, and those of this one are awake again.
  var pause = 0.0
  var clock = BenchClock.elapsed

  /// A sample is a run, or as many runs as take 2 ms: shorter ones measure the clock.
  private static let leastSample = 0.002

  /// The samples of each contender. Its first run warms it and is not among them.
  func samples(_ contenders: [Contender]) throws -> [Samples] {
    func seconds(_ runs: Int, _ contender: Contender) throws -> Double {
      let start = clock.now()
      for _ in 0..<runs { try contender.run() }
      return clock.now() - start
    }
    let runs = try contenders.map { contender in
      _ = try seconds(1, contender)
      return max(1, Int(Self.leastSample / max(1e-9, try seconds(1, contender))))
    }
    var found = contenders.map { _ in [Double]() }
    let start = BenchClock.elapsed.now()
    while found[0].count < leastRounds || BenchClock.elapsed.now() - start < self.seconds {
      for (position, contender) in contenders.enumerated() {
        if pause > 0 {
          Thread.sleep(forTimeInterval: pause)
          _ = try seconds(1, contender)
        }
        found[position].append(try seconds(runs[position], contender) / Double(runs[position]))
      }
    }
    return found.map(Samples.init)
  }

  /// The figures of each contender: its work over its seconds.
  func figures(_ contenders: [Contender]) throws -> [Figure] {
    zip(contenders, try samples(contenders)).map { $0.figure($1) }
  }
}
