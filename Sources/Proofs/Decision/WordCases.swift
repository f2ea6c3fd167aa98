/// Statements about machine words of few bits, tried for every value of their variables: layouts that are not linear
/// over F2, such as rows of a length that is no power of two.
struct WordCases {
  /// Bits of all variables together, or of each where two words are to be equal.
  private static let mostBits = 16

  /// One side of a relation: a word of at most one variable, for each of its values.
  private struct Side {
    let variable: Int?
    let values: [UInt64]
  }

  private indirect enum Node {
    case truth(Bool)
    case relation(Side, WordRelation, Side, width: Int)
    case not(Node)
    case all([Node])
    case any([Node])
  }

  private var names: [String] = []
  private var widths: [Int] = []

  /// Whether the goal holds wherever the hypotheses do; false too where that would take too long to try.
  static func proves(_ goal: Formula, from hypotheses: [Formula]) -> Bool {
    var cases = WordCases()
    guard let node = cases.node(.all(hypotheses + [!goal])), !cases.names.isEmpty else { return false }
    if let pairs = cases.equalPairs(node) { return !pairs.contains { holds(node, $0) } }
    let bits = cases.widths.reduce(0, +)
    guard bits <= mostBits else { return false }
    var values = [Int](repeating: 0, count: cases.names.count)
    for number in 0..<1 << bits {
      var rest = number
      for (position, width) in cases.widths.enumerated() {
        values[position] = rest & ((1 << width) - 1)
        rest >>= width
      }
      if holds(node, values) { return false }
    }
    return true
  }

  /// Where two words of one variable each are to be equal, the values that make them so: those of a layout with many
  /// lanes are few among all. nil where nothing of the kind is asked, or there are many.
  private func equalPairs(_ node: Node) -> [[Int]]? {
    guard names.count == 2, case .all(let parts) = node else { return nil }
    for case .relation(let a, .equal, let b, _) in parts {
      guard let first = a.variable, let second = b.variable, first != second else { continue }
      var places: [UInt64: [Int]] = [:]
      for (number, value) in b.values.enumerated() { places[value, default: []].append(number) }
      var pairs: [[Int]] = []
      for (number, value) in a.values.enumerated() {
        for other in places[value] ?? [] {
          guard pairs.count < 1 << Self.mostBits else { return nil }
          pairs.append(first == 0 ? [number, other] : [other, number])
        }
      }
      return pairs
    }
    return nil
  }

  private static func holds(_ node: Node, _ values: [Int]) -> Bool {
    switch node {
    case .truth(let value): return value
    case .not(let a): return !holds(a, values)
    case .all(let parts): return parts.allSatisfy { holds($0, values) }
    case .any(let parts): return parts.contains { holds($0, values) }
    case .relation(let left, let relation, let right, let width):
      let a = left.values[left.variable.map { values[$0] } ?? 0]
      let b = right.values[right.variable.map { values[$0] } ?? 0]
      switch relation {
      case .equal: return a == b
      case .unsignedLess: return a < b
      case .signedLess: return signed(a, width) < signed(b, width)
      }
    }
  }

  /// nil where it speaks of other things than words, or of words of several variables.
  private mutating func node(_ formula: Formula) -> Node? {
    switch formula {
    case .truth(let value): return .truth(value)
    case .compare: return nil
    case .not(let a): return node(a).map(Node.not)
    case .and(let parts), .or(let parts):
      var nodes: [Node] = []
      for part in parts {
        guard let node = node(part) else { return nil }
        nodes.append(node)
      }
      if case .and = formula { return .all(nodes) }
      return .any(nodes)
    case .words(let a, let relation, let b):
      guard a.width <= 64, let left = side(a), let right = side(b) else { return nil }
      return .relation(left, relation, right, width: a.width)
    }
  }

  private mutating func side(_ word: Word) -> Side? {
    var found: [String: Int] = [:]
    word.visitVariables { found[$0] = $1 }
    guard let (name, width) = found.first else {
      return Self.value(word, 0).map { Side(variable: nil, values: [$0]) }
    }
    guard found.count == 1, width <= Self.mostBits else { return nil }
    if !names.contains(name) {
      names.append(name)
      widths.append(width)
    }
    var values: [UInt64] = []
    for number in 0..<UInt64(1) << UInt64(width) {
      guard let value = Self.value(word, number) else { return nil }
      values.append(value)
    }
    return Side(variable: names.firstIndex(of: name)!, values: values)
  }

  private static func mask(_ width: Int) -> UInt64 { width >= 64 ? .max : 1 << UInt64(width) - 1 }

  private static func signed(_ value: UInt64, _ width: Int) -> Int64 {
    Int64(bitPattern: value << UInt64(64 - width)) >> Int64(64 - width)
  }

  /// The word where its variable has this value; nil above 64 bits.
  private static func value(_ word: Word, _ variable: UInt64) -> UInt64? {
    guard word.width <= 64 else { return nil }
    switch word {
    case .constant(let value, let width): return value & mask(width)
    case .variable(_, let width): return variable & mask(width)
    case .not(let a): return value(a, variable).map { ~$0 & mask(a.width) }
    case .extract(let a, let low, let width):
      return value(a, variable).map { $0 >> UInt64(low) & mask(width) }
    case .concatenated(let high, let low):
      guard let high = value(high, variable), let below = value(low, variable) else { return nil }
      return high << UInt64(low.width) | below
    case .extended(let a, let width, let isSigned):
      return value(a, variable).map { isSigned ? UInt64(bitPattern: signed($0, a.width)) & mask(width) : $0 }
    case .operation(let operation, let left, let right):
      guard let a = value(left, variable), let b = value(right, variable) else { return nil }
      return result(operation, a, b, left.width) & mask(left.width)
    }
  }

  /// As SMT-LIB defines the operations; bits above the width count nothing.
  private static func result(_ operation: WordOperation, _ a: UInt64, _ b: UInt64, _ width: Int) -> UInt64 {
    switch operation {
    case .add: a &+ b
    case .subtract: a &- b
    case .multiply: a &* b
    case .and: a & b
    case .or: a | b
    case .xor: a ^ b
    case .shiftLeft: b < width ? a << b : 0
    case .shiftRight: b < width ? a >> b : 0
    case .shiftRightSigned: UInt64(bitPattern: signed(a, width) >> Int64(min(b, UInt64(width - 1))))
    case .divide: b == 0 ? .max : a / b
    case .remainder: b == 0 ? a : a % b
    }
  }
}
