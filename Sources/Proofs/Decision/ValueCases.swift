/// Statements about a number of few values under quotients, such as the number of a lane: tried for each of its
/// values, which leaves quotients of other numbers only.
struct ValueCases {
  private static let mostValues = 1024
  /// Eliminations for one value.
  private static let budget = 60

  /// Whether the goal holds wherever the hypotheses do; false too where that would take too long to try.
  static func proves(_ goal: Formula, from hypotheses: [Formula]) -> Bool {
    var counts: [Variable: Int] = [:]
    for formula in hypotheses + [goal] {
      formula.visitQuotients { $0.visitVariables { counts[$0, default: 0] += 1 } }
    }
    let candidates = counts.keys.compactMap { variable -> (variable: Variable, range: ClosedRange<Int>)? in
      guard let lower = variable.lower, let upper = variable.upper, lower <= upper, upper - lower < mostValues
      else {
        return nil
      }
      return (variable, lower...upper)
    }
    // The one that is met most often, ties by name.
    let best = candidates.max { a, b in
      let (x, y) = (counts[a.variable]!, counts[b.variable]!)
      return x != y ? x < y : a.variable > b.variable
    }
    guard let best else { return false }
    // A statement that does not hold mostly fails at an end.
    return ([best.range.upperBound] + best.range.dropLast()).allSatisfy { value in
      holds(goal, from: hypotheses, [best.variable: .constant(value)])
    }
  }

  private static func holds(_ goal: Formula, from hypotheses: [Formula], _ value: [Variable: Term]) -> Bool {
    let goal = goal.replacing(value)
    if Interval.truth(goal) == true { return true }
    let hypotheses = hypotheses.map { $0.replacing(value) }.filter { Interval.truth($0) != true }
    if hypotheses.contains(where: { Interval.truth($0) == false }) { return true }
    let parts = if case .and(let parts) = goal { parts } else { [goal] }
    return parts.allSatisfy { part in
      var refutation = LinearRefutation(budget: budget)
      return Interval.truth(part) == true || refutation.refutes(hypotheses + [!part])
    }
  }
}

extension Formula {
  /// Calls `body` on every term that it divides.
  fileprivate func visitQuotients(_ body: (Term) -> Void) {
    switch self {
    case .truth, .words: break
    case .compare(let a, _, let b):
      a.visitQuotients(body)
      b.visitQuotients(body)
    case .not(let a): a.visitQuotients(body)
    case .and(let parts), .or(let parts): for part in parts { part.visitQuotients(body) }
    }
  }
}

extension Term {
  fileprivate func visitQuotients(_ body: (Term) -> Void) {
    switch self {
    case .constant, .variable: break
    case .sum(let a, let b), .product(let a, let b), .minimum(let a, let b), .maximum(let a, let b):
      a.visitQuotients(body)
      b.visitQuotients(body)
    case .scaled(let a, _): a.visitQuotients(body)
    case .quotient(let a, _), .remainder(let a, _):
      body(a)
      a.visitQuotients(body)
    case .choice(let condition, let a, let b):
      condition.visitQuotients(body)
      a.visitQuotients(body)
      b.visitQuotients(body)
    }
  }
}
