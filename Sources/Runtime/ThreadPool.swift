import CTesseraShims
import Foundation

/// The threads that run cells: one pool for the process, all cores unless `$TESSERA_THREADS` says
/// otherwise. Two pools on the same cores would take turns and lose most of their speed.
public final class ThreadPool: Sendable {
  public static let shared = ThreadPool(
    threads: ProcessInfo.processInfo.environment["TESSERA_THREADS"].flatMap(Int.init)
      ?? ProcessInfo.processInfo.activeProcessorCount)

  /// Threads, the caller's included.
  public let threads: Int
  private let pool: Pool
  private let turn = NSLock()

  /// Confines the C pool's pointer; the lock lets one launch at a time use it.
  private struct Pool: @unchecked Sendable {
    let pointer: OpaquePointer
  }

  public init(threads: Int) {
    self.threads = max(1, threads)
    pool = Pool(pointer: tessera_pool_create(Int32(self.threads)))
  }

  deinit { tessera_pool_destroy(pool.pointer) }

  /// Runs cells 0 ..< cells in chunks on at most `threads` threads; thread t has `scratch[t]`.
  func run(
    _ kernel: tessera_kernel, _ launch: inout tessera_launch, cells: Int, chunk: Int, threads: Int,
    scratch: UnsafePointer<UnsafeMutablePointer<UInt8>?>
  ) {
    turn.lock()
    defer { turn.unlock() }
    tessera_pool_run(
      pool.pointer, kernel, &launch, Int64(cells), Int64(chunk), Int32(threads), scratch)
  }
}
