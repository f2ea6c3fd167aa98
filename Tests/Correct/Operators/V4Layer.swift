import Foundation
import MachineIR
import Operators
import Runtime
import Safetensors
import Schedules
import TileIR
import Tiles

/// One layer of the tiny checkpoint, launch by launch, on one sequence from position 0: what joins the
/// operators to the golden data without a model around them.
struct V4Layer {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static func file(_ name: String) throws -> SafetensorsFile {
    try SafetensorsFile(path: root.appendingPathComponent("Fixtures/v4-tiny/\(name).safetensors").path)
  }

  let checkpoint: SafetensorsFile
  let kernels: V4Kernels
  /// Its number; nil for the multi-token prediction layer.
  let layer: Int?
  let arithmetic: Arithmetic
  private var path: String { layer.map { "layers.\($0)" } ?? "mtp.0" }
  private var ratio: Int { layer.map { Self.ratios[$0] } ?? 0 }
  private var isQuantised: Bool { arithmetic == .quantised }

  // The tiny shape.
  static let ratios = [0, 4, 128, 4, 128, 0]
  static let streams = HyperConnections(hidden: 256)
  private let latent = LatentShape(channels: 128, rotated: 64)
  private let index = IndexerShape(heads: 16)
  private let expert = ExpertShape(experts: 8, picks: 3, hidden: 256, inner: 128, limit: 2)

  /// The streams after the layer, for `tokens` and the streams before it.
  func callAsFunction(_ x: HostTensor, tokens: HostTensor) throws -> HostTensor {
    let middle = try attentionSubLayer(x)
    return try feedForward(middle, tokens)
  }

  /// The logits of every token for its streams behind the last layer, under the head's weights `prefix`.
  func logits(_ x: HostTensor, head prefix: String = "", norm: String = "norm.weight") throws -> HostTensor {
    let rows = try run(
      hcHead(Self.streams, arithmetic: arithmetic),
      [
        "streams": x, "row": integers(x.shape[0]) { $0 }, "hc_fn": checkpoint.tensor("\(prefix)hc_head_fn"),
        "hc_base": checkpoint.tensor("\(prefix)hc_head_base"),
        "hc_scale": checkpoint.tensor("\(prefix)hc_head_scale"), "gain": wide(global: norm),
      ])
    return try run(
      projections([.wide("head", "logits", outputs: 512)], inputs: 256, arithmetic: arithmetic),
      ["x": rows["y"]!, "head": plain(global: "head.weight")])["logits"]!
  }

  func embedded(_ tokens: HostTensor) throws -> HostTensor {
    try run(
      embed(streams: 4, hidden: 256, arithmetic: arithmetic),
      ["token": tokens, "table": plain(global: "embed.weight")])["y"]!
  }

  /// What a multi-token prediction layer begins with, for the tokens after each position.
  func nextTokenStreams(_ x: HostTensor, next tokens: HostTensor) throws -> HostTensor {
    let normed = try run(
      nextTokenNorms(Self.streams, arithmetic: arithmetic),
      [
        "token": tokens, "table": plain(global: "embed.weight"), "streams": x, "enorm": wide("enorm.weight"),
        "hnorm": wide("hnorm.weight"),
      ])
    let e = try run(
      projections([.quantised("e_proj", "e", outputs: 256)], inputs: 256, arithmetic: arithmetic),
      rows(normed, "e", as: "x").merging(linear("e_proj", as: "e_proj")) { $1 })
    return try run(
      nextTokenInput(Self.streams, arithmetic: arithmetic),
      rows(normed, "h", as: "h").merging(linear("h_proj", as: "h_proj")) { $1 }.merging(e) { $1 })["y"]!
  }

  // MARK: Sub-layers

