import Foundation
import MachineIR
import TileIR

/// Verdicts on disk, found by the hash of the obligations that they answer.
///
/// An entry is written under a name of its own and renamed into place, so several processes can share a
/// folder; it carries its key and a hash of its text, and one that is damaged, cut short or foreign is
/// decided again. A folder that cannot be written keeps nothing. Unknown verdicts are not kept: another
/// run may have a solver.
public struct VerdictCache: Sendable {
  public let folder: URL

  /// Beside the compiled kernels: `proofs` in `$TESSERA_CACHE`, `$XDG_CACHE_HOME/tessera` or
  /// `~/.cache/tessera`.
  public static let standard = VerdictCache(
    below: CacheFolder.standard(ProcessInfo.processInfo.environment))

  public init(folder: URL) { self.folder = folder }

  /// In the folder of compiled kernels.
  public init(below cache: URL) { folder = cache.appendingPathComponent("proofs") }

  /// To be raised whenever a procedure changes what it proves.
  private static let version = 1

  /// The hash of all that decides the verdicts.
  static func key(_ obligations: [Obligation]) -> StableHash {
    StableHash("\(version)\n" + obligations.map(\.smtText).joined())
  }

  private func file(_ key: StableHash) -> URL { folder.appendingPathComponent("\(key).verdicts") }

  /// The verdicts of a key; nil where there are none that are whole.
  func verdicts(_ key: StableHash) -> [Verdict]? {
    guard let text = try? String(contentsOf: file(key), encoding: .utf8) else { return nil }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.popLast() == "", let seal = lines.popLast() else { return nil }
    let body = lines.map { $0 + "\n" }.joined()
    guard seal == Self.seal(key, body) else { return nil }
    let verdicts = lines.map { Verdict(line: $0) }
    return verdicts.contains(nil) ? nil : verdicts.compactMap(\.self)
  }

  func keep(_ verdicts: [Verdict], _ key: StableHash) {
    let lines = verdicts.map(\.line)
    guard !lines.contains(nil) else { return }
    let body = lines.map { "\($0!)\n" }.joined()
    write(body + Self.seal(key, body) + "\n", to: file(key))
  }

  private func write(_ text: String, to file: URL) {
    let fresh = folder.appendingPathComponent(".new-\(UUID().uuidString)")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: fresh)
      if rename(fresh.path, file.path) != 0 { unlink(fresh.path) }
    } catch {
      unlink(fresh.path)
    }
  }

  // MARK: Whole programs

  /// Whether this executable has found the program proved before. Another executable may ask for more: it
  /// works the obligations out anew.
  public func holdsProved(_ program: Program) -> Bool {
    guard let key = Self.key(program) else { return false }
    return (try? String(contentsOf: note(key, "proved"), encoding: .utf8)) == Self.seal(key, "proved")
  }

  /// Keeps that the program is proved.
  public func keepProved(_ program: Program) {
    guard let key = Self.key(program) else { return }
    write(Self.seal(key, "proved"), to: note(key, "proved"))
  }

  private static func key(_ program: Program) -> StableHash? { key(program.stableHash) }

  private static func key(_ proved: StableHash) -> StableHash? {
    executable.map { StableHash("\($0) \(proved)") }
  }

  // MARK: Plans

  /// What `keepProved` has kept of a plan, by its hash, that this executable found proved; nil where it has not.
  public func proved(_ plan: StableHash) -> ProvedPlan? {
    line(of: plan, "proved").flatMap { ProvedPlan(line: Substring($0)) }
  }

  public func keepProved(_ plan: StableHash, _ proved: ProvedPlan) { keep(proved.line, of: plan, "proved") }

  /// The same of what a program, by its hash, is on a machine under the default schedule, or of the program itself:
  /// an executable makes the same plan of it each time.
  public func proved(_ program: StableHash, on machine: String?) -> ProvedPlan? {
    proved(Self.key(program, on: machine))
  }

  public func keepProved(_ program: StableHash, on machine: String?, _ proved: ProvedPlan) {
    keepProved(Self.key(program, on: machine), proved)
  }

  private static func key(_ program: StableHash, on machine: String?) -> StableHash {
    StableHash("\(program) \(machine ?? "as a program")")
  }

  /// The digest of what this executable printed of a plan, as `keepDigest` has kept it.
  public func digest(of plan: StableHash) -> String? { line(of: plan, "text") }

  public func keepDigest(_ digest: String, of plan: StableHash) { keep(digest, of: plan, "text") }

  private func note(_ key: StableHash, _ kind: String) -> URL {
    folder.appendingPathComponent("\(key).\(kind)")
  }

  /// The one line that this executable has noted of a plan; nil where there is none that is whole.
  private func line(of plan: StableHash, _ kind: String) -> String? {
    guard let key = Self.key(plan), let text = try? String(contentsOf: note(key, kind), encoding: .utf8)
    else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 2, lines[1] == Self.seal(key, "\(kind) \(lines[0])") else { return nil }
    return String(lines[0])
  }

  private func keep(_ line: String, of plan: StableHash, _ kind: String) {
    guard let key = Self.key(plan) else { return }
    write("\(line)\n\(Self.seal(key, "\(kind) \(line)"))", to: note(key, kind))
  }

  /// What tells this executable from every other build: its file, size and time of change.
  private static let executable: String? = {
    var status = stat()
    guard stat("/proc/self/exe", &status) == 0 else { return nil }
    return
      "\(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)"
  }()

  private static func seal(_ key: StableHash, _ body: String) -> String {
    "tessera-verdicts \(key) \(StableHash(body))"
  }
}

extension Verdict {
  /// `proved affine` or `refuted rows=5 width=3`; nil for what is not kept.
  fileprivate var line: String? {
    switch self {
    case .proved(let procedure): return "proved \(procedure.rawValue)"
    case .refuted(let counterexample):
      return "refuted" + counterexample.values.map { "\t\($0.name)\t\($0.value)" }.joined()
    case .unknown: return nil
    }
  }

  fileprivate init?(line: Substring) {
    if line.hasPrefix("proved "), let procedure = Procedure(rawValue: String(line.dropFirst(7))) {
      self = .proved(procedure)
      return
    }
    let words = line.split(separator: "\t", omittingEmptySubsequences: false)
    guard words.first == "refuted", words.count % 2 == 1 else { return nil }
    var values: [Counterexample.Value] = []
    for position in stride(from: 1, to: words.count, by: 2) {
      guard let value = Int(words[position + 1]) else { return nil }
      values.append(.init(String(words[position]), value))
    }
    self = .refuted(Counterexample(values))
  }
}
