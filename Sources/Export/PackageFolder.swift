import Foundation

/// Why a package is not written.
public struct ExportError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// A folder that appears under its name only when it is complete.
public struct PackageFolder {
  public let path: String

  /// Throws where something other than an empty folder is at `path`, or no folder to make it in.
  public init(_ path: String) throws {
    self.path = path
    let manager = FileManager.default
    let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: parent, isDirectory: &isFolder), isFolder.boolValue else {
      throw ExportError("\(path): a folder to make it in expected, \(parent) is none")
    }
    guard manager.fileExists(atPath: path, isDirectory: &isFolder) else { return }
    guard isFolder.boolValue else {
      throw ExportError("\(path): a new or an empty folder expected, a file found")
    }
    let found = try manager.contentsOfDirectory(atPath: path)
    if let first = found.min() {
      throw ExportError("\(path): a new or an empty folder expected, one with \(first) found")
    }
  }

  /// Writes the files beside the folder's place, then moves them there at once.
  public func write(_ files: [AscendPackage.File]) throws {
    try write { add in for file in files { try add(file) } }
  }

  /// The same with files that `make` hands over one by one.
  ///
  /// Throws with the system's reason, or what `make` throws; what was at the place is then as it was.
  public func write(_ make: (@escaping (AscendPackage.File) throws -> Void) throws -> Void) throws {
    let place = URL(fileURLWithPath: path)
    let draft = place.deletingLastPathComponent()
      .appendingPathComponent(".\(place.lastPathComponent).\(UUID().uuidString).part")
    defer { try? FileManager.default.removeItem(at: draft) }
    try make { file in
      do {
        let target = draft.appendingPathComponent(file.path)
        try FileManager.default.createDirectory(
          at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(file.bytes).write(to: target)
      } catch {
        throw ExportError("\(path) cannot be written: \(error.localizedDescription)")
      }
    }
    // Takes the place of an empty folder, and of nothing else.
    guard rename(draft.path, place.path) == 0 else {
      throw ExportError("\(path): a new or an empty folder expected: \(String(cString: strerror(errno)))")
    }
  }
}
