import Foundation

/// How a sequence is continued.
public struct GenerationRequest: Sendable {
  public var sampling: Sampling
  /// Tokens to make at most.
  public var most: Int
  /// Tokens that end the text; the one that comes is reported last.
  public var stops: Set<Int32>
  /// Whether the drafting layer proposes tokens that the model checks two at a time. What comes out is the
  /// same.
  public var speculates: Bool

  public init(
    sampling: Sampling = .greedy, most: Int, stops: Set<Int32> = [], speculates: Bool = true
  ) {
    self.sampling = sampling
    self.most = most
    self.stops = stops
    self.speculates = speculates
  }
}

/// What a continuation took.
public struct GenerationReport: Sendable {
  public var promptTokens = 0
  public var promptSeconds = 0.0
  public var tokens = 0
  public var seconds = 0.0
  /// Runs of the model behind the prompt's.
  public var runs = 0
  /// Drafted tokens that the model would have chosen itself.
  public var accepted = 0

  /// 0 where nothing was made.
  public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
}

extension Model {
  /// Continues a sequence behind `prompt`, which begins with the tokens that the sequence already has.
  ///
  /// The token behind position p is drawn by the seed and p alone, so that the same text comes whatever the
  /// chunks, the other sequences and the drafts. The last token that comes is not yet in the caches.
  ///
  /// - Parameter body: takes each token as it comes and says whether to go on.
  public func generate(
    _ sequence: Int, prompt: [Int32], _ request: GenerationRequest, _ body: (Int32) throws -> Bool
  ) throws -> GenerationReport {
    var report = GenerationReport()
    let speculates = request.speculates && draft != nil && options.rows > 1
    let began = Date()
    report.promptTokens = prompt.count - sequences.length(sequence)
    var next = try prefill(sequence, prompt, request.sampling, drafts: speculates)
    let prefilled = Date()
    report.promptSeconds = prefilled.timeIntervalSince(began)
    var proposal = speculates ? drafted(0) : nil
    while true {
      report.tokens += 1
      guard try body(next), report.tokens < request.most, !request.stops.contains(next) else { break }
      let start = sequences.length(sequence)
      guard start < options.cache.context else { break }
      // A draft has no room at the very end of the context.
      let tokens = start + 1 < options.cache.context ? [next] + (proposal.map { [$0] } ?? []) : [next]
      let batch = Batch([
        Batch.Piece(sequence: sequence, start: start, tokens: tokens, wanted: tokens.count)
      ])
      report.runs += 1
      try run(batch, temperatures: tokens.map { _ in request.sampling.temperature })
      let first = choose(0, request.sampling, at: start)
      let isAccepted = tokens.count == 2 && tokens[1] == first
      let last = isAccepted ? choose(1, request.sampling, at: start + 1) : first
      if !isAccepted { sequences.rollBack(sequence, to: start + 1) }
      if speculates {
        try runDraft(batch) { _, place in place == 0 ? first : last }
        proposal = drafted(isAccepted ? 1 : 0)
      }
      if isAccepted {
        report.accepted += 1
        report.tokens += 1
        guard try body(first), report.tokens < request.most, !request.stops.contains(first) else {
          sequences.rollBack(sequence, to: start + 1)
          break
        }
      }
      next = last
    }
    report.seconds = Date().timeIntervalSince(prefilled)
    return report
  }

  /// Runs what a sequence lacks of `prompt` and returns the token behind it.
  func prefill(
    _ sequence: Int, _ prompt: [Int32], _ sampling: Sampling, drafts: Bool
  ) throws -> Int32 {
    let known = sequences.length(sequence)
    precondition(
      prompt.count > known && Array(prompt.prefix(known)) == sequences.tokens[sequence],
      "a prompt begins with what the sequence has and goes on")
    var next: Int32 = 0
    for start in stride(from: known, to: prompt.count, by: options.chunk) {
      let end = min(start + options.chunk, prompt.count)
      let isLast = end == prompt.count
      let batch = Batch([
        Batch.Piece(sequence: sequence, start: start, tokens: Array(prompt[start..<end]), wanted: isLast ? 1 : 0)
      ])
      try run(batch, temperatures: [sampling.temperature])
      next = isLast ? choose(0, sampling, at: end - 1) : prompt[end]
      if drafts { try runDraft(batch) { _, place in start + place + 1 < end ? prompt[start + place + 1] : next } }
    }
    return next
  }
}
