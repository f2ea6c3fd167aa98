import DynamicLibrary
import EmitC
import Foundation
import MachineIR
import Proofs
import Synchronization
import TileIR

/// Compiled kernels on disk, found by the hash of all that decides them.
///
/// An object is written under a name of its own, sealed with its digest and renamed into place, so several
/// processes can share a folder; one that is damaged, cut short or foreign is made again. Where the folder
/// cannot take objects (read-only, full) those that it has still serve, others are compiled for this run
/// alone, and a message says so once. Without a compiler, objects that any compiler made earlier serve.
///
/// The folder is kept below `$TESSERA_CACHE_MEGABYTES`, 1024 unless given: when it has grown beyond, the
/// objects that were not used for longest go first.
public final class KernelCache: Sendable {
  public let folder: URL
  private let clang: Result<Clang, any Error>
  private let limit: Int
  private let report: @Sendable (String) -> Void
  /// What this process has loaded, by key; the lock of an entry is held while it is made.
  private let loaded = Mutex<[String: Loaded]>([:])
  private let hasReported = Mutex(false)
  private let isTrimmed = Mutex(false)
  /// What this process knows to be proved.
  private let proved = Mutex<Set<Program>>([])
  /// The same of plans, with the buffers that must span less than 2^31 elements.
  private let provedPlans = Mutex<[StableHash: Set<Int>]>([:])

  private final class Loaded: Sendable {
    let library = Mutex<DynamicLibrary?>(nil)
  }

  /// `$TESSERA_CACHE`, `$XDG_CACHE_HOME/tessera` or `~/.cache/tessera`.
  public static let standard = KernelCache()

  /// Messages about the folder go to `report`; standard error unless given.
  public init(
    folder: URL? = nil, environment: [String: String] = ProcessInfo.processInfo.environment,
    report: @escaping @Sendable (String) -> Void = {
      FileHandle.standardError.write(Data("tessera: \($0)\n".utf8))
    }
  ) {
    self.folder = folder ?? CacheFolder.standard(environment)
    self.report = report
    limit = (environment["TESSERA_CACHE_MEGABYTES"].flatMap(Int.init) ?? 1024) << 20
    clang = Result { try Clang.find(environment: environment) }
  }

  /// Where clang is; nil where there is none.
  var clangPath: String? { try? clang.get().path }

  /// The library compiled from `source`, and whether no compiler had to run for it.
  public func library(
    of source: String, for machine: MachineDescription
  ) throws -> (library: DynamicLibrary, wasCached: Bool) {
    try library(ofTextWithDigest: ContentHash.digest(Array(source.utf8)), for: machine) { source }
  }

  /// The same of a text that is only printed where no object of its digest is at hand.
  func library(
    ofTextWithDigest digest: String, for machine: MachineDescription,
    text: @escaping @Sendable () throws -> String
  ) throws -> (library: DynamicLibrary, wasCached: Bool) {
    let recipe = Recipe(["library", digest], for: machine, Clang.libraryOptions, suffix: "so") {
      clang, folder, output in
      try clang.compile(try text(), for: machine, Clang.libraryOptions, to: output, in: folder)
    }
    let entry = loaded.withLock { loaded in
      loaded[recipe.key]
        ?? {
          loaded[recipe.key] = Loaded()
          return loaded[recipe.key]!
        }()
    }
    return try entry.library.withLock { library in
      if let library { return (library, true) }
      let object = try self.object(recipe)
      do {
        library = try DynamicLibrary(named: [object.file.path])
        return (library!, object.wasCached)
      } catch  where object.isInFolder {
        // Another process has taken it away, or files of this folder may not be run.
        let own = try make(recipe)
        library = try DynamicLibrary(named: [own.file.path])
        reportOnce("objects in \(folder.path) cannot be loaded (\(error))")
        return (library!, false)
      }
    }
  }

  // MARK: Proofs

