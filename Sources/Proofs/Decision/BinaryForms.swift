/// Machine words whose every bit is a sum over F2 of bits of variables, and 1 or 0: what layouts and swizzles of
/// powers of two are made of.
struct BinaryForms {
  /// A sum of bits: those of the columns that are set, and 1 where the last one is.
  typealias Row = SIMD4<UInt64>
  private static let constantColumn = 255
  /// The first column of each variable's bits.
  private var columns: [String: Int] = [:]
  private var used = 0

  static let zero = Row(repeating: 0)
  static let one = column(constantColumn)

  static func column(_ number: Int) -> Row {
    var row = zero
    row[number / 64] = 1 << UInt64(number % 64)
    return row
  }

  /// The lowest column that is set; nil for none.
  static func leading(_ row: Row) -> Int? {
    for part in 0..<4 where row[part] != 0 { return 64 * part + row[part].trailingZeroBitCount }
    return nil
  }

  /// The bits of a word, lowest first; nil where one is no such sum.
  mutating func bits(_ word: Word) -> [Row]? {
    switch word {
    case .constant(let value, let width):
      return (0..<width).map { $0 < 64 && value >> UInt64($0) & 1 == 1 ? Self.one : Self.zero }
    case .variable(let name, let width):
      if columns[name] == nil {
        guard used + width <= Self.constantColumn else { return nil }
        columns[name] = used
        used += width
      }
      let first = columns[name]!
      return (0..<width).map { Self.column(first + $0) }
    case .not(let a): return bits(a)?.map { $0 ^ Self.one }
    case .extract(let a, let low, let width): return bits(a).map { Array($0[low..<low + width]) }
    case .concatenated(let high, let low):
      guard let low = bits(low), let high = bits(high) else { return nil }
      return low + high
    case .extended(let a, let width, let signed):
      guard let a = bits(a), let top = a.last else { return nil }
      return a + [Row](repeating: signed ? top : Self.zero, count: width - a.count)
    case .operation(let operation, let a, let b): return bits(operation, a, b)
    }
  }

  private mutating func bits(_ operation: WordOperation, _ left: Word, _ right: Word) -> [Row]? {
    guard let a = bits(left), let b = bits(right) else { return nil }
    switch operation {
    case .xor: return zip(a, b).map { $0 ^ $1 }
    case .and: return Self.each(a, b) { Self.product($0, $1) }
    case .or:
      return Self.each(a, b) { Self.product($0 ^ Self.one, $1 ^ Self.one).map { $0 ^ Self.one } }
    case .add: return Self.sum(a, b)
    case .subtract: return Self.difference(a, b)
    case .multiply:
      let (other, constant) = Self.constant(a) == nil ? (a, b) : (b, a)
      guard let factor = Self.constant(constant) else { return nil }
      var sum = [Row](repeating: Self.zero, count: a.count)
      for bit in 0..<a.count where bit < 64 && factor >> UInt64(bit) & 1 == 1 {
        guard let next = Self.sum(sum, Self.raised(other, bit)) else { return nil }
        sum = next
      }
      return sum
    case .shiftLeft: return Self.shift(b, below: a.count).map { Self.raised(a, $0) }
    case .shiftRight: return Self.shift(b, below: a.count).map { Self.lowered(a, $0, Self.zero) }
    case .shiftRightSigned: return Self.shift(b, below: a.count).map { Self.lowered(a, $0, a.last!) }
    case .divide, .remainder: return nil
    }
  }

  private static func each(_ a: [Row], _ b: [Row], _ body: (Row, Row) -> Row?) -> [Row]? {
    var found: [Row] = []
    for (x, y) in zip(a, b) {
      guard let bit = body(x, y) else { return nil }
      found.append(bit)
    }
    return found
  }

  /// The product of two bits where it is a sum: one is constant, or they are the same or opposites.
  private static func product(_ a: Row, _ b: Row) -> Row? {
    if a == zero || b == zero || a == b ^ one { return zero }
    if a == one || a == b { return b }
    return b == one ? a : nil
  }

