import Foundation
import MachineIR
import Runtime
import Schedules
import Synchronization
import Testing
import TileIR

/// The cache of compiled kernels: what it keeps, what it makes again, and what it says where it cannot
/// keep anything.
@Suite struct KernelCacheTests {
  let folder: ScratchFolder
  let messages = Messages()

  init() throws { folder = try ScratchFolder() }

  final class Messages: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  private func cache(_ url: URL? = nil, _ changes: [String: String] = [:]) -> KernelCache {
    let environment = ProcessInfo.processInfo.environment.merging(changes) { $1 }
    return KernelCache(folder: url ?? folder.url, environment: environment) { [messages] in messages.add($0) }
  }

  /// Whether the kernel was cached; its result is checked.
  private func run(_ cache: KernelCache, factor: Float = 3) throws -> Bool {
    let executable = try Executable(SmallKernels.scaled(by: factor), cache: cache)
    let results = try executable.run(SmallKernels.input(rows: 2) { Float($0) })
    #expect(results["y"]?.numbers == (0..<12).map { Float($0) * factor })
    return executable.wasCached
  }

  @Test func aKernelIsCompiledOnce() throws {
    let first = cache()
    #expect(try !run(first))
    #expect(try run(first))
    #expect(try run(cache()))
    #expect(try !run(cache(), factor: 4))
    #expect(messages.all.isEmpty)
  }

  @Test func nothingIsLeftBesideObjects() throws {
    _ = try run(cache())
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(names.count == 2 && names.contains { $0.hasSuffix(".so") } && names.contains("proofs"))
  }

  /// What may have happened to an object between two runs.
  enum Damage: CaseIterable {
    case changedByte, cutShort, empty, text, objectOfAnotherKernel, folder
  }

  @Test(arguments: Damage.allCases)
  func aDamagedObjectIsMadeAgain(_ damage: Damage) throws {
    _ = try run(cache())
    let object = try #require(try folder.files("so").first)
    var bytes = try Data(contentsOf: object)
    switch damage {
    case .changedByte: bytes[bytes.count / 2] ^= 1
    case .cutShort: bytes.removeLast(100)
    case .empty: bytes.removeAll()
    case .text: bytes = Data("not an object, but long enough to be one\n".utf8) + Data(count: 4000)
    case .objectOfAnotherKernel:
      _ = try run(cache(), factor: 5)
      bytes = try Data(contentsOf: try #require(try folder.files("so").first { $0 != object }))
    case .folder: break
    }
    try FileManager.default.removeItem(at: object)
    if damage == .folder {
      try FileManager.default.createDirectory(at: object, withIntermediateDirectories: true)
    } else {
      try bytes.write(to: object)
    }
    #expect(try !run(cache()))
    // A folder in an object's place cannot be renamed away; any file can.
    #expect(try run(cache()) == (damage != .folder))
  }

  @Test func aMissingFolderIsMade() throws {
    let deep = folder.url.appendingPathComponent("a/b")
    #expect(try !run(cache(deep)))
    #expect(try run(cache(deep)))
  }

  @Test func aFolderThatCannotBeMadeIsReportedOnceAndDoesNotStopARun() throws {
    let file = folder.url.appendingPathComponent("file")
    try Data([1]).write(to: file)
    let impossible = cache(file.appendingPathComponent("cache"))
    #expect(try !run(impossible))
    #expect(try !run(impossible, factor: 7))
    #expect(try run(impossible))
    #expect(messages.all.count == 1)
    let message = try #require(messages.all.first)
    #expect(message.contains("the cache folder \(file.path)/cache cannot take compiled kernels"))
    #expect(message.contains("Set TESSERA_CACHE to a folder on a disk with space that can be written."))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can mount a small disk"))
  func aFullDiskIsReportedAndWhatItHasStillServes() throws {
    guard mount("tmpfs", folder.url.path, "tmpfs", 0, "size=64k") == 0 else { return }
    defer { umount2(folder.url.path, 2) }
    #expect(try !run(cache()))
    let filler = folder.url.appendingPathComponent("filler")
    #expect(FileManager.default.createFile(atPath: filler.path, contents: nil))
    let handle = try FileHandle(forWritingTo: filler)
    while (try? handle.write(contentsOf: Data(count: 4096))) != nil {}
    try handle.close()
    #expect(try run(cache()))
    #expect(messages.all.isEmpty)
    #expect(try !run(cache(), factor: 9))
    #expect(messages.all.count == 1)
    #expect(messages.all.first?.contains("No space left on device") == true)
    #expect(try !FileManager.default.contentsOfDirectory(atPath: folder.url.path).contains { $0.hasPrefix(".new") })
  }

  @Test(.enabled(if: geteuid() == 0, "only root can mount a read-only disk"))
  func aReadOnlyFolderIsReadAndReported() throws {
    guard mount("tmpfs", folder.url.path, "tmpfs", 0, "size=1m") == 0 else { return }
    defer { umount2(folder.url.path, 2) }
    #expect(try !run(cache()))
    try #require(mount("tmpfs", folder.url.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), "size=1m") == 0)
    #expect(try run(cache()))
    #expect(messages.all.isEmpty)
    #expect(try !run(cache(), factor: 9))
    #expect(messages.all.count == 1)
    #expect(messages.all.first?.contains("Read-only file system") == true)
  }

  @Test(arguments: [["TESSERA_CLANG": "/nonexistent"], ["PATH": ""]])
  func withoutACompilerOldObjectsServe(_ environment: [String: String]) throws {
    #expect(try !run(cache()))
    #expect(try run(cache(nil, environment)))
    let message = refusal { _ = try run(cache(nil, environment), factor: 11) }
    #expect(message.contains("no clang to compile kernels with: looked at"))
    #expect(message.contains("put its usr/bin on PATH or name it in TESSERA_CLANG"))
  }

  @Test func aCompilerThatRefusesIsQuoted() throws {
    let fake = folder.url.appendingPathComponent("clang")
    try Data("#!/bin/sh\necho cannot compile today\nexit 3\n".utf8).write(to: fake)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: fake.path)
    let message = refusal { _ = try run(cache(nil, ["TESSERA_CLANG": fake.path])) }
    #expect(message.contains("refused a kernel") && message.contains("cannot compile today"))
    // The text that it refused is kept for whoever looks into it.
    let kept = try #require(message.firstMatch(of: /\((\/[^)]*\.c)\)/)).1
    #expect(try String(contentsOfFile: String(kept), encoding: .utf8).contains("scaled"))
    try FileManager.default.removeItem(atPath: String(kept))
  }

  @Test func objectsOfTwoCompilersStandSideBySide() throws {
    let clang = try Clang.find()
    let other = folder.url.appendingPathComponent("clang")
    try Data("#!/bin/sh\nexec \(clang.path) \"$@\"\n".utf8).write(to: other)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: other.path)
    #expect(try !run(cache()))
    #expect(try !run(cache(nil, ["TESSERA_CLANG": other.path])))
    #expect(try run(cache()))
    #expect(try folder.files("so").count == 2)
  }

