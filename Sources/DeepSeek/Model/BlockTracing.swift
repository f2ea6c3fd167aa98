import Operators
import Steps

/// One transformer layer: attention and experts, each taking its rows from the residual streams and
/// putting its result back into them.
extension LayerTracer {
  /// The streams behind a layer. // [tokens, streams, hidden]
  func block(
    _ layer: String, _ kind: Configuration.Compression, _ routing: Routing, _ x: Steps.View,
    into target: Steps.View? = nil
  ) throws -> Steps.View {
    let attended = try b.scope("\(layer).attn") {
      let taken = try taken(layer, "attn", x)
      return try projected(layer, attention(layer, kind, taken), taken, x)
    }
    return try b.scope("\(layer).ffn") {
      try experts(layer, routing, taken(layer, "ffn", attended), attended, into: target)
    }
  }

  /// What a sub-layer takes from the streams: y [tokens, hidden], its codes, and post and comb, the way
  /// back.
  private func taken(_ layer: String, _ part: String, _ x: Steps.View) throws -> StepBuilder.Results {
    let (n, hidden) = (shape.streamCount, shape.hiddenSize)
    return try b.launch(
      hcPre(hyperConnections, arithmetic: arithmetic),
      [
        "streams": x, "hc_fn": wide("\(layer).hc_\(part)_fn", (2 + n) * n, n * hidden),
        "hc_base": wide("\(layer).hc_\(part)_base", (2 + n) * n), "hc_scale": wide("\(layer).hc_\(part)_scale", 3),
        "gain": wide("\(layer).\(part)_norm.weight", hidden),
      ])
  }

  /// The streams with an attention's result in them. `attended` is [tokens, heads channels].
  private func projected(
    _ layer: String, _ attended: Steps.View, _ taken: StepBuilder.Results, _ x: Steps.View
  ) throws -> Steps.View {
    let (groups, rank) = (shape.outputGroups, shape.outputRank)
    let inputs = shape.headCount * shape.headSize / groups
    let z = try b.launch(
      outputGroups(groups: groups, inputs: inputs, rank: rank, arithmetic: arithmetic),
      [
        "o": attended,
        "wo_a": b.weight("\(layer).attn.wo_a.weight", element, [Size(groups), Size(rank), Size(inputs)]),
      ])["z"]
    var views = try linearRows("x", z)
    views.merge(linear("wo_b", "\(layer).attn.wo_b", shape.hiddenSize, groups * rank)) { $1 }
    return try b.launch(
      outputUpdate(inputs: groups * rank, streams: hyperConnections, arithmetic: arithmetic),
      views.merging(back(taken, x)) { $1 })["y"]
  }

  /// What the end of a sub-layer takes to put its result back into the streams.
  private func back(_ taken: StepBuilder.Results, _ x: Steps.View) -> [String: Steps.View] {
    ["streams": x, "post": taken["post"], "comb": taken["comb"]]
  }

  /// Rows for a quantised linear: codes and scales of `x`, in float32 `x` itself.
  private func linearRows(_ parameter: String, _ x: Steps.View) throws -> [String: Steps.View] {
    guard isQuantised else { return [parameter: x] }
    let quantised = try b.launch(quantiseQ8(channels: x.shape[1].fixed!), ["x": x])
    return ["\(parameter)_codes": quantised["codes"], "\(parameter)_scale": quantised["scale"]]
  }

  // MARK: Experts

  /// The streams with the results of the routed and the shared experts in them.
  private func experts(
    _ layer: String, _ routing: Routing, _ taken: StepBuilder.Results, _ x: Steps.View,
    into target: Steps.View?
  ) throws -> Steps.View {
    let (count, inner, hidden) = (shape.expertCount, shape.expertSize, shape.hiddenSize)
    let constants = ExpertShape(
      experts: count, picks: shape.expertPicks, hidden: hidden, inner: inner, limit: Float(shape.swigluLimit),
      format: options.expertFormat)
    let routed = try route(layer, routing, taken["y"])
    let order = try b.launch(expertDispatch(experts: count, picks: shape.expertPicks), ["id": routed["id"]])
    func weight(_ name: String, _ outputs: Int, _ inputs: Int) -> [String: Steps.View] {
      linear(
        name, "\(layer).ffn.experts.*.\(name)", experts: count, outputs, inputs, options.expertFormat)
    }
    func shared(_ name: String, _ outputs: Int, _ inputs: Int) -> [String: Steps.View] {
      linear(name, "\(layer).ffn.shared_experts.\(name)", outputs, inputs)
    }
    let rows = quantised("x", taken, "y")
    let up = try b.launch(
      expertsUp(constants, arithmetic: arithmetic),
      rows.merging(weight("w1", inner, hidden)) { $1 }.merging(weight("w3", inner, hidden)) { $1 }.merging([
        "weight": routed["weight"], "offsets": order["offsets"], "permutation": order["permutation"],
      ]) { $1 })["y"]
    let down = try b.launch(
      expertsDown(constants, arithmetic: arithmetic),
      linearRows("x", up).merging(weight("w2", hidden, inner)) { $1 }
        .merging(["offsets": order["offsets"]]) { $1 })["y"]
    let activated = try b.launch(
      sharedUp(constants, arithmetic: arithmetic),
      rows.merging(shared("w1", inner, hidden)) { $1 }.merging(shared("w3", inner, hidden)) { $1 })["y"]
    return try b.launch(
      sharedDown(constants, streams: hyperConnections, arithmetic: arithmetic),
      linearRows("x", activated).merging(shared("w2", hidden, inner)) { $1 }
        .merging(["routed": down, "inverse": order["inverse"]]) { $1 }.merging(back(taken, x)) { $1 },
      into: output(target))["y"]
  }

  /// Which experts each token goes to, and with which weights. `x` is [tokens, hidden].
  private func route(_ layer: String, _ routing: Routing, _ x: Steps.View) throws -> StepBuilder.Results {
    let (count, picks) = (shape.expertCount, shape.expertPicks)
    var views = ["x": x, "gate": plain("\(layer).ffn.gate.weight", count, shape.hiddenSize)]
    let choice: ExpertChoice
    switch routing {
    case .byScore:
      choice = .scores
      views["bias"] = wide("\(layer).ffn.gate.bias", count)
    case .byToken:
      choice = .hashed
      views["token"] = ids
      views["tid2eid"] = b.weight(
        "\(layer).ffn.gate.tid2eid", .int32, [Size(shape.vocabularySize), Size(picks)])
    }
    return try b.launch(
      router(
        hidden: shape.hiddenSize, experts: count, picks: picks, scale: Float(shape.routedScale), choice: choice,
        arithmetic: arithmetic), views)
  }
}
