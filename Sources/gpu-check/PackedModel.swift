import DeepSeek
import Foundation
import MachineIR
import Operators
import Runtime
import Schedules
import TileIR

/// The tiny checkpoint in a packed folder: a whole model, prefilled in two cuts and decoded, whose logits must have
/// the bits that the processor gave them where the folder was packed.
struct PackedModel {
  /// Where the checkpoint lies in the folder.
  static let name = "model"
  /// Tokens of each run; behind the prefill, single tokens.
  static let cuts: [[Int]] = [[300], [7, 129, 64, 100]].map { $0 + Array(repeating: 1, count: 8) }
  private static let tokens = 308

  let model: Model

  init(_ folder: String, _ arithmetic: Arithmetic, on device: Device) throws {
    let options = Model.Options(
      arithmetic: arithmetic, cache: CacheRoom(context: Self.tokens), chunk: Self.tokens, rows: Self.tokens,
      drafts: false)
    model = try Model(Weights(folder: folder, Configuration(folder: folder)), options: options, on: device)
  }

  /// SHA-256 of each token's logits.
  func hashes(cut: [Int]) throws -> [String] {
    var random = SplitMix64(seed: CheckLaunch.seed)
    let ids = (0..<Self.tokens).map { _ in Int32.random(in: 0..<Int32(model.shape.vocabularySize), using: &random) }
    model.sequences.reset(0)
    var hashes: [String] = []
    for count in cut {
      let piece = Array(ids[hashes.count..<hashes.count + count])
      try model.run(Batch([.init(sequence: 0, start: hashes.count, tokens: piece, wanted: count)]))
      hashes += (0..<count).map { ContentHash.digest(model.logitBytes($0..<$0 + 1)) }
    }
    return hashes
  }

  /// Copies a checkpoint without what the model does not read, compiles its programs for every GPU, and runs it
  /// here.
  static func pack(_ checkpoint: String, into folder: URL) throws -> [CheckIndex.ModelCheck] {
    let place = folder.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    for file in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: URL(fileURLWithPath: checkpoint).appendingPathComponent(file), to: place.appendingPathComponent(file))
    }
    let (device, code) = (try Device(), PackedCode(folder: folder))
    return try Arithmetic.allCases.map { arithmetic in
      let packed = try PackedModel(checkpoint, arithmetic, on: device)
      for program in Set(packed.model.steps.flatMap(\.programs)) {
        for machine in MachineDescription.gpus { try code.add(Lowering.plan(program, for: machine)) }
      }
      return CheckIndex.ModelCheck(arithmetic: arithmetic.rawValue, hashes: try packed.hashes(cut: cuts[0]))
    }
  }

  /// What each cut gives on a device; a model that does not run is a result too.
  static func results(
    of check: CheckIndex.ModelCheck, in folder: URL, on device: Device
  ) -> [CheckReport.ModelResult] {
    do {
      guard let arithmetic = Arithmetic(rawValue: check.arithmetic) else {
        throw CheckFailure("no arithmetic \(check.arithmetic)")
      }
      let packed = try PackedModel(folder.appendingPathComponent(name).path, arithmetic, on: device)
      return try cuts.map { cut in
        let found = try packed.hashes(cut: cut)
        let differing = zip(found, check.hashes).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
        return .init(
          arithmetic: check.arithmetic, runs: cut.count, tokens: found.count, differing: differing,
          error: found.count == check.hashes.count ? nil : "\(check.hashes.count) hashes, \(found.count) expected")
      }
    } catch {
      return [.init(arithmetic: check.arithmetic, runs: 0, tokens: check.hashes.count, differing: nil, error: "\(error)")]
    }
  }
}
