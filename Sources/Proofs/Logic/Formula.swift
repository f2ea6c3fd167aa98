/// How two integers compare.
public enum IntegerRelation: String, Hashable, Sendable {
  case equal = "="
  case less = "<"
  case lessOrEqual = "<="
}

/// A statement about integers, or about machine words: the two kinds of terms meet in formulas only, and
/// nothing converts one into the other.
public indirect enum Formula: Hashable, Sendable {
  case truth(Bool)
  case compare(Term, IntegerRelation, Term)
  case words(Word, WordRelation, Word)
  case not(Formula)
  case and([Formula])
  case or([Formula])

  public static prefix func ! (a: Formula) -> Formula {
    switch a {
    case .truth(let value): .truth(!value)
    case .not(let inner): inner
    default: .not(a)
    }
  }
  public static func && (a: Formula, b: Formula) -> Formula { .all([a, b]) }
  public static func || (a: Formula, b: Formula) -> Formula { .any([a, b]) }

  /// The conjunction; flat, without what is trivially true.
  public static func all(_ parts: [Formula]) -> Formula {
    var flat: [Formula] = []
    for part in parts {
      switch part {
      case .truth(true): continue
      case .truth(false): return .truth(false)
      case .and(let inner): flat += inner
      default: flat.append(part)
      }
    }
    return flat.isEmpty ? .truth(true) : flat.count == 1 ? flat[0] : .and(flat)
  }

  /// The disjunction; flat, without what is trivially false.
  public static func any(_ parts: [Formula]) -> Formula {
    var flat: [Formula] = []
    for part in parts {
      switch part {
      case .truth(false): continue
      case .truth(true): return .truth(true)
      case .or(let inner): flat += inner
      default: flat.append(part)
      }
    }
    return flat.isEmpty ? .truth(false) : flat.count == 1 ? flat[0] : .or(flat)
  }

  /// `conclusion` where `self` holds.
  public func implies(_ conclusion: Formula) -> Formula { !self || conclusion }

  /// Calls `body` on every integer variable in it, in order of appearance.
  public func visitVariables(_ body: (Variable) -> Void) {
    switch self {
    case .truth, .words: break
    case .compare(let a, _, let b):
      a.visitVariables(body)
      b.visitVariables(body)
    case .not(let a): a.visitVariables(body)
    case .and(let parts), .or(let parts): for part in parts { part.visitVariables(body) }
    }
  }

  /// Calls `body` on every pair of words that it compares.
  public func visitWords(_ body: (Word) -> Void) {
    switch self {
    case .truth, .compare: break
    case .words(let a, _, let b):
      body(a)
      body(b)
    case .not(let a): a.visitWords(body)
    case .and(let parts), .or(let parts): for part in parts { part.visitWords(body) }
    }
  }

  /// The formula with other terms in place of integer variables.
  public func replacing(_ terms: [Variable: Term]) -> Formula {
    switch self {
    case .truth, .words: self
    case .compare(let a, let relation, let b):
      Self.comparing(a.replacing(terms), relation, b.replacing(terms))
    case .not(let a): !a.replacing(terms)
    case .and(let parts): .all(parts.map { $0.replacing(terms) })
    case .or(let parts): .any(parts.map { $0.replacing(terms) })
    }
  }

  static func comparing(_ a: Term, _ relation: IntegerRelation, _ b: Term) -> Formula {
    if case .constant(let x) = a, case .constant(let y) = b {
      switch relation {
      case .equal: return .truth(x == y)
      case .less: return .truth(x < y)
      case .lessOrEqual: return .truth(x <= y)
      }
    }
    if a == b { return .truth(relation != .less) }
    return .compare(a, relation, b)
  }
}

infix operator .==: ComparisonPrecedence
infix operator .!=: ComparisonPrecedence
infix operator .<: ComparisonPrecedence
infix operator .<=: ComparisonPrecedence

/// Comparisons of terms are formulas, not Swift's `Bool`.
extension Term {
  public static func .== (a: Term, b: Term) -> Formula { .comparing(a, .equal, b) }
  public static func .!= (a: Term, b: Term) -> Formula { !(a .== b) }
  public static func .< (a: Term, b: Term) -> Formula { .comparing(a, .less, b) }
  public static func .<= (a: Term, b: Term) -> Formula { .comparing(a, .lessOrEqual, b) }
  /// Whether `self` is a coordinate of an axis of this extent.
  public func isCoordinate(of extent: Term) -> Formula { (.constant(0) .<= self) && (self .< extent) }
  public func isIn(_ range: ClosedRange<Int>) -> Formula {
    (.constant(range.lowerBound) .<= self) && (self .<= .constant(range.upperBound))
  }
}
