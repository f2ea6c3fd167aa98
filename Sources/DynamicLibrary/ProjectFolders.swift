import Foundation

extension DynamicLibrary {
  /// Opens the library at the path that an environment variable holds; where it holds none, the first that loads
  /// of `candidates`, in the folder `package` of the Python packages that `Scripts/bootstrap` installs, then
  /// where the loader looks.
  ///
  /// - Throws: `DynamicLibraryError.notFound` with every attempt and the loader's message for it.
  public convenience init(
    at variable: String, in environment: [String: String], orNamed candidates: [String], inPackage package: String
  ) throws(DynamicLibraryError) {
    if let path = environment[variable] {
      try self.init(named: [path])
    } else {
      try self.init(named: candidates, searching: Self.projectFolders(package))
    }
  }

  /// `path` below the packages of `.tools/python`, from the executable and the current folder upward.
  private static func projectFolders(_ path: String) -> [String] {
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
