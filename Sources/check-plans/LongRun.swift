import Foundation
import Synchronization

/// Verdicts on what is drawn, in its order.
struct LongRun<Verdict: Sendable>: Sendable {
  private(set) var verdicts: [Verdict] = []
  /// Whether it was interrupted before everything was judged.
  private(set) var isPartial = false

  /// Judges the first `count` of what `draws` gives, on all cores. Items are drawn one after another, so
  /// that they are the same on every machine. Every few seconds standard error gets a line of what is done,
  /// in the words of `summary`; where the process is asked to end, what has been judged by then is the result.
  init<Draws: IteratorProtocol & Sendable>(
    _ count: Int, of draws: Draws, summary: @escaping @Sendable ([Verdict]) -> String,
    _ judge: @escaping @Sendable (_ number: Int, _ item: Draws.Element) throws -> Verdict
  ) throws {
    let progress = Progress<Draws, Verdict>(draws)
    let isOver = DispatchSemaphore(value: 0)
    let workers = DispatchGroup()
    for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
      DispatchQueue.global().async(group: workers) {
        while let (number, item) = progress.next(below: count) {
          progress.note(number, Result { try judge(number, item) })
        }
      }
    }
    workers.notify(queue: .global()) { isOver.signal() }
    let signals = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { isOver.signal() }
      source.resume()
      return source
    }
    while isOver.wait(timeout: .now() + 5) == .timedOut {
      let done = try progress.verdicts()
      try? FileHandle.standardError.write(
        contentsOf: Data("\(done.count) of \(count): \(summary(done))\n".utf8))
    }
    for (number, source) in zip([SIGINT, SIGTERM], signals) {
      source.cancel()
      signal(number, SIG_DFL)
    }
    isPartial = workers.wait(timeout: .now()) == .timedOut
    progress.end()
    verdicts = try progress.verdicts()
  }
}

/// What several threads have drawn and judged.
private final class Progress<Draws: IteratorProtocol & Sendable, Verdict: Sendable>: Sendable {
  private struct State: Sendable {
    var draws: Draws
    var drawn = 0
    var isOver = false
    var results: [(number: Int, result: Result<Verdict, any Error>)] = []
  }
  private let state: Mutex<State>

  init(_ draws: Draws) { state = Mutex(State(draws: draws)) }

  /// The next item with its number; nil when all are drawn, or one could not be judged.
  func next(below count: Int) -> (number: Int, item: Draws.Element)? {
    state.withLock { state in
      guard !state.isOver, state.drawn < count, let item = state.draws.next() else { return nil }
      state.drawn += 1
      return (state.drawn - 1, item)
    }
  }

  func note(_ number: Int, _ result: Result<Verdict, any Error>) {
    state.withLock { state in
      if case .failure = result { state.isOver = true }
      state.results.append((number, result))
    }
  }

  func end() { state.withLock { $0.isOver = true } }

  /// What has been judged, in the order in which it was drawn.
  func verdicts() throws -> [Verdict] {
    try state.withLock { $0.results }.sorted { $0.number < $1.number }.map { try $0.result.get() }
  }
}