  /// What two of three bits agree on, where it is a sum.
  private static func majority(_ a: Row, _ b: Row, _ c: Row) -> Row? {
    if a == b || a == c { return a }
    if b == c { return b }
    // Of opposites one is 1, so the third decides.
    if a == b ^ one { return c }
    if a == c ^ one { return b }
    return b == c ^ one ? a : nil
  }

  private static func sum(_ a: [Row], _ b: [Row]) -> [Row]? {
    var (found, carry): ([Row], Row) = ([], zero)
    for (position, (x, y)) in zip(a, b).enumerated() {
      found.append(x ^ y ^ carry)
      if position == a.count - 1 { break }
      guard let next = majority(x, y, carry) else { return nil }
      carry = next
    }
    return found
  }

  private static func difference(_ a: [Row], _ b: [Row]) -> [Row]? {
    var (found, borrow): ([Row], Row) = ([], zero)
    for (position, (x, y)) in zip(a, b).enumerated() {
      found.append(x ^ y ^ borrow)
      if position == a.count - 1 { break }
      guard let next = majority(x ^ one, y, borrow) else { return nil }
      borrow = next
    }
    return found
  }

  private static func raised(_ a: [Row], _ bits: Int) -> [Row] {
    [Row](repeating: zero, count: bits) + a.dropLast(bits)
  }

  private static func lowered(_ a: [Row], _ bits: Int, _ filler: Row) -> [Row] {
    a.dropFirst(bits) + [Row](repeating: filler, count: bits)
  }

  private static func shift(_ b: [Row], below width: Int) -> Int? {
    constant(b).flatMap { $0 < UInt64(width) ? Int($0) : nil }
  }

  private static func constant(_ a: [Row]) -> UInt64? {
    var value: UInt64 = 0
    for (position, bit) in a.enumerated() where bit != zero {
      guard bit == one, position < 64 else { return nil }
      value |= 1 << UInt64(position)
    }
    return value
  }
}

/// A system of equations between sums of bits, by elimination: all that follows from it is found.
struct BinarySystem {
  /// Equations `row = 0` by their leading column, each of a column of its own.
  private var rows: [(leading: Int, row: BinaryForms.Row)] = []
  /// Whether nothing solves it.
  private(set) var isContradictory = false

  var rank: Int { rows.count }

  private func reduced(_ row: BinaryForms.Row) -> BinaryForms.Row {
    var rest = row
    for (leading, row) in rows where rest[leading / 64] >> UInt64(leading % 64) & 1 == 1 { rest ^= row }
    return rest
  }

  mutating func add(_ row: BinaryForms.Row) {
    let rest = reduced(row)
    guard rest != BinaryForms.zero else { return }
    guard rest != BinaryForms.one, let leading = BinaryForms.leading(rest) else {
      isContradictory = true
      return
    }
    rows.append((leading, rest))
  }

  func implies(_ row: BinaryForms.Row) -> Bool { isContradictory || reduced(row) == BinaryForms.zero }
}

/// Decides statements about equal words: whether the goal's equations are sums of the hypotheses'.
struct BinaryProof {
  private var forms = BinaryForms()

  /// Whether `goal` follows. Hypotheses that are no equations of such words are left out.
  static func proves(_ goal: Formula, from hypotheses: [Formula]) -> Bool {
    var proof = BinaryProof()
    var system = BinarySystem()
    for hypothesis in hypotheses {
      for row in proof.equations(hypothesis) ?? [] { system.add(row) }
    }
    if case .not(let equation) = goal {
      guard let rows = proof.equations(equation) else { return false }
      for row in rows { system.add(row) }
      return system.isContradictory
    }
    guard let rows = proof.equations(goal) else { return false }
    return rows.allSatisfy { system.implies($0) }
  }

  private mutating func equations(_ formula: Formula) -> [BinaryForms.Row]? {
    switch formula {
    case .truth(true): return []
    case .words(let a, .equal, let b):
      guard let x = forms.bits(a), let y = forms.bits(b), x.count == y.count else { return nil }
      return zip(x, y).map { $0 ^ $1 }
    case .and(let parts):
      var found: [BinaryForms.Row] = []
      for part in parts {
        guard let rows = equations(part) else { return nil }
        found += rows
      }
      return found
    default: return nil
    }
  }
}