  private func attentionSubLayer(_ x: HostTensor) throws -> HostTensor {
    let count = x.shape[0]
    let yarn = RotaryTable.Yarn(factor: 16, originalLength: 256)
    let table = RotaryTable(rotated: 64, base: ratio == 0 ? 10000 : 160000, yarn: ratio == 0 ? nil : yarn)
    let angles = table.table(of: 0..<count)
    var shared: [String: HostTensor] = [
      "cos": HostTensor(.float32, [count, 32], numbers: angles.cos),
      "sin": HostTensor(.float32, [count, 32], numbers: angles.sin),
      "sequence": integers(count) { _ in 0 }, "position": integers(count) { $0 },
      "first": integers(count) { _ in 0 }, "count": integers(count) { _ in count },
    ]
    let pre = try gated(x, "attn")
    var list: [Projection] = [.quantised("wq_a", "a", outputs: 128), .quantised("wkv", "latent", outputs: 128)]
    var weights = try linear("attn.wq_a", as: "wq_a").merging(linear("attn.wkv", as: "wkv")) { $1 }
    let compressors = ratio == 0 ? [] : ratio == 4 ? ["", "index_"] : [""]
    for prefix in compressors {
      let path = prefix == "" ? "attn.compressor" : "attn.indexer.compressor"
      for part in ["kv", "gate"] {
        let name = (prefix == "" ? "compressor_" : prefix) + "w" + part
        list.append(.wide(name, prefix + part, outputs: ratio == 4 ? 256 : 128))
        weights[name] = try plain("\(path).w\(part).weight")
      }
    }
    if ratio == 4 {
      list.append(
        .plain("weights_proj", "weights", outputs: 16, factor: indexerFactor(heads: 16, channels: 128)))
      weights["weights_proj"] = try plain("attn.indexer.weights_proj.weight")
    }
    let down = try run(
      projections(list, inputs: 256, arithmetic: arithmetic), rows(pre, "y", as: "x").merging(weights) { $1 })
    let norms = try run(
      latentNorms(latent, rank: 128, arithmetic: arithmetic),
      shared.merging([
        "a": down["a"]!, "kv": down["latent"]!, "q_norm": wide("attn.q_norm.weight"),
        "kv_norm": wide("attn.kv_norm.weight"),
      ]) { $1 })
    var up: [Projection] = [.quantised("wq_b", "q", outputs: 512)]
    var upWeights = try linear("attn.wq_b", as: "wq_b")
    if ratio == 4 {
      up.append(.quantised("index_wq_b", "index_q", outputs: 2048))
      try upWeights.merge(linear("attn.indexer.wq_b", as: "index_wq_b")) { $1 }
    }
    let q = try run(
      projections(up, inputs: 128, arithmetic: arithmetic), rows(norms, "y", as: "x").merging(upWeights) { $1 })
    let turned = try run(
      queryRotation(latent, heads: 4, indexer: ratio == 4 ? index : nil, arithmetic: arithmetic),
      shared.merging(q) { $1 })
    let span = ratio == 0 ? 31 : 64
    shared["ring"] = HostTensor(isQuantised ? .bfloat16 : .float32, [1, 31, 128])
    shared["sink"] = try tensor("attn.attn_sink")
    var entries = AttentionEntries.none
    if ratio != 0 {
      let capacity = max(1, count / ratio)
      try shared.merge(compressed(ratio, capacity, max(span, 2 * ratio), down, shared)) { $1 }
      entries = ratio == 4 ? .picked(16) : .all(ratio: ratio)
      if ratio == 4 { try shared.merge(picked(turned, down, shared, capacity)) { $1 } }
    }
    shared["q"] = turned["y"]!
    shared["rows"] = norms["rows"]!
    let o = try run(
      attention(
        AttentionShape(heads: 4, latent: latent, window: 32, span: 31, entries: entries),
        arithmetic: arithmetic), shared)
    let groups = try self.groups()
    let z = try run(
      outputGroups(groups: 2, inputs: 256, rank: 64, arithmetic: arithmetic), ["o": o["y"]!, "wo_a": groups])
    let coded = try quantised(z["z"]!, 128)
    return try run(
      outputUpdate(inputs: 128, streams: Self.streams, arithmetic: arithmetic),
      coded.merging(linear("attn.wo_b", as: "wo_b")) { $1 }
        .merging(["streams": x, "post": pre["post"]!, "comb": pre["comb"]!]) { $1 })["y"]!
  }

