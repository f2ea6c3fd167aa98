import MachineIR
import TileIR

/// What a kernel's check says of the element at each coordinate of a parameter with one axis, and of what is
/// read at places that the element tells. A launch that fails a check ends before its next kernel, so all that
/// come after may take it for granted.
struct AssertedFact {
  /// Polynomials that are at least 0, in the numbers of the kernel that checks.
  let holds: [Polynomial]
  /// Stands for the coordinate.
  let counter: Symbol
  let parameter: Int
  fileprivate let table: SymbolTable
  fileprivate let loadPlaces: [Symbol: (parameter: Int?, offset: Polynomial)]

  /// A check whose condition speaks of one coordinate only, with the element there as its base; nil for
  /// any other.
  init?(_ holds: [Polynomial], _ walk: KernelWalk) {
    var base: (parameter: Int, counter: Symbol)?
    var pending = holds
    var seen: Set<Symbol> = []
    while let next = pending.popLast() {
      for symbol in walk.prover.table.symbols(in: next) where seen.insert(symbol).inserted {
        guard let (parameter, offset) = walk.loadPlaces[symbol] else { continue }
        guard let parameter, walk.plan.program.parameters[parameter].role == .input else { return nil }
        pending.append(offset)
        if let top = offset.top, offset == Polynomial(top), walk.loadPlaces[top] == nil,
          walk.plan.program.parameters[parameter].axes.count == 1
        {
          base = (parameter, top)
        }
      }
    }
    guard let base, !holds.isEmpty, holds.allSatisfy(\.isValid) else { return nil }
    self.holds = holds
    parameter = base.parameter
    counter = base.counter
    table = walk.prover.table
    loadPlaces = walk.loadPlaces
  }

  /// The buffer that stands for it among what a kernel writes.
  static func mark(_ number: Int) -> String { "check \(number)" }
}

extension KernelWalk {
  /// Notes a check that is met at every round of its loops.
  mutating func note(check condition: Condition) {
    guard isJudged, let fact = AssertedFact(condition.whenTrue, self) else { return }
    writes.add(AssertedFact.mark(checks.count), Polynomial(fact.counter), lanes: 1, active: nil, location)
    checks.append(fact)
  }

  /// Takes for granted what checks have established of an element: where the element exists, it was checked.
  mutating func assume(_ parameter: Int, at offset: Polynomial) {
    for fact in asserted where fact.parameter == parameter {
      for condition in fact.holds {
        guard let own = translated(condition, from: fact, at: offset) else { continue }
        prover.with { $0.assume(own) }
      }
    }
  }

  /// A polynomial of the kernel that checks in numbers of this one.
  private mutating func translated(
    _ a: Polynomial, from fact: AssertedFact, at coordinate: Polynomial
  ) -> Polynomial? {
    var sum = Polynomial(0)
    for part in a.parts {
      var product = Polynomial(part.factor)
      for symbol in Polynomial.symbols(part.symbols) {
        guard let factor = translated(symbol, from: fact, at: coordinate) else { return nil }
        product = product * factor
      }
      sum = sum + product
    }
    return sum
  }

  private mutating func translated(
    _ symbol: Symbol, from fact: AssertedFact, at coordinate: Polynomial
  ) -> Polynomial? {
    if symbol == fact.counter { return coordinate }
    // Kernels number what a launch brings alike.
    if symbol <= launchNumbers { return Polynomial(symbol) }
    if let (parameter, offset) = fact.loadPlaces[symbol] {
      guard let parameter, let buffer = kernel.buffers.first(where: { $0.source == .parameter(parameter) }),
        let place = translated(offset, from: fact, at: coordinate),
        case .integer(let value) = loaded(buffer, place, MachineType(.i32))
      else { return nil }
      return value
    }
    switch fact.table[symbol].meaning {
    case .floor(let b, let n):
      guard let own = translated(b, from: fact, at: coordinate) else { return nil }
      return prover.with { $0.floor(own, by: n) }
    case .minimum(let b, let c), .maximum(let b, let c):
      guard let x = translated(b, from: fact, at: coordinate), let y = translated(c, from: fact, at: coordinate) else {
        return nil
      }
      var isMinimum = false
      if case .minimum = fact.table[symbol].meaning { isMinimum = true }
      return prover.with { $0.extremum(x, y, isMinimum: isMinimum) }
    case .number, .choice: return nil
    }
  }
}
