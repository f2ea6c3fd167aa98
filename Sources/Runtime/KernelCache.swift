import DynamicLibrary
import EmitC
import Foundation
import MachineIR

/// Compiled kernels on disk, found by the hash of all that decides them.
///
/// An entry is a shared object and, beside it, its digest. Objects appear whole (written under a name of
/// their own and renamed), so several processes can share a folder; an object whose digest does not
/// match is rebuilt. Where the folder cannot be used, a temporary one serves, with a message.
public final class KernelCache: Sendable {
  public let folder: URL
  private let clang: Result<Clang, any Error>
  private let report: @Sendable (String) -> Void

  /// `$TESSERA_CACHE`, `$XDG_CACHE_HOME/tessera` or `~/.cache/tessera`.
  public static let standard = KernelCache()

  /// Messages about the folder go to `report`; standard error unless given.
  public init(
    folder: URL? = nil,
    report: @escaping @Sendable (String) -> Void = {
      FileHandle.standardError.write(Data("tessera: \($0)\n".utf8))
    }
  ) {
    self.report = report
    clang = Result { try Clang.find() }
    let wanted = folder ?? Self.standardFolder
    do {
      try FileManager.default.createDirectory(at: wanted, withIntermediateDirectories: true)
      let probe = wanted.appendingPathComponent(".probe-\(UUID().uuidString)")
      try Data([1]).write(to: probe)
      try FileManager.default.removeItem(at: probe)
      self.folder = wanted
    } catch {
      let own = FileManager.default.temporaryDirectory
        .appendingPathComponent("tessera-\(UUID().uuidString)")
      try? FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      self.folder = own
      report(
        "the cache folder \(wanted.path) cannot be written (\(error.localizedDescription)); "
          + "kernels are kept in \(own.path) for this run. Set TESSERA_CACHE to a folder that can.")
    }
  }

  private static var standardFolder: URL {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment["TESSERA_CACHE"] { return URL(fileURLWithPath: path) }
    if let path = environment["XDG_CACHE_HOME"] {
      return URL(fileURLWithPath: path).appendingPathComponent("tessera")
    }
    return FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache/tessera")
  }

  /// The library compiled from `source`, and whether the cache had it.
  public func library(
    of source: String, for machine: MachineDescription
  ) throws -> (library: DynamicLibrary, wasCached: Bool) {
    // Without a compiler, objects made earlier by any version still serve.
    let version = (try? clang.get().version) ?? "any"
    let settings = (["\(EmitC.interfaceVersion)"] + Clang.options + machine.compilerOptions).joined(separator: " ")
    let key = ContentHash.digest(Array("\(source)\u{0}\(settings)\u{0}\(version)".utf8))
    let object = folder.appendingPathComponent("\(key.prefix(32)).so")
    let wasCached = isWhole(object)
    if !wasCached { try build(source, for: machine, into: object) }
    return (try DynamicLibrary(named: [object.path]), wasCached)
  }

  private func digestFile(_ object: URL) -> URL { object.appendingPathExtension("sha256") }

  private func isWhole(_ object: URL) -> Bool {
    guard let bytes = try? Data(contentsOf: object, options: .alwaysMapped),
      let digest = try? String(contentsOf: digestFile(object), encoding: .utf8)
    else { return false }
    return ContentHash.digest(bytes) == digest
  }

  private func build(_ source: String, for machine: MachineDescription, into object: URL) throws {
    let own = folder.appendingPathComponent(".build-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: own) }
    let fresh = own.appendingPathComponent("kernel.so")
    try clang.get().compile(source, for: machine, to: fresh)
    let bytes = try Data(contentsOf: fresh)
    try ContentHash.digest(bytes).write(
      to: digestFile(object), atomically: true, encoding: .utf8)
    // Renaming replaces a damaged object and is atomic for other processes.
    guard rename(fresh.path, object.path) == 0 else {
      throw RuntimeError("cannot put a compiled kernel at \(object.path): \(String(cString: strerror(errno)))")
    }
  }
}