  /// Entries, and the indexer's keys where there are any.
  private func compressed(
    _ ratio: Int, _ capacity: Int, _ span: Int, _ down: [String: HostTensor], _ shared: [String: HostTensor]
  ) throws -> [String: HostTensor] {
    let count = shared["position"]!.shape[0]
    let closer = (0..<count).filter { ($0 + 1) % ratio == 0 }
    let shape = CompressorShape(
      ratio: ratio, overlaps: ratio == 4, span: span, latent: latent, indexer: ratio == 4 ? index : nil)
    var arguments = shared.merging(down) { $1 }
    arguments["closer"] = HostTensor(.int32, [closer.count], integers: closer)
    arguments["entries"] = HostTensor(isQuantised ? .bfloat16 : .float32, [1, capacity, 128])
    for (prefix, path) in [("", "attn.compressor"), ("index_", "attn.indexer.compressor")] {
      guard prefix == "" || ratio == 4 else { continue }
      arguments[prefix + "ape"] = try tensor("\(path).ape")
      arguments[prefix + "norm"] = try wide("\(path).norm.weight")
      let width = ratio == 4 ? 256 : 128
      for tail in ["kv_tail", "gate_tail"] {
        arguments[prefix + tail] = HostTensor(.float32, [1, span, width])
      }
    }
    arguments["index_keys_codes"] = HostTensor(.e2m1, [1, capacity, 128])
    arguments["index_keys_scale"] = HostTensor(.e8m0, [1, capacity, 4])
    arguments["index_keys"] = HostTensor(.float32, [1, capacity, 128])
    let results = try run(compress(shape, arithmetic: arithmetic), arguments)
    return results.filter { !$0.key.hasSuffix("tail") }
  }

  private func picked(
    _ turned: [String: HostTensor], _ down: [String: HostTensor], _ shared: [String: HostTensor],
    _ capacity: Int
  ) throws -> [String: HostTensor] {
    let arguments = shared.merging(turned) { $1 }.merging(down) { $1 }
    let scores = try run(
      indexScores(index, ratio: 4, arithmetic: arithmetic), arguments, extents: ["reach": capacity])
    return try run(
      indexPicks(picks: 16, ratio: 4, arithmetic: arithmetic), shared.merging(scores) { $1 })
  }

  private func feedForward(_ x: HostTensor, _ tokens: HostTensor) throws -> HostTensor {
    let pre = try gated(x, "ffn")
    let isHashed = layer.map { $0 < 2 } ?? false
    var gate = ["x": pre["y"]!, "gate": try plain("ffn.gate.weight")]
    if isHashed {
      gate["token"] = tokens
      let table = checkpoint["\(path).ffn.gate.tid2eid"]!
      gate["tid2eid"] = HostTensor(.int32, table.record.shape, integers: try table.integers().map { Int($0) })
    } else {
      gate["bias"] = try tensor("ffn.gate.bias")
    }
    let routed = try run(
      router(
        hidden: 256, experts: 8, picks: 3, scale: 1.5, choice: isHashed ? .hashed : .scores,
        arithmetic: arithmetic), gate)
    let dispatch = try run(expertDispatch(experts: 8, picks: 3), ["id": routed["id"]!])
    var arguments = rows(pre, "y", as: "x").merging(dispatch) { $1 }
    arguments["weight"] = routed["weight"]!
    for name in ["w1", "w3"] { try arguments.merge(experts(name)) { $1 } }
    let first = try run(expertsUp(expert, arithmetic: arithmetic), arguments)
    arguments = try quantised(first["y"]!, 128).merging(experts("w2")) { $1 }
    arguments["offsets"] = dispatch["offsets"]!
    let second = try run(expertsDown(expert, arithmetic: arithmetic), arguments)
    arguments = rows(pre, "y", as: "x")
    for name in ["w1", "w3"] { try arguments.merge(linear("ffn.shared_experts.\(name)", as: name)) { $1 } }
    let shared = try run(sharedUp(expert, arithmetic: arithmetic), arguments)
    arguments = try quantised(shared["y"]!, 128).merging(linear("ffn.shared_experts.w2", as: "w2")) { $1 }
    arguments.merge([
      "routed": second["y"]!, "inverse": dispatch["inverse"]!, "streams": x, "post": pre["post"]!,
      "comb": pre["comb"]!,
    ]) { $1 }
    return try run(sharedDown(expert, streams: Self.streams, arithmetic: arithmetic), arguments)["y"]!
  }

  private func gated(_ x: HostTensor, _ part: String) throws -> [String: HostTensor] {
    try run(
      hcPre(Self.streams, arithmetic: arithmetic),
      [
        "streams": x, "hc_fn": tensor("hc_\(part)_fn"), "hc_base": tensor("hc_\(part)_base"),
        "hc_scale": tensor("hc_\(part)_scale"), "gain": wide("\(part)_norm.weight"),
      ])
  }

  // MARK: Launches

