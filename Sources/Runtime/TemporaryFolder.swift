import Foundation

/// A folder of this process's own, removed with its owner.
final class TemporaryFolder: Sendable {
  let url: URL

  /// Throws where the system's temporary folder takes no new ones, with a way on.
  init() throws {
    let parent = FileManager.default.temporaryDirectory
    let template = parent.appendingPathComponent("tessera-XXXXXX").path
    var path = Array(template.utf8CString)
    guard mkdtemp(&path) != nil else {
      throw RuntimeError(
        "cannot make a folder in \(parent.path) to compile in: \(String(cString: strerror(errno))). "
          + "Free space there or set TMPDIR to a folder that can be written.")
    }
    url = URL(fileURLWithPath: String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func file(_ name: String) -> URL { url.appendingPathComponent(name) }
}
