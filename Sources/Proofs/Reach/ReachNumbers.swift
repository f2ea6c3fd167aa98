import MachineIR
import TileIR

/// The integers of a plan's kernel and of its pipe program, in one table: the same number wherever the same operations
/// meet the same numbers.
///
/// What the vector unit computes is not followed. In the plan such an integer is `opaque`; the scalar unit of the pipe
/// program has it by reading it back, as a `read`. Which read is which integer is found where places are compared.
struct ReachNumbers {
  /// What a number is made by, apart from the numbers that it is made of.
  enum Shape: Hashable {
    /// A number of the launch, a core's, a cell's.
    case given(String)
    /// Rounds done of the loop of a counter, the how many-th of its name; made of the loop's bounds and step.
    case round(String, occurrence: Int)
    /// The number of a lane among so many, and a lane's own place, by what the plan computes it as.
    case lane, place
    /// A variable at the beginning of a loop's round, and behind the loop; made of the loop's rounds.
    case carried(String)
    case left(String)
    /// An element of main memory, after so many stores to its buffer; made of its place.
    case loaded(String, epoch: Int)
    /// One of two numbers; made of those of the facts that choose the first, and of both.
    case chosen([ReachFact.Kind])
    /// 1 where all facts hold, else 0.
    case truth([ReachFact.Kind])
    case applied(Instruction)
    case opaque(Expression, statement: Int)
    case read(Int)
    case floor(Int)
    case minimum, maximum
  }
  struct Origin: Hashable {
    let shape: Shape
    let operands: [Polynomial]
  }

  var prover = BoundElimination()
  /// Integers and truth values by the names that they have on the side that is walked.
  var values: [String: Polynomial] = [:]
  /// The statement at hand, and whether it is the pipe program's.
  var statement = 0
  var isOfPipes = false
  /// How many stores to each buffer have come before.
  var epochs: [String: Int] = [:]
  /// The numbers of a pair and of its cells, of which quotients by an even number are the same
  /// (`MachineKernel.isOfPair`), those of the first standing for all; none where there are no pairs, or odd ones.
  var cellsOfPair: [Polynomial] = []
  /// Numbers of the launch that are even.
  var evenNumbers: Set<Polynomial> = []
  private var symbols: [Origin: Symbol] = [:]
  private var origins: [Symbol: Origin] = [:]
  private var reads = 0

  // MARK: Symbols

  /// The number of an origin.
  mutating func make(_ shape: Shape, _ operands: [Polynomial] = []) -> Polynomial {
    guard operands.allSatisfy(\.isValid) else { return .invalid }
    var operands = operands
    switch shape {
    case .applied(.quotient) where cellsOfPair.contains(operands[0]):
      let isEven = operands[1].constant.map { $0 > 0 && $0 % 2 == 0 } ?? evenNumbers.contains(operands[1])
      if isEven { operands[0] = cellsOfPair[0] }
    case .floor(let n): return prover.with { $0.floor(operands[0], by: n) }
    case .minimum, .maximum:
      return prover.with { $0.extremum(operands[0], operands[1], isMinimum: shape == .minimum) }
    default: break
    }
    let origin = Origin(shape: shape, operands: operands)
    if let known = symbols[origin] { return Polynomial(known) }
    let symbol = prover.with { table -> Symbol in
      switch shape {
      case .truth: return table.add("truth", 0...1)
      case .chosen(let kinds):
        let facts = zip(kinds, operands).map { ReachFact(kind: $0, number: $1) }
        let (a, b) = (operands[kinds.count], operands[kinds.count + 1])
        return table.add(
          "chosen", meaning: .choice,
          alternatives: [
            SymbolTable.Alternative(value: a, facts: facts.flatMap(\.bounds)),
            SymbolTable.Alternative(value: b, facts: facts.count == 1 ? facts[0].negated.bounds : []),
          ])
      case .lane:
        return table.add("lane", lowers: [.init(Polynomial(0))], uppers: [.init(operands[0] - 1)])
      case .round:
        let (length, step) = (operands[1] - operands[0], operands[2].constant ?? 1)
        let (quotient, rest) = length.divided(by: max(1, step))
        let most =
          rest.constant == 0
          ? SymbolTable.Bound(quotient - 1) : SymbolTable.Bound(length - 1, factor: max(1, step))
        return table.add("round", lowers: [.init(Polynomial(0))], uppers: [most])
      default: return table.add("\(shape)")
      }
    }
    guard symbol != .lost else { return .invalid }
    symbols[origin] = symbol
    origins[symbol] = origin
    return Polynomial(symbol)
  }