  /// Runs a kernel on those of `arguments` that it takes.
  private func run(
    _ kernel: Kernel, _ arguments: [String: HostTensor], extents: [String: Int] = [:]
  ) throws -> [String: HostTensor] {
    let program = try kernel.program()
    let taken = program.parameters.filter { $0.role != .output && arguments[$0.name] != nil }
    let bound = program.dimensions.filter { extents[$0.name] != nil }
    return try kernels.executable(of: program).run(
      Dictionary(uniqueKeysWithValues: taken.map { ($0.name, .tensor(arguments[$0.name]!)) }),
      extents: Dictionary(uniqueKeysWithValues: bound.map { ($0, extents[$0.name]!) }))
  }

  /// What a launch wrote for linears, under the names by which they take it.
  private func rows(
    _ results: [String: HostTensor], _ name: String, as other: String
  ) -> [String: HostTensor] {
    var rows: [String: HostTensor] = [:]
    for suffix in ["", "_codes", "_scale"] { rows[other + suffix] = results[name + suffix] }
    return rows
  }

  private func quantised(_ x: HostTensor, _ channels: Int) throws -> [String: HostTensor] {
    guard isQuantised else { return ["x": x] }
    let results = try run(quantiseQ8(channels: channels), ["x": x])
    return ["x_codes": results["codes"]!, "x_scale": results["scale"]!]
  }

  private func integers(_ count: Int, _ value: (Int) -> Int) -> HostTensor {
    HostTensor(.int32, [count], integers: (0..<count).map(value))
  }

  // MARK: Weights

  private func stored(_ name: String) throws -> HostTensor { try checkpoint.tensor("\(path).\(name)") }

  private func tensor(_ name: String) throws -> HostTensor { try stored(name) }

  /// As fp32.
  private func wide(_ name: String) throws -> HostTensor { try wide(global: "\(path).\(name)") }
  private func wide(global name: String) throws -> HostTensor {
    let tensor = try checkpoint.tensor(name)
    return HostTensor(.float32, tensor.shape, numbers: tensor.numbers)
  }

  /// As the arithmetic takes weights that are not quantised.
  private func plain(_ name: String) throws -> HostTensor { try plain(global: "\(path).\(name)") }
  private func plain(global name: String) throws -> HostTensor {
    isQuantised ? try checkpoint.tensor(name) : try wide(global: name)
  }

  private func linear(_ path: String, as name: String) throws -> [String: HostTensor] {
    let (weight, scale) = try (stored("\(path).weight"), stored("\(path).scale"))
    if isQuantised { return [name: weight, "\(name)_scale": scale] }
    return [name: dequantised(weight, scale, tile: 128, group: 128)]
  }

  private func experts(_ name: String) throws -> [String: HostTensor] {
    var (weights, scales): ([HostTensor], [HostTensor]) = ([], [])
    for number in 0..<8 {
      let packed = try stored("ffn.experts.\(number).\(name).weight")
      weights.append(HostTensor(.e2m1, [packed.shape[0], 2 * packed.shape[1]], bytes: packed.bytes))
      scales.append(try stored("ffn.experts.\(number).\(name).scale"))
    }
    func stacked(_ tensors: [HostTensor]) -> HostTensor {
      HostTensor(tensors[0].element, [8] + tensors[0].shape, bytes: tensors.flatMap(\.bytes))
    }
    if isQuantised { return [name: stacked(weights), "\(name)_scale": stacked(scales)] }
    return [name: stacked(zip(weights, scales).map { dequantised($0, $1, tile: 1, group: 32) })]
  }

  private func groups() throws -> HostTensor {
    let weight = dequantised(
      try stored("attn.wo_a.weight"), try stored("attn.wo_a.scale"), tile: 128, group: 128)
    return HostTensor(isQuantised ? .bfloat16 : .float32, [2, 64, 256], numbers: weight.numbers)
  }

  private func dequantised(_ weight: HostTensor, _ scale: HostTensor, tile: Int, group: Int) -> HostTensor {
    let (w, s) = (weight.numbers, scale.numbers)
    let (width, scaleWidth) = (weight.shape[1], scale.shape[1])
    return HostTensor(
      .float32, weight.shape,
      numbers: w.indices.map { w[$0] * s[$0 / width / tile * scaleWidth + $0 % width / group] })
  }
}

/// Compiled operators, each once.
final class V4Kernels {
  private let pool = ThreadPool(threads: 2)
  private let machine = MachineDescription.cpus.last(where: \.runsHere)!
  private var known: [Program: Executable] = [:]

  func executable(of program: Program) throws -> Executable {
    if let executable = known[program] { return executable }
    let executable = try Executable(plan: Lowering.plan(program, for: machine), pool: pool)
    known[program] = executable
    return executable
  }
}