  /// Refuses a program that is not proved. Verdicts are kept beside the objects, so that only the first
  /// run decides anything, and later runs of the same executable do not even ask.
  func requireProof(of program: Program) throws {
    if proved.withLock({ $0.contains(program) }) { return }
    let verdicts = VerdictCache(below: folder)
    if !verdicts.holdsProved(program) {
      try Prover(cache: verdicts).prove(program).require()
      verdicts.keepProved(program)
    }
    _ = proved.withLock { $0.insert(program) }
  }

  /// Refuses a plan that is not proved; gives the buffers that its launches must keep below 2^31 elements.
  /// `hash` is the plan's.
  func requireProof(of plan: Plan, _ hash: StableHash) throws -> Set<Int> {
    if let known = provedPlans.withLock({ $0[hash] }) { return known }
    let verdicts = VerdictCache(below: folder)
    let proved: ProvedPlan
    if let known = verdicts.proved(hash) {
      proved = known
    } else {
      let proof = MachineProof(plan)
      try proof.require()
      proved = proof.proved
      verdicts.keepProved(hash, proved)
    }
    provedPlans.withLock { $0[hash] = proved.narrowSpans }
    return proved.narrowSpans
  }

  // MARK: Objects

  /// What an object is made from and how.
  struct Recipe: Sendable {
    /// The hash of all that decides it, except which compiler makes it.
    let key: String
    let suffix: String
    let maker: Maker

    /// Which compiler makes it: the same recipe of two compilers is two objects.
    enum Maker: Sendable {
      case clang(@Sendable (Clang, TemporaryFolder, URL) throws -> Void)
      case other(identity: String, @Sendable (URL) throws -> Void)
    }

    /// `parts` decide the object, which another compiler than clang makes.
    init(_ parts: [String], suffix: String, maker: Maker) {
      key = ContentHash.digest(Array(parts.joined(separator: "\u{0}").utf8))
      self.suffix = suffix
      self.maker = maker
    }

    /// `parts` and the compiler's options decide the object; `make` writes it.
    init(
      _ parts: [String], for machine: MachineDescription, _ options: [String], suffix: String,
      make: @escaping @Sendable (Clang, TemporaryFolder, URL) throws -> Void
    ) {
      let cpu = machine.cpu.map {
        ["\(EmitC.interfaceVersion)", $0.triple] + Clang.options + $0.compilerOptions
      }
      self.init(parts + (cpu ?? [machine.name]) + options, suffix: suffix, maker: .clang(make))
    }
  }

  /// A file that stays as long as this lives.
  struct Object: Sendable {
    let file: URL
    let wasCached: Bool
    /// The folder that goes with the object where the cache did not take it.
    fileprivate let owner: TemporaryFolder?
    fileprivate var isInFolder: Bool { owner == nil }
  }

  /// The object of a recipe, from the folder or made now.
  func object(_ recipe: Recipe) throws -> Object {
    if let file = find(recipe) { return Object(file: file, wasCached: true, owner: nil) }
    let own = try make(recipe)
    let name = name(recipe, try identity(recipe))
    do {
      try keep(own.file, as: name)
      return Object(file: folder.appendingPathComponent(name), wasCached: false, owner: nil)
    } catch {
      reportOnce("the cache folder \(folder.path) cannot take compiled kernels (\(Self.reason(error)))")
      return own
    }
  }

  /// Objects of one key differ by the compiler that made them.
  private func name(_ recipe: Recipe, _ identity: String) -> String {
    let compiler = ContentHash.digest(Array(identity.utf8))
    return "\(recipe.key.prefix(32))-\(compiler.prefix(8)).\(recipe.suffix)"
  }

  private func identity(_ recipe: Recipe) throws -> String {
    switch recipe.maker {
    case .clang: try clang.get().identity
    case .other(let identity, _): identity
    }
  }

