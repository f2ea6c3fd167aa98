import Foundation

extension DynamicLibrary {
  /// Folders of Python packages that hold shared libraries, where `Scripts/bootstrap` puts them: `path` below
  /// the packages of `.tools/python`, from the executable and the current folder upward.
  public static func projectFolders(_ path: String) -> [String] {
    let starts = [CommandLine.arguments.first ?? "", FileManager.default.currentDirectoryPath + "/x"]
    var found: [String] = []
    for start in starts {
      var folder = URL(fileURLWithPath: start).resolvingSymlinksInPath().deletingLastPathComponent()
      while folder.path != "/" {
        let python = folder.appendingPathComponent(".tools/python/lib")
        for name in (try? FileManager.default.contentsOfDirectory(atPath: python.path))?.sorted() ?? [] {
          let place = python.appendingPathComponent("\(name)/site-packages/\(path)").path
          if !found.contains(place), FileManager.default.fileExists(atPath: place) { found.append(place) }
        }
        folder.deleteLastPathComponent()
      }
    }
    return found
  }
}
