import DeepSeek
import Foundation
import JSON
import Safetensors

/// Feeds damaged files to every reader. A crash ends the process: the file that did it is then the one that
/// lies in the folder, and `seed` and `number` give it again.
public struct Fuzzer {
  /// What happened to the files so far.
  public struct Outcome: Sendable {
    public internal(set) var files = 0
    public internal(set) var accepted: [String: Int] = [:]
    public internal(set) var refused: [String: Int] = [:]
    /// Things that did not hold, with the file that shows it; at most ten.
    public internal(set) var failures: [String] = []
    public internal(set) var slowest: (seconds: Double, file: String) = (0, "none")
  }

  public private(set) var outcome = Outcome()
  private let targets: [Target]
  private let seed: UInt64
  private let folder: String
  private var number: Int

  /// - Parameters:
  ///   - fixtures: the project's folder of that name, whose files are damaged.
  ///   - folder: an empty folder for the damaged files.
  ///   - number: the first file's; each follows from seed and number alone.
  public init(fixtures: String, folder: String, seed: UInt64, from number: Int = 0) throws {
    targets = try Target.all(fixtures: fixtures)
    self.seed = seed
    self.folder = folder
    self.number = number
    for target in targets {
      try FileManager.default.createDirectory(
        atPath: folder + "/" + target.name, withIntermediateDirectories: true)
    }
  }

  /// The next file, as messages name it.
  public var nextName: String { "\(targets[number % targets.count].name) \(number) of seed \(seed)" }

  /// Damages one file and reads it.
  public mutating func step() {
    let name = nextName
    let target = targets[number % targets.count]
    var mutation = Mutation(seed: seed &* 0x1_0000_0001 &+ UInt64(number))
    number += 1
    let original = target.seeds[mutation.number(below: target.seeds.count)]
    // Every sixteenth file is whole, so that acceptance is tested too.
    let bytes = mutation.number(below: 16) == 0
      ? original : Self.damaged(original, target, &mutation)
    let clock = ContinuousClock()
    let start = clock.now
    judge(name, target.name, Result { try target.read(bytes, folder + "/" + target.name) })
    let seconds = (clock.now - start) / .seconds(1)
    outcome.files += 1
    if seconds > outcome.slowest.seconds { outcome.slowest = (seconds, name) }
  }

  /// JSON is damaged as a text or as a tree. A tensor file's header is mostly damaged by itself and gets its
  /// true length again, or the length alone is wrong.
  private static func damaged(_ bytes: [UInt8], _ target: Target, _ mutation: inout Mutation) -> [UInt8] {
    guard target.name == "safetensors", bytes.count >= 8 else {
      let isTree = bytes.first == UInt8(ascii: "{") || bytes.first == UInt8(ascii: "[")
      return isTree && mutation.number(below: 2) == 0
        ? mutation.damageTree(of: bytes) : mutation.damage(bytes, splicing: target.seeds)
    }
    let size = Int(bytes[0]) | Int(bytes[1]) << 8
    let header = Array(bytes[8..<8 + size])
    func file(_ length: UInt64, _ header: [UInt8]) -> [UInt8] {
      withUnsafeBytes(of: length.littleEndian, Array.init) + header + bytes[(8 + size)...]
    }
    switch mutation.number(below: 6) {
    case 0: return mutation.damage(bytes, splicing: target.seeds)
    case 1: return file(mutation.length(near: size), header)
    case 2, 3:
      let damaged = mutation.damageTree(of: header)
      return file(UInt64(damaged.count), damaged)
    default:
      let damaged = mutation.damage(header, splicing: target.seeds.map { Array($0.dropFirst(8)) })
      return file(UInt64(damaged.count), damaged)
    }
  }

  private mutating func judge(_ name: String, _ target: String, _ result: Result<Void, any Error>) {
    switch result {
    case .success: outcome.accepted[target, default: 0] += 1
    case .failure(let error):
      outcome.refused[target, default: 0] += 1
      switch error {
      case is SafetensorsError, is ModelRefusal, is JSONError, is AnswerError:
        // A refusal is for people: of bounded length, on lines of its own.
        let text = "\(error)"
        let isReadable = text.utf8.count < 20_000 && !text.unicodeScalars.contains { $0 < " " && $0 != "\n" }
        if !isReadable { fail("\(name): an unreadable refusal of \(text.utf8.count) bytes") }
      default: fail("\(name): \(error)")
      }
    }
  }

  private mutating func fail(_ message: String) {
    if outcome.failures.count < 10 { outcome.failures.append(message) }
  }
}