  private func find(_ recipe: Recipe) -> URL? {
    let names: [String]
    if let identity = try? identity(recipe) {
      names = [name(recipe, identity)]
    } else {
      let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      names = all.filter { $0.hasPrefix(recipe.key.prefix(32)) && $0.hasSuffix(".\(recipe.suffix)") }
    }
    let file = names.map(folder.appendingPathComponent).first {
      CachedObject.isWhole($0, key: recipe.key)
    }
    if let file { markUsed(file) }
    return file
  }

  /// Compiles in a folder of this process's own.
  private func make(_ recipe: Recipe) throws -> Object {
    let own = try TemporaryFolder()
    let file = own.file("object.\(recipe.suffix)")
    switch recipe.maker {
    case .clang(let make): try make(try clang.get(), own, file)
    case .other(_, let make): try make(file)
    }
    try CachedObject.seal(file, key: recipe.key)
    return Object(file: file, wasCached: false, owner: own)
  }

  /// Puts an object into the folder under its name: written beside it first, since only a renaming is
  /// seen by other processes as one step.
  private func keep(_ file: URL, as name: String) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    trimOnce()
    let fresh = folder.appendingPathComponent(".new-\(UUID().uuidString)").path
    do {
      try write(try Data(contentsOf: file), to: fresh)
      guard rename(fresh, folder.appendingPathComponent(name).path) == 0 else { throw systemError() }
    } catch {
      unlink(fresh)
      throw error
    }
  }

  private func write(_ bytes: Data, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o755)
    guard descriptor >= 0 else { throw systemError() }
    defer { close(descriptor) }
    try bytes.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        guard count > 0 else { throw systemError() }
        done += count
      }
    }
  }

  private func systemError() -> RuntimeError { RuntimeError(String(cString: strerror(errno))) }

  private static func reason(_ error: any Error) -> String {
    let cocoa = error as NSError
    let cause = cocoa.userInfo[NSUnderlyingErrorKey] as? NSError
    if let error = error as? RuntimeError { return error.description }
    return cause?.localizedDescription ?? error.localizedDescription
  }

  private func reportOnce(_ problem: String) {
    let isFirst = hasReported.withLock { reported in
      defer { reported = true }
      return !reported
    }
    guard isFirst else { return }
    report(
      "\(problem); kernels that it lacks are compiled again in every run. "
        + "Set TESSERA_CACHE to a folder on a disk with space that can be written.")
  }

  // MARK: Size

  /// The time of change of an object is when it was last used, to a day.
  private func markUsed(_ file: URL) {
    let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
    guard let used = attributes?[.modificationDate] as? Date, used.timeIntervalSinceNow < -86400
    else { return }
    try? FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: file.path)
  }

  /// Before the first object that a process adds: removes what interrupted processes left, and the
  /// objects that were not used for longest while the folder is too large.
  private func trimOnce() {
    let isFirst = isTrimmed.withLock { trimmed in
      defer { trimmed = true }
      return !trimmed
    }
    guard isFirst else { return }
    let keys: [URLResourceKey] = [.fileSizeKey, .contentModificationDateKey]
    let files =
      (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: keys)) ?? []
    var objects: [(file: URL, size: Int, used: Date)] = []
    for file in files {
      guard let values = try? file.resourceValues(forKeys: Set(keys)), let size = values.fileSize,
        let used = values.contentModificationDate
      else { continue }
      if file.lastPathComponent.hasPrefix(".new-") {
        if used.timeIntervalSinceNow < -3600 { try? FileManager.default.removeItem(at: file) }
      } else if ["so", "o", "run", "cubin"].contains(file.pathExtension) {
        objects.append((file, size, used))
      }
    }
    var total = objects.reduce(0) { $0 + $1.size }
    for object in objects.sorted(by: { $0.used < $1.used }) where total > limit {
      try? FileManager.default.removeItem(at: object.file)
      total -= object.size
    }
  }
}
