import TileIR

/// What kind of thing an obligation promises.
public enum ObligationKind: String, Hashable, Sendable, CaseIterable {
  /// An access names an element that exists.
  case inBounds
  /// What is read was written, or is an input.
  case defined
  /// No element is written by two cells, or twice by one.
  case writtenOnce
  /// Every element of an output is written.
  case covered
  /// No cell reads what another writes.
  case independentCells
  /// A whole-axis operation takes each element of the axis once.
  case countedOnce
  /// A number stays within the width that a machine gives it.
  case noOverflow
  /// Integers written to a buffer are such as the buffer declares, and lengths such as their axis declares.
  case withinRefinement
  /// Equal candidates are told apart by a rule.
  case totalOrder
  /// On-chip memories that are alive together do not overlap, and fit.
  case disjointScratch
  case aligned
  /// Conflicting accesses are ordered by synchronisation.
  case ordered
  /// No asynchronous copy is under way to a place that is touched, or from one that changes.
  case inFlight
  /// Addends meet in the order that the numeric class states.
  case reductionOrder
  /// Integer partial sums are exact.
  case exactAccumulator
  /// A layout is a bijection.
  case bijection
}

/// One thing to prove of a kernel: `goal` follows from `hypotheses` for all values of the variables within
/// their declared bounds.
public struct Obligation: Hashable, Sendable {
  public let kind: ObligationKind
  public let kernel: String
  public let location: SourceLocation
  /// What it is about, such as the buffer's name.
  public let subject: String
  /// What is promised, in the author's names: `x[rows, width + 1]: width + 1 < 4096, width's extent`.
  public let sentence: String
  public let hypotheses: [Formula]
  public let goal: Formula
  /// The lemma of a primitive that discharges it where the logic does not speak of it, such as "top-k
  /// breaks ties by the lower coordinate"; `goal` is then the lemma's premise.
  public let lemma: String?

  public init(
    _ kind: ObligationKind, kernel: String, at location: SourceLocation, _ sentence: String,
    about subject: String = "", hypotheses: [Formula] = [], goal: Formula, lemma: String? = nil
  ) {
    self.kind = kind
    self.kernel = kernel
    self.location = location
    self.subject = subject
    self.sentence = sentence
    self.hypotheses = hypotheses
    self.goal = goal
    self.lemma = lemma
  }

  /// What a waiver calls it: kind and subject.
  public var name: String { subject.isEmpty ? kind.rawValue : "\(kind.rawValue) \(subject)" }

  /// What must have no model: declarations, bounds, hypotheses, and the goal denied. Any SMT-LIB 2 solver
  /// reads it; `unsat` is proved.
  public var smtText: String { query.text }

  /// The query with what a model of it is asked for.
  var query: Query { Query(self) }
}

/// The text of an obligation and the names in it.
struct Query {
  let text: String
  /// Integer variables by name.
  let variables: [Variable]
  /// Machine words by name, with their widths.
  let words: [(name: String, width: Int)]

  init(_ obligation: Obligation) {
    var variables: Set<Variable> = []
    var words: [String: Int] = [:]
    let formulas = obligation.hypotheses + [obligation.goal]
    for formula in formulas {
      formula.visitVariables { variables.insert($0) }
      formula.visitWords { $0.visitVariables { words[$0] = $1 } }
    }
    self.variables = variables.sorted()
    self.words = words.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
    var text = "(set-logic \(Self.logic(formulas, hasWords: !words.isEmpty)))\n"
    for variable in self.variables {
      let name = variable.name.smtSymbol
      text += "(declare-const \(name) Int)\n"
      if let lower = variable.lower { text += "(assert (<= \(Term.constant(lower).smtText) \(name)))\n" }
      if let upper = variable.upper { text += "(assert (<= \(name) \(Term.constant(upper).smtText)))\n" }
    }
    for (name, width) in self.words { text += "(declare-const \(name.smtSymbol) (_ BitVec \(width)))\n" }
    for hypothesis in obligation.hypotheses { text += "(assert \(hypothesis.smtText))\n" }
    text += "(assert (not \(obligation.goal.smtText)))\n(check-sat)\n"
    self.text = text
  }

  private static func logic(_ formulas: [Formula], hasWords: Bool) -> String {
    let hasProducts = formulas.contains(where: \.hasProducts)
    var hasIntegers = false
    for formula in formulas { formula.visitVariables { _ in hasIntegers = true } }
    if hasWords && hasIntegers { return "ALL" }
    return hasWords ? "QF_BV" : hasProducts ? "QF_NIA" : "QF_LIA"
  }
}