  @Test func theFolderIsKeptBelowItsLimit() throws {
    for factor in 1...4 { _ = try run(cache(), factor: Float(factor)) }
    let objects = try folder.files("so")
    #expect(objects.count == 4)
    for (age, object) in objects.enumerated() {
      let used = Date(timeIntervalSinceNow: -86400 * Double(10 + age))
      try FileManager.default.setAttributes([.modificationDate: used], ofItemAtPath: object.path)
    }
    // Using an object makes it young.
    #expect(try run(cache(), factor: 3))
    let interrupted = folder.url.appendingPathComponent(".new-interrupted")
    try Data([1]).write(to: interrupted)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -86400)], ofItemAtPath: interrupted.path)
    #expect(try !run(cache(nil, ["TESSERA_CACHE_MEGABYTES": "0"]), factor: 5))
    #expect(try folder.files("so").count == 1)
    #expect(!FileManager.default.fileExists(atPath: interrupted.path))
  }

  @Test func cachesOfOneFolderDoNotDisturbEachOther() throws {
    let (url, messages) = (folder.url, messages)
    let failures = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 6) { worker in
      let cache = KernelCache(folder: url) { messages.add($0) }
      for number in 0..<3 {
        let factor = (worker + number) % 3 + 20
        do {
          try Self.runOnce(factor, cache)
        } catch { failures.withLock { $0.append("\(error)") } }
      }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(try folder.files("so").count == 3)
    #expect(messages.all.isEmpty)
  }

  @Test func processesOfOneFolderDoNotDisturbEachOther() async throws {
    let path = folder.url.path
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<3 { group.addTask { await Self.process(path) } }
    }
    #expect(try folder.files("so").count == 4)
    for factor in 30..<34 { #expect(try run(cache(), factor: Float(factor))) }
  }

  /// A process that compiles and runs the same four kernels as others.
  private static func process(_ path: String) async {
    await #expect(processExitsWith: .success) { [path = path as String] in
      for factor in 30..<34 {
        try Self.runOnce(factor, KernelCache(folder: URL(fileURLWithPath: path)))
      }
    }
  }

  private static func runOnce(_ factor: Int, _ cache: KernelCache) throws {
    let executable = try Executable(SmallKernels.scaled(by: Float(factor)), cache: cache)
    let results = try executable.run(SmallKernels.input(rows: 2) { Float($0) })
    guard results["y"]?.numbers == (0..<12).map({ Float($0) * Float(factor) }) else {
      throw RuntimeError("wrong results at factor \(factor)")
    }
  }
}
