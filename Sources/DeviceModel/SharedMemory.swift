import CTesseraShims
import Foundation
import Synchronization

/// Memory that this process and programs of the device model see at the same addresses. Pieces are taken from it
/// and given back all at once, with it.
public final class SharedMemory: @unchecked Sendable {
  let place: UInt64
  let file: Int32
  private let used = Mutex(0)

  /// Room that costs nothing until it is touched.
  static let byteCount = 1 << 38
  /// Far from where programs lie, and from the places of buffers in the model.
  private static let firstPlace: UInt64 = 1 << 45
  private static let next = Mutex<UInt64>(0)

  /// Throws where this process has no such room.
  public init() throws {
    for _ in 0..<64 {
      let number = Self.next.withLock { next in
        defer { next = (next + 1) % 64 }
        return next
      }
      let wanted = Self.firstPlace + number * UInt64(Self.byteCount)
      var file: Int32 = -1
      guard tessera_shared_memory(wanted, UInt64(Self.byteCount), &file) != nil else { continue }
      place = wanted
      self.file = file
      return
    }
    throw DeviceModelError("no \(Self.byteCount >> 30) GiB of addresses for memory shared with the device model")
  }

  deinit {
    tessera_unmap(UnsafeMutableRawPointer(bitPattern: UInt(place)), UInt64(Self.byteCount))
    close(file)
  }

  /// Zeros, at a multiple of 256 bytes.
  public func take(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    let start = try used.withLock { used in
      let end = used + (byteCount + 255) / 256 * 256
      guard end <= Self.byteCount else {
        throw DeviceModelError("\(byteCount) bytes wanted of the memory shared with the device model, which is full")
      }
      defer { used = end }
      return used
    }
    return UnsafeMutableRawPointer(bitPattern: UInt(place))! + start
  }

  /// Whether a pointer is into it.
  public func holds(_ pointer: UnsafeRawPointer) -> Bool {
    UInt64(UInt(bitPattern: pointer)) &- place < UInt64(Self.byteCount)
  }
}
