import Operators
import Steps
import TileIR
import Tiles

/// The layers of a model on one step's builder: every function adds launches and returns what they wrote.
struct LayerTracer {
  let b: StepBuilder
  let shape: Configuration
  let options: Model.Options
  let caches: CacheLayout
  let tokens: Size
  /// int32, one for each token: its id, its sequence's number, its position, the row of its sequence's first
  /// token in this run and how many tokens its sequence has in this run.
  let ids, sequence, position, first, count: Steps.View
  /// By ratio: rows of the tokens that complete a group.
  let closers: [Int: Steps.View]
  /// Rows of the tokens whose logits are wanted.
  let row: Steps.View?

  var arithmetic: Arithmetic { options.arithmetic }
  var isQuantised: Bool { arithmetic == .quantised }
  /// What activations are stored as.
  var element: ElementType { isQuantised ? .bfloat16 : .float32 }

  enum Routing {
    /// Experts are looked up by the token's id.
    case byToken
    case byScore
  }

  init(_ tracer: StepTracer, _ b: StepBuilder, hasHead: Bool = true) {
    (self.b, shape, options, caches) = (b, tracer.shape, tracer.options, tracer.caches)
    let chunk = tracer.options.chunk
    let tokens = b.number("tokens", in: 0...chunk)
    self.tokens = tokens
    func integers(_ name: String) -> Steps.View { b.input(name, .int32, [tokens]) }
    (ids, sequence, position) = (integers("ids"), integers("sequence"), integers("position"))
    (first, count) = (integers("first"), integers("count"))
    var closers: [Int: Steps.View] = [:]
    for ratio in Set(tracer.shape.layers.map(\.ratio).filter { $0 > 0 }).sorted() {
      // A piece of n tokens completes at most n / ratio + 1 groups.
      let most = min(chunk, chunk / ratio + tracer.options.cache.sequences)
      closers[ratio] = b.input("closer\(ratio)", .int32, [b.number("closed\(ratio)", in: 0...most)])
    }
    self.closers = closers
    row = hasHead ? b.input("row", .int32, [b.number("rows", in: 0...tracer.options.rows)]) : nil
  }

  // MARK: Weights

  /// A vector or matrix in the form that operators take it in both arithmetics.
  func wide(_ name: String, _ shape: Int...) -> Steps.View {
    b.weight(name, .float32, shape.map { Size($0) })
  }

  /// A matrix that is bf16 in the quantised arithmetic.
  func plain(_ name: String, _ outputs: Int, _ inputs: Int) -> Steps.View {
    b.weight(name, element, [Size(outputs), Size(inputs)])
  }

  /// The arguments of a quantised linear: `parameter` and its scale, or `parameter` alone in float32.
  func linear(
    _ parameter: String, _ name: String, experts: Int? = nil, _ outputs: Int, _ inputs: Int,
    _ format: WeightFormat = .fp8
  ) -> [String: Steps.View] {
    let front = experts.map { [Size($0)] } ?? []
    let matrix = front + [Size(outputs), Size(inputs)]
    guard isQuantised else { return [parameter: b.weight("\(name).weight", .float32, matrix)] }
    let scales =
      switch format {
      case .fp8: front + [Size((outputs + 127) / 128), Size((inputs + 127) / 128)]
      case .fp4: front + [Size(outputs), Size((inputs + 31) / 32)]
      }
    return [
      parameter: b.weight("\(name).weight", format == .fp8 ? .e4m3 : .e2m1, matrix),
      "\(parameter)_scale": b.weight("\(name).scale", .e8m0, scales),
    ]
  }

  /// The arguments of rows in front of a quantised linear, from the launch that made them under `result`.
  func quantised(_ parameter: String, _ results: StepBuilder.Results, _ result: String) -> [String: Steps.View] {
    guard isQuantised else { return [parameter: results[result]] }
    return ["\(parameter)_codes": results["\(result)_codes"], "\(parameter)_scale": results["\(result)_scale"]]
  }

  /// A launch's output y where it is wanted.
  func output(_ target: Steps.View?) -> [String: Steps.View] { target.map { ["y": $0] } ?? [:] }

  // MARK: The ends of the model

  var hyperConnections: HyperConnections {
    HyperConnections(
      streams: shape.streamCount, hidden: shape.hiddenSize, iterations: shape.sinkhornIterations,
      epsilon: Float(shape.hyperConnectionEpsilon), normEpsilon: Float(shape.normEpsilon))
  }

