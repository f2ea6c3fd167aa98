import Foundation

/// Host memory on cache-line boundaries, on huge pages where it is large; freed with its owner.
public final class AlignedMemory {
  public let pointer: UnsafeMutableRawPointer
  public let byteCount: Int
  /// What the memory is part of, where it is not this object's own.
  private let owner: AnyObject?

  /// Uninitialised memory. Throws where there is none left.
  public init(byteCount: Int) throws {
    let isLarge = byteCount >= 4 << 20
    let alignment = isLarge ? 2 << 20 : 64
    var address: UnsafeMutableRawPointer?
    let size = max(byteCount, 1)
    guard posix_memalign(&address, alignment, (size + alignment - 1) / alignment * alignment) == 0,
      let address
    else { throw RuntimeError("no memory for \(byteCount) bytes") }
    #if os(Linux)
      if isLarge { madvise(address, size, MADV_HUGEPAGE) }
    #endif
    pointer = address
    self.byteCount = byteCount
    owner = nil
  }

  /// A part of memory that lives as long as this.
  init(_ pointer: UnsafeMutableRawPointer, byteCount: Int, of owner: AnyObject) {
    self.pointer = pointer
    self.byteCount = byteCount
    self.owner = owner
  }

  deinit {
    if owner == nil { free(pointer) }
  }
}
