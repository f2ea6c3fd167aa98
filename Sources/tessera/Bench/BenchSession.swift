import CBenchKernels
import Foundation
import Runtime
import Schedules

/// What the measurements of one run share: how long they take, which peers are there, buffers for memory
/// rates.
final class BenchSession {
  let machine: BenchMachine
  let schedule: Schedule
  private let leastRounds: Int
  private let seconds: Double

  /// With `isQuick` every row takes a tenth of the time, for a first impression.
  init(machine: BenchMachine, schedule: Schedule, isQuick: Bool) {
    self.machine = machine
    self.schedule = schedule
    leastRounds = isQuick ? 3 : 9
    seconds = isQuick ? 0.3 : 3
  }

  /// A contest on one thread, or with pauses between samples where several threads run.
  func contest(threads: Int = 1) -> Contest {
    Contest(leastRounds: leastRounds, seconds: seconds, pause: threads > 1 ? .milliseconds(40) : .zero)
  }

  /// Numbers of threads that rows are measured with: 1, and 2 where there are two cores.
  var threadCounts: [Int] { ThreadPool.shared.threads > 1 && machine.cores > 1 ? [1, 2] : [1] }

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
    let area = try readArea.get()
    let bytes = area.byteCount
    return Contender("memory read", work: Double(bytes) / 1e9) { [self] in
      sink ^= bench_read(area.pointer, Int64(bytes), Int32(threads))
    }
  }

  private lazy var readArea = Result { () throws -> AlignedMemory in
    let area = try AlignedMemory(byteCount: memoryBound)
    memset(area.pointer, 1, area.byteCount)
    return area
  }
  /// Where results go that nobody needs, so that they are computed.
  private var sink: UInt64 = 0

  // MARK: Messages

  /// A line for who waits.
  func progress(_ message: String) { FileHandle.standardError.write(Data("\(message)\n".utf8)) }
}