  /// Where the streams in front of a layer are written, if anything outside of the step reads them: the
  /// drafting layer reads the last, an inspection all.
  func target(_ number: Int, of layers: Int) -> Steps.View? {
    if number == layers, options.drafts, shape.drafter == .nextToken { return finalStreams }
    return options.keepsStreams ? b.output("streams.\(number)", element, streamsShape) : nil
  }

  var streamsShape: [Size] { [tokens, Size(shape.streamCount), Size(shape.hiddenSize)] }

  /// The streams behind the last layer, kept for the drafting layer's step.
  var finalStreams: Steps.View {
    let most = [Size(options.chunk)] + streamsShape.dropFirst()
    return b.state("streams.final", element, most).rows(0, count: tokens)
  }

  /// The streams that the model begins with. // [tokens, streams, hidden]
  func embedding(into target: Steps.View? = nil) throws -> Steps.View {
    try b.scope("embed") {
      try b.launch(
        embed(streams: shape.streamCount, hidden: shape.hiddenSize, arithmetic: arithmetic),
        ["token": ids, "table": plain("embed.weight", shape.vocabularySize, shape.hiddenSize)], into: output(target))["y"]
    }
  }

  /// The streams that the drafting layer begins with: the next token's embedding and the model's streams at
  /// the position before it. // [tokens, streams, hidden]
  func draftStreams() throws -> Steps.View {
    try b.scope("mtp.0.input") {
      let hidden = shape.hiddenSize
      let norms = try b.launch(
        nextTokenNorms(hyperConnections, arithmetic: arithmetic),
        [
          "token": ids, "table": plain("embed.weight", shape.vocabularySize, hidden), "streams": finalStreams,
          "enorm": wide("mtp.0.enorm.weight", hidden), "hnorm": wide("mtp.0.hnorm.weight", hidden),
        ])
      let e = try b.launch(
        projections([.quantised("e_proj", "e", outputs: hidden)], inputs: hidden, arithmetic: arithmetic),
        quantised("x", norms, "e").merging(linear("e_proj", "mtp.0.e_proj", hidden, hidden)) { $1 })["e"]
      return try b.launch(
        nextTokenInput(hyperConnections, arithmetic: arithmetic),
        quantised("h", norms, "h").merging(linear("h_proj", "mtp.0.h_proj", hidden, hidden)) { $1 }
          .merging(["e": e]) { $1 })["y"]
    }
  }

  /// Logits of the wanted rows and what tokens are drawn by. `prefix` is that of the layer whose gate
  /// weights the streams.
  func head(_ prefix: String, _ x: Steps.View, norm: String, draws: Bool) throws {
    guard let row else { preconditionFailure("the step has no wanted rows") }
    try b.scope(prefix + "head") {
      let rows = row.shape[0]
      let vocabulary = Size(shape.vocabularySize)
      let h = try b.launch(
        hcHead(hyperConnections, arithmetic: arithmetic),
        [
          "streams": x, "row": row, "hc_fn": wide("\(prefix)hc_head_fn", shape.streamCount, shape.streamCount * shape.hiddenSize),
          "hc_base": wide("\(prefix)hc_head_base", shape.streamCount), "hc_scale": wide("\(prefix)hc_head_scale", 1),
          "gain": wide(norm, shape.hiddenSize),
        ])["y"]
      let logits = try b.launch(
        projections(
          [.wide("head", "logits", outputs: shape.vocabularySize)], inputs: shape.hiddenSize, arithmetic: arithmetic),
        ["x": h, "head": plain("head.weight", shape.vocabularySize, shape.hiddenSize)],
        into: ["logits": b.output("logits", .float32, [rows, vocabulary])])["logits"]
      try b.launch(argmax(), ["x": logits], into: ["y": b.output("best", .int32, [rows])])
      guard draws else { return }
      try b.launch(
        samplingWeights(vocabulary: shape.vocabularySize),
        ["x": logits, "temperature": b.input("temperature", .float32, [rows])],
        into: ["y": b.output("weights", .float32, [rows, vocabulary])])
    }
  }
}

extension StepBuilder {
  /// Adds a launch of an operator of the library, or throws the step's first mistake.
  @discardableResult
  func launch(
    _ kernel: Kernel, _ views: [String: Steps.View], into outputs: [String: Steps.View] = [:],
    extents: [String: Size] = [:], file: String = #fileID, line: Int = #line
  ) throws(Diagnostic) -> Results {
    let results = launch(
      try kernel.program(), views, into: outputs, extents: extents, file: file, line: line)
    if let mistake { throw mistake }
    return results
  }
}
