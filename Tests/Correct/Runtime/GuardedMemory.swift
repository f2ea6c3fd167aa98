import Foundation

/// Memory between two pages that cannot be touched: it ends exactly at the one or begins right behind the
/// other.
final class GuardedMemory {
  enum Side: CaseIterable { case beginsAfterPage, endsBeforePage }
  let pointer: UnsafeMutableRawPointer
  private let pages: UnsafeMutableRawPointer
  private let mapped: Int
  private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  init(byteCount: Int, at side: Side) {
    mapped = (byteCount + Self.page - 1) / Self.page * Self.page
    pages = mmap(nil, mapped + 2 * Self.page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(pages != MAP_FAILED)
    let start = pages + Self.page
    mprotect(start, mapped, PROT_READ | PROT_WRITE)
    pointer = side == .beginsAfterPage ? start : start + mapped - byteCount
  }

  /// Makes writing a fault too.
  func forbidWriting() { mprotect(pages + Self.page, mapped, PROT_READ) }

  deinit { munmap(pages, mapped + 2 * Self.page) }
}