  /// What a number was made of; nil for one of the table's that has no parts.
  func origin(of symbol: Symbol) -> Origin? {
    if let known = origins[symbol] { return known }
    switch prover.table[symbol].meaning {
    case .floor(let a, let n): return Origin(shape: .floor(n), operands: [a])
    case .minimum(let a, let b): return Origin(shape: .minimum, operands: [a, b])
    case .maximum(let a, let b): return Origin(shape: .maximum, operands: [a, b])
    case .number, .choice: return nil
    }
  }

  /// What the scalar unit reads back: a number of its own each time.
  mutating func read() -> Polynomial {
    reads += 1
    return make(.read(reads))
  }

  /// The polynomial with `change` put in place of symbols, also inside what others are made of.
  mutating func rebuilt(_ number: Polynomial, _ change: (Symbol) -> Polynomial?) -> Polynomial {
    var result = number
    for symbol in Set(number.parts.flatMap { Polynomial.symbols($0.symbols) }) {
      if let value = change(symbol) {
        result = result.replacing(symbol, value)
      } else if let origin = origin(of: symbol), !origin.operands.isEmpty {
        let operands = origin.operands.map { rebuilt($0, change) }
        if operands != origin.operands { result = result.replacing(symbol, make(origin.shape, operands)) }
      }
    }
    return result
  }

  // MARK: Expressions

  static func isFollowed(_ type: MachineType) -> Bool {
    type.lanes == 1 && (type == .index || type.scalar == .i32 || type.scalar == .mask)
  }

  /// An integer or truth value of one lane.
  mutating func number(_ expression: Expression) -> Polynomial {
    guard Self.isFollowed(expression.type) else { return opaque(expression) }
    switch expression {
    case .variable(let variable): return values[variable.name] ?? opaque(expression)
    case .integer(let value, let type):
      return Polynomial(type.scalar == .mask ? (value == 0 ? 0 : 1) : Int(value))
    case .conditional(let condition, let a, let b): return chosen(condition, a, b)
    case .load(let access, _, nil) where access.element == .int32:
      return make(.loaded(access.buffer, epoch: epochs[access.buffer, default: 0]), [number(access.offset)])
    case .apply(.select, let operands, _): return chosen(operands[0], operands[1], operands[2])
    case .apply(let instruction, let operands, let type):
      guard operands.allSatisfy({ Self.isFollowed($0.type) }) else { return opaque(expression) }
      return type.scalar == .mask ? truth(expression) : number(instruction, operands.map { number($0) })
    default: return opaque(expression)
    }
  }

  private mutating func opaque(_ expression: Expression) -> Polynomial {
    isOfPipes ? read() : make(.opaque(expression, statement: statement))
  }

  private mutating func number(_ instruction: Instruction, _ operands: [Polynomial]) -> Polynomial {
    let first = operands[0]
    switch instruction {
    case .add: return first + operands[1]
    case .subtract: return first - operands[1]
    case .multiply: return first * operands[1]
    case .negate: return first * -1
    case .minimum: return make(.minimum, operands)
    case .maximum: return make(.maximum, operands)
    case .divideFloor(let n): return make(.floor(n), [first])
    case .remainderFloor(let n): return first - make(.floor(n), [first]) * n
    // That integers fit their registers is part of the proof of the plan.
    case .convert: return first
    default: return make(.applied(instruction), operands)
    }
  }

  private mutating func chosen(_ condition: Expression, _ a: Expression, _ b: Expression) -> Polynomial {
    guard let whenTrue = facts(condition, true) else { return number(b) }
    guard facts(condition, false) != nil else { return number(a) }
    return chosen(whenTrue, number(a), number(b))
  }

  mutating func chosen(_ facts: [ReachFact], _ a: Polynomial, _ b: Polynomial) -> Polynomial {
    a == b ? a : make(.chosen(facts.map(\.kind)), facts.map(\.number) + [a, b])
  }

  private mutating func truth(_ expression: Expression) -> Polynomial {
    guard let facts = facts(expression, true) else { return Polynomial(0) }
    return truth(facts)
  }

  private mutating func truth(_ facts: [ReachFact]) -> Polynomial {
    facts.isEmpty ? Polynomial(1) : make(.truth(facts.map(\.kind)), facts.map(\.number))
  }

  // MARK: Facts

