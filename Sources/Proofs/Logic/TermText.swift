/// Terms and formulas as an author reads them: `start + rows % 16`.
extension Term: CustomStringConvertible {
  public var description: String {
    switch self {
    case .constant(let value): "\(value)"
    case .variable(let variable): variable.name
    case .sum(let a, .constant(let b)) where b < 0 && b > Int.min: "\(a) - \(-b)"
    case .sum(let a, .scaled(let b, -1)): "\(a) - \(b.factorText)"
    case .sum(let a, let b): "\(a) + \(b)"
    case .scaled(let a, let factor): "\(a.factorText) * \(factor)"
    case .product(let a, let b): "\(a.factorText) * \(b.factorText)"
    case .quotient(let a, let divisor): "\(a.factorText) / \(divisor)"
    case .remainder(let a, let divisor): "\(a.factorText) % \(divisor)"
    case .minimum(let a, let b): "min(\(a), \(b))"
    case .maximum(let a, let b): "max(\(a), \(b))"
    case .choice(let condition, let a, let b): "(\(condition) ? \(a) : \(b))"
    }
  }

  private var factorText: String {
    switch self {
    case .sum, .scaled, .product, .quotient, .remainder: "(\(self))"
    case .constant, .variable, .minimum, .maximum, .choice: description
    }
  }
}

extension Formula: CustomStringConvertible {
  public var description: String {
    switch self {
    case .truth(let value): "\(value)"
    case .compare(let a, let relation, let b): "\(a) \(relation == .equal ? "==" : relation.rawValue) \(b)"
    case .words(let a, let relation, let b): "\(relation.rawValue)(\(a.smtText), \(b.smtText))"
    case .not(.compare(let a, .less, let b)): "\(b) <= \(a)"
    case .not(.compare(let a, .lessOrEqual, let b)): "\(b) < \(a)"
    case .not(.compare(let a, .equal, let b)): "\(a) != \(b)"
    case .not(let a): "not (\(a))"
    case .and(let parts): parts.map(\.partText).joined(separator: " and ")
    case .or(let parts): parts.map(\.partText).joined(separator: " or ")
    }
  }

  private var partText: String {
    switch self {
    case .and, .or: "(\(self))"
    default: description
    }
  }
}
