import TileIR

/// The obligations of one kernel as a text that any SMT-LIB 2 solver reads: one query each, which answers
/// `unsat`, with what was decided and how in comments.
public struct Certificate: Sendable {
  /// What it is about: an operator and its instance, a machine.
  public let title: String
  public let results: [(obligation: Obligation, verdict: Verdict, waiver: Waiver?)]

  public init(title: String, _ results: [(obligation: Obligation, verdict: Verdict, waiver: Waiver?)]) {
    self.title = title
    self.results = results
  }

  public init(title: String, _ proof: Proof) {
    self.init(title: title, proof.results.map { ($0.obligation, $0.verdict, $0.waiver) })
  }

  /// The first line says how many queries follow, so that one cut short is seen.
  public var text: String {
    var text = "; tessera-certificate 1, \(results.count) queries\n; \(Self.comment(title))\n"
    for (number, result) in results.enumerated() {
      let obligation = result.obligation
      text += "\n; \(number + 1). \(Self.comment("\(obligation.location): \(obligation.name)"))\n"
      text += "; \(Self.comment(obligation.sentence))\n"
      if let lemma = obligation.lemma { text += "; premise of the lemma: \(Self.comment(lemma))\n" }
      text += "; \(Self.comment(decision(result.verdict, result.waiver)))\n(reset)\n\(obligation.smtText)"
    }
    return text
  }

  private func decision(_ verdict: Verdict, _ waiver: Waiver?) -> String {
    switch verdict {
    case .proved(let procedure): return "proved by \(procedure.rawValue)"
    case .refuted(let counterexample): return "refuted: \(counterexample)"
    case .unknown(let reason):
      return waiver.map { "waived at \($0.location) because \($0.reason)" } ?? "unknown: \(reason)"
    }
  }

  /// On one line.
  private static func comment(_ text: String) -> String { text.replacing("\n", with: " ") }

  /// How many queries a certificate's first line promises; nil where it is none.
  public static func queryCount(of text: String) -> Int? {
    guard let match = text.prefixMatch(of: /; tessera-certificate 1, (\d+) queries\n/) else { return nil }
    return Int(match.1)
  }
}
