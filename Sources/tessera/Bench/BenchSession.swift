import CBenchKernels
import Foundation
import Runtime
import Schedules

/// What the measurements of one run share: how long they take, which peers are there, buffers for memory
/// rates.
final class BenchSession {
  let machine: BenchMachine
  let schedule: Schedule
  /// Whether steps of several launches are listed launch by launch.
  let listsLaunches: Bool
  private let isQuick: Bool
  private let clock: BenchClock
  private let mostThreads: Int

  /// With `isQuick` every row takes a tenth of the time, for a first impression. `clock` is what rows on
  /// one thread are measured with.
  init(
    machine: BenchMachine, schedule: Schedule, isQuick: Bool, clock: BenchClock = .elapsed,
    mostThreads: Int = 2, listsLaunches: Bool = false
  ) {
    self.listsLaunches = listsLaunches
    self.machine = machine
    self.schedule = schedule
    self.isQuick = isQuick
    self.clock = clock
    self.mostThreads = mostThreads
  }

  /// A contest between runs on `threads` threads, with pauses between samples where they are several.
  func contest(threads: Int = 1) -> Contest {
    Contest(
      leastRounds: isQuick ? 3 : 9, seconds: isQuick ? 0.3 : 3, pause: threads > 1 ? 0.04 : 0,
      clock: threads > 1 ? .elapsed : clock)
  }

  /// How often something that takes long by itself is repeated.
  var repeats: Int { isQuick ? 1 : 3 }

  /// Whether rows on one thread are measured by the processor's time.
  var usesProcessorTime: Bool { clock == .processor }

  /// Numbers of threads that rows are measured with: 1, and 2 where there are two cores.
  var threadCounts: [Int] {
    mostThreads > 1 && ThreadPool.shared.threads > 1 && machine.cores > 1 ? [1, 2] : [1]
  }

  // MARK: Peers

  private(set) lazy var openBLAS: OpenBLAS? = load("OpenBLAS", OpenBLAS.init) { $0.description }
  private(set) lazy var oneDNN: OneDNN? = load("oneDNN", OneDNN.init) { $0.description }
  /// Descriptions of the peers that were loaded.
  private(set) var peers: [String] = []

  private func load<Library>(
    _ name: String, _ open: () throws -> Library, description: (Library) -> String
  ) -> Library? {
    do {
      let library = try open()
      peers.append(description(library))
      return library
    } catch {
      progress("\(name) is left out: \(error)")
      return nil
    }
  }

  // MARK: Memory

  /// Bytes from which an array is read from memory and not from a cache: four last-level caches.
  var memoryBound: Int { 4 * machine.lastLevelCache }

  /// Reads `memoryBound` bytes.
  func memoryRead(threads: Int) throws -> Contender {
    let area = try memoryArea(0)
    return Contender("memory read", work: Double(area.byteCount) / 1e9) { [self] in
      sink ^= bench_read(area.pointer, Int64(area.byteCount), Int32(threads))
    }
  }

  /// Copies `memoryBound` bytes; each counts as read and as written.
  func memoryCopy(threads: Int) throws -> Contender {
    let (from, to) = (try memoryArea(0), try memoryArea(1))
    return Contender("memcpy", work: 2 * Double(from.byteCount) / 1e9) {
      bench_copy(to.pointer, from.pointer, Int64(from.byteCount), Int32(threads))
    }
  }

  /// a = b + s c on three arrays of `memoryBound` bytes.
  func memoryTriad(threads: Int) throws -> Contender {
    let areas = try (0..<3).map { try memoryArea($0) }
    let floats = areas.map { $0.pointer.assumingMemoryBound(to: Float.self) }
    return Contender("triad", work: 3 * Double(memoryBound) / 1e9) {
      bench_triad(floats[2], floats[0], floats[1], 3, Int64(areas[0].byteCount / 4), Int32(threads))
    }
  }

  /// Arrays of `memoryBound` bytes, made when they are first asked for.
  private func memoryArea(_ number: Int) throws -> AlignedMemory {
    while areas.count <= number {
      let area = try AlignedMemory(byteCount: memoryBound)
      memset(area.pointer, 1, area.byteCount)
      areas.append(area)
    }
    return areas[number]
  }
  private var areas: [AlignedMemory] = []
  /// Where results go that nobody needs, so that they are computed.
  private var sink: UInt64 = 0

  // MARK: Messages

  /// A line for who waits.
  func progress(_ message: String) { FileHandle.standardError.write(Data("\(message)\n".utf8)) }
}
