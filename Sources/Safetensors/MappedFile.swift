import Foundation

/// A file mapped read-only into memory, unmapped with its owner. Nothing is read before it is touched.
///
/// The size is that at opening. Whoever cuts the file shorter while it is mapped ends the process with the
/// system's SIGBUS at the first touch beyond its new end.
public final class MappedFile: Sendable {
  public let path: String
  public let byteCount: Int
  /// The first byte's address as an integer, because a pointer is not `Sendable`; 0 where there is none.
  private let address: UInt

  /// - Throws: `SafetensorsError` for what is not a regular file or cannot be read or mapped.
  public init(path: String) throws {
    func refuse(_ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(file: path, expected: expected, found: found)
    }
    func reason() -> String { String(cString: strerror(errno)) }
    // Without O_NONBLOCK, opening a named pipe would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw refuse("a file that can be read", reason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw refuse("a file that can be read", reason()) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw refuse("a file", status.st_mode & S_IFMT == S_IFDIR ? "a folder" : "a device or pipe")
    }
    self.path = path
    byteCount = Int(status.st_size)
    if byteCount == 0 {
      address = 0
    } else {
      let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
      guard let start, start != MAP_FAILED else { throw refuse("memory to map the file", reason()) }
      address = UInt(bitPattern: start)
    }
  }

  deinit {
    if let start = UnsafeMutableRawPointer(bitPattern: address) { munmap(start, byteCount) }
  }

  /// Every byte; valid as long as this object is.
  public var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
  }
}
