/// What decided an obligation.
public enum Procedure: String, Hashable, Sendable, CaseIterable {
  /// Bounds of terms from the bounds of their variables.
  case intervals
  /// A linear combination of hypotheses.
  case affine
  /// The same with quotients and remainders by constants.
  case divisibility
  /// The same in every case of a finite split.
  case cases
  /// Linear algebra over F2: layouts of powers of two.
  case binary
  /// A primitive's lemma, its premise trivially true.
  case lemma
  case z3
}

/// Values of the author's names for which an obligation does not hold.
public struct Counterexample: Hashable, Sendable, CustomStringConvertible {
  public struct Value: Hashable, Sendable {
    public let name: String
    public let value: Int

    public init(_ name: String, _ value: Int) {
      self.name = name
      self.value = value
    }
  }
  /// In order of name.
  public let values: [Value]

  public init(_ values: [Value]) { self.values = values }

  public subscript(name: String) -> Int? { values.first { $0.name == name }?.value }

  public var description: String { values.map { "\($0.name) = \($0.value)" }.joined(separator: ", ") }
}

/// The answer to an obligation: the same on every run, machine and order of asking.
public enum Verdict: Hashable, Sendable {
  case proved(Procedure)
  case refuted(Counterexample)
  /// Neither proved nor refuted, and why; an error unless waived.
  case unknown(String)

  public var isProved: Bool { if case .proved = self { true } else { false } }
}
