import CTesseraShims
import Foundation

/// What stands between a text and its results in the device model, other than a report about the text.
public struct DeviceModelError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// A program that is run to its end.
enum Command {
  /// `status` is the exit status, or minus the signal that ended it; `text` is all that it wrote.
  static func run(
    _ path: String, _ arguments: [String], input: String = "/dev/null", output: URL
  ) throws -> (status: Int32, text: String) {
    var status: Int32 = 0
    let words = ([path] + arguments).map { strdup($0) }
    defer { words.forEach { free($0) } }
    let error = tessera_run_process(path, words.map { UnsafePointer($0) } + [nil], input, output.path, &status)
    guard error == 0 else { throw DeviceModelError("cannot run \(path): \(String(cString: strerror(error)))") }
    let text = (try? Data(contentsOf: output)).map { String(decoding: $0, as: UTF8.self) }
    return (status, text ?? "")
  }
}

/// A folder of this process's own, removed with its owner.
final class ScratchFolder: Sendable {
  let url: URL

  init() throws {
    let parent = FileManager.default.temporaryDirectory
    var path = Array(parent.appendingPathComponent("tessera-model-XXXXXX").path.utf8CString)
    guard mkdtemp(&path) != nil else {
      throw DeviceModelError(
        "cannot make a folder in \(parent.path): \(String(cString: strerror(errno))). "
          + "Free space there or set TMPDIR to a folder that can be written.")
    }
    url = URL(fileURLWithPath: String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func file(_ name: String) -> URL { url.appendingPathComponent(name) }

  @discardableResult func write(_ text: String, as name: String) throws -> URL {
    let place = file(name)
    do {
      try text.write(to: place, atomically: false, encoding: .utf8)
    } catch {
      throw DeviceModelError(
        "cannot write \(place.path): \(error.localizedDescription). "
          + "Free space there or set TMPDIR to a folder that can be written.")
    }
    return place
  }
}
