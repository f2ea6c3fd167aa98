import Foundation

/// A compiled file as the cache keeps it: the compiler's output and, behind it, a line that says what it
/// is and its digest. Loaders and linkers do not look behind an object's end, so one file is both, and
/// renaming it into place is one step.
enum CachedObject {
  private static let mark = "\ntessera-object 1 "
  /// The mark, two hashes of 64 digits, a space and a line's end.
  private static let lineLength = mark.utf8.count + 64 + 1 + 64 + 1

  /// Whether a file is whole and is the object of this key.
  static func isWhole(_ file: URL, key: String) -> Bool {
    guard let bytes = try? Data(contentsOf: file, options: .alwaysMapped), bytes.count > lineLength
    else { return false }
    let content = bytes.prefix(bytes.count - lineLength)
    let line = String(decoding: bytes.suffix(lineLength), as: UTF8.self)
    return line == self.line(key, ContentHash.digest(content))
  }

  /// Adds the line to what the compiler wrote.
  static func seal(_ file: URL, key: String) throws {
    let digest = ContentHash.digest(try Data(contentsOf: file))
    // Programs that other threads start must not keep it open, since what is open for writing cannot be run.
    let descriptor = open(file.path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw RuntimeError("cannot write \(file.path): \(String(cString: strerror(errno)))") }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try handle.write(contentsOf: Data(line(key, digest).utf8))
  }

  private static func line(_ key: String, _ digest: String) -> String { "\(mark)\(key) \(digest)\n" }
}