  /// What is so where a condition of one lane holds, or does not: all of these. Nil where that never is.
  mutating func facts(_ condition: Expression, _ holds: Bool) -> [ReachFact]? {
    switch condition {
    case .apply(.not, let operands, _): return facts(operands[0], !holds)
    case .apply(.and, let operands, _), .apply(.or, let operands, _):
      var isOr = false
      if case .apply(.or, _, _) = condition { isOr = true }
      // Both hold, or neither does; else what is left is that not all of these do.
      let a = facts(operands[0], !isOr)
      let b = facts(operands[1], !isOr)
      let both = a.flatMap { a in b.map { a + $0 } }
      if holds != isOr { return both }
      guard let both else { return [] }
      return settled([ReachFact(kind: .zero, number: truth(both))])
    case .apply(.compare(let comparison), let operands, _)
    where operands.allSatisfy({ Self.isFollowed($0.type) }):
      let (a, b) = (number(operands[0]), number(operands[1]))
      let fact =
        switch comparison {
        case .less: ReachFact(kind: .atLeastZero, number: b - a - 1)
        case .lessOrEqual: ReachFact(kind: .atLeastZero, number: b - a)
        case .greater: ReachFact(kind: .atLeastZero, number: a - b - 1)
        case .greaterOrEqual: ReachFact(kind: .atLeastZero, number: a - b)
        case .equal: ReachFact(kind: .zero, number: a - b)
        case .notEqual: ReachFact(kind: .notZero, number: a - b)
        }
      return settled([holds ? fact : fact.negated])
    default:
      let truth = number(condition)
      return settled([ReachFact(kind: holds ? .notZero : .zero, number: truth)])
    }
  }

  /// Facts without those that are always so; nil where one never is. That the truth of facts is 1 are those.
  private mutating func settled(_ facts: [ReachFact]) -> [ReachFact]? {
    var result: [ReachFact] = []
    for fact in facts {
      let (least, most) = (prover.table.least(fact.number), prover.table.most(fact.number))
      switch fact.kind {
      case .atLeastZero:
        if let least, least >= 0 { continue }
        if let most, most < 0 { return nil }
      case .zero, .notZero:
        if least == 0, most == 0 {
          if fact.kind == .zero { continue } else { return nil }
        }
        if least.map({ $0 > 0 }) ?? false || most.map({ $0 < 0 }) ?? false {
          if fact.kind == .notZero { continue } else { return nil }
        }
        if let symbol = fact.number.top, Polynomial(symbol) == fact.number,
          let origin = origins[symbol], case .truth(let kinds) = origin.shape
        {
          let parts = zip(kinds, origin.operands).map { ReachFact(kind: $0, number: $1) }
          if fact.kind == .notZero {
            result += parts
            continue
          }
          if parts.count == 1 {
            result.append(parts[0].negated)
            continue
          }
        }
      }
      result.append(fact)
    }
    return result
  }
}

/// Something that holds of a number.
struct ReachFact: Hashable {
  enum Kind: Hashable { case atLeastZero, zero, notZero }
  let kind: Kind
  let number: Polynomial

  /// The same of the same: without a common factor, the sign of what is 0 or not settled.
  init(kind: Kind, number: Polynomial) {
    self.kind = kind
    let isNegative = kind != .atLeastZero && (number.parts.first?.factor ?? 0) < 0
    self.number = kind == .atLeastZero ? number.reduced : isNegative ? number * -1 : number
  }

  var negated: ReachFact {
    switch kind {
    case .atLeastZero: ReachFact(kind: .atLeastZero, number: number * -1 - 1)
    case .zero: ReachFact(kind: .notZero, number: number)
    case .notZero: ReachFact(kind: .zero, number: number)
    }
  }

  /// Polynomials that are at least 0 where it holds.
  var bounds: [Polynomial] {
    switch kind {
    case .atLeastZero: [number]
    case .zero: [number, number * -1]
    case .notZero: []
    }
  }
}

extension ReachNumbers {
  /// The place that one lane has among lanes of them.
  mutating func number(_ lanes: Expression, in lane: Polynomial) -> Polynomial {
    values[Self.lane.name] = lane
    defer { values[Self.lane.name] = nil }
    return make(.place, [number(Self.one(of: lanes))])
  }

  private static let lane = MachineIR.Variable("the lane at hand", MachineType(.i32))

  /// The expression of one lane; what is not followed stands for itself.
  private static func one(of lanes: Expression) -> Expression {
    switch lanes {
    case .laneNumbers: .variable(lane)
    case .broadcast(let value, _): value
    case .integer(let value, let type): .integer(value, type.with(lanes: 1))
    case .variable(let variable):
      variable.type.lanes == 1 ? lanes : .apply(.lane(0), [lanes], variable.type.with(lanes: 1))
    case .apply(let instruction, let operands, let type)
    where operands.allSatisfy({ $0.type.lanes == type.lanes }):
      .apply(instruction, operands.map(one), type.with(lanes: 1))
    default: .apply(.lane(0), [lanes], lanes.type.with(lanes: 1))
    }
  }
}
