import MachineIR
import TileIR

/// What earlier kernels of a plan have written of its workspaces: those that are whole, and of the others what the
/// stores of each kernel leave, in that kernel's numbers.
struct WorkspaceContents {
  struct Kernel {
    let table: SymbolTable
    let launchNumbers: Symbol
    let searches: [SegmentSearch]
  }
  /// By position in the plan.
  private(set) var whole: Set<Int> = []
  private(set) var parts: [Int: [(elements: StoredElements, kernel: Int)]] = [:]
  private(set) var kernels: [Kernel] = []

  mutating func noteWhole(_ workspace: Int) { whole.insert(workspace) }

  /// Takes what all cells of a kernel have stored to workspaces that are not whole.
  mutating func take(_ walk: KernelWalk) {
    var walk = walk
    var found: [(workspace: Int, elements: [StoredElements])] = []
    for buffer in walk.kernel.buffers where buffer.isWritten && walk.isHandedOn(buffer.name) {
      guard case .workspace(let position) = buffer.source, !whole.contains(position) else { continue }
      found.append((position, walk.storedByCells(buffer.name)))
    }
    for (position, elements) in found {
      parts[position, default: []] += elements.map { ($0, kernels.count) }
    }
    guard !found.isEmpty else { return }
    kernels.append(
      Kernel(table: walk.prover.table, launchNumbers: walk.launchNumbers, searches: walk.searches))
  }
}

extension KernelWalk {
  /// Whether a buffer is a workspace that one kernel of a launch writes for another. A weight that is laid out anew
  /// is whole before any launch, which is an obligation of its own, and the host reads what is printed.
  func isHandedOn(_ buffer: String) -> Bool {
    guard case .workspace(let position)? = kernel.buffers.first(where: { $0.name == buffer })?.source
    else { return false }
    return plan.workspaces[position].prepares == nil && plan.workspaces[position].prints == nil
  }

  // MARK: What is written

  /// What all cells have stored to a buffer.
  fileprivate mutating func storedByCells(_ buffer: String) -> [StoredElements] {
    let (values, digits) = cellDigits(cell)
    // A search finds the same rows for a block wherever it is made.
    let found = searches.filter { search in digits.contains { $0.symbol == search.block } }.flatMap(\.numbers)
    return stored.elements(of: buffer).compactMap { elements in
      var result = values.reduce(elements) { replacing($0, $1.symbol, $1.value) }
      for (position, digit) in digits.enumerated() {
        let variable = StoredElements.Variable(
          symbol: digit.symbol, lower: Polynomial(0), uppers: [digit.count])
        let outer = Set(digits[(position + 1)...].map(\.symbol) + found)
        guard let all = overRounds(result, variable, mark: Int(launchNumbers), outer: outer)
        else { return nil }
        result = all
      }
      return result
    }
  }

  /// The numbers that a cell's number is made of, innermost first, each from 0 and independent of the others; and
  /// what the numbers between are made of.
  private func cellDigits(
    _ number: Symbol
  ) -> (values: [(symbol: Symbol, value: Polynomial)], digits: [(symbol: Symbol, count: Polynomial)]) {
    typealias Parts = (divisor: Polynomial, quotient: Symbol, remainder: Symbol)
    let parts = quotients.compactMap { key, parts -> Parts? in
      // Both together count every cell once only where the divisor divides the number of cells.
      guard key.dividend == Polynomial(number), let quotient = parts.quotient.top,
        let remainder = parts.remainder.top, prover.table[quotient].count != nil
      else { return nil }
      return (key.divisor, quotient, remainder)
    }
    guard let first = parts.min(by: { $0.remainder < $1.remainder }) else {
      return ([], prover.table[number].count.map { [(number, $0)] } ?? [])
    }
    let rest = cellDigits(first.quotient)
    let value = Polynomial(first.quotient) * first.divisor + Polynomial(first.remainder)
    return ([(number, value)] + rest.values, [(first.remainder, first.divisor)] + rest.digits)
  }

  // MARK: What is read

  /// Judges that an earlier kernel has written an element of a workspace.
  mutating func judgeWritten(_ workspace: Int, _ place: Polynomial, bits: Int) {
    guard isJudged else { return }
    let sentence = "elements of \(plan.workspaces[workspace].name) are written before they are read"
    if written.whole.contains(workspace) { return find(.defined, sentence, .proved(.affine)) }
    judge(place, bits: bits, isOneOf: elements(of: workspace), sentence)
  }

  /// What earlier kernels have stored to a workspace, in this kernel's numbers.
  private mutating func elements(of workspace: Int) -> [StoredElements] {
    if let known = writtenElements[workspace], known.searches == searches.count { return known.elements }
    var all: [StoredElements] = []
    for part in written.parts[workspace] ?? [] {
      let source = written.kernels[part.kernel]
      guard source.launchNumbers == launchNumbers else { continue }
      let used = source.searches.filter { search in
        part.elements.speaks(of: search.numbers, source.table)
      }
      guard let search = used.first else {
        if let own = imported(part.elements, source, number: part.kernel, nil) { all.append(own) }
        continue
      }
      // Rows of one block are found more than once only by the same search.
      guard used.count == 1 else { continue }
      for (position, own) in searches.enumerated() where own.isSame(as: search) {
        let number = part.kernel + (position + 1) << 16
        if let own = imported(part.elements, source, number: number, (search, own)) { all.append(own) }
      }
    }
    writtenElements[workspace] = (searches.count, all)
    return all
  }

  /// Elements that another kernel has stored, with a number for each of its variables; of the block that a
  /// segment search found there, those that belong to the block of the search made here.
  private mutating func imported(
    _ elements: StoredElements, _ source: WorkspaceContents.Kernel, number: Int,
    _ search: (theirs: SegmentSearch, own: SegmentSearch)?
  ) -> StoredElements? {
    var numbers = ForeignNumbers(source.table, launchNumbers: launchNumbers)
    var result = StoredElements(place: Polynomial(0), bits: elements.bits, variables: [])
    if let (theirs, own) = search {
      for (symbol, value) in zip(theirs.numbers, own.numbers) { numbers.name(symbol, Polynomial(value)) }
      numbers.name(theirs.block, Polynomial(own.block))
    }
    return prover.with { table -> StoredElements? in
      for variable in elements.variables {
        let lower = numbers.value(variable.lower, &table)
        let uppers = variable.uppers.map { numbers.value($0, &table) }
        guard lower.isValid, uppers.allSatisfy(\.isValid) else { return nil }
        if let (theirs, own) = search, variable.symbol == theirs.block {
          result.conditions += [Polynomial(own.block) - lower] + uppers.map { $0 - Polynomial(own.block) - 1 }
          continue
        }
        let symbol = table.add(source.table[variable.symbol].name, lowers: [.init(lower)])
        numbers.name(variable.symbol, Polynomial(symbol))
        result.variables.append(.init(symbol: symbol, lower: lower, uppers: uppers))
      }
      result.place = numbers.value(elements.place, &table)
      result.conditions += elements.conditions.map { numbers.value($0, &table) }
      result.sides = elements.sides.map { side in
        // Branches of this kernel have numbers from 1 on.
        var own = StoredElements.Side(
          branch: -(side.branch << 32 + number), isTaken: side.isTaken,
          others: side.others.map { numbers.value($0, &table) }.filter(\.isValid))
        own.around = side.around.compactMap { numbers.value(Polynomial($0), &table).top }
          .filter { symbol in result.variables.contains { $0.symbol == symbol } }
        return own
      }
      return result.bounds.allSatisfy(\.isValid) ? result : nil
    }
  }
}

extension StoredElements {
  fileprivate func speaks(of numbers: [Symbol], _ table: SymbolTable) -> Bool {
    (bounds + sides.flatMap(\.others)).contains { bound in
      table.symbols(in: bound).contains(where: numbers.contains)
    }
  }
}

extension SegmentSearch {
  /// Whether it cuts the same segments into the same blocks, and what it finds are numbers.
  fileprivate func isSame(as other: SegmentSearch) -> Bool {
    parameter == other.parameter && size == other.size && numbers.count == 3 && other.numbers.count == 3
  }
}

/// Numbers of one kernel's table in another's. Those of the launch are the same in both; floors, extrema and
/// choices are made anew; a number that has no name here gives a polynomial that is not valid.
private struct ForeignNumbers {
  private let source: SymbolTable
  private let launchNumbers: Symbol
  private var known: [Symbol: Polynomial] = [:]

  init(_ source: SymbolTable, launchNumbers: Symbol) {
    self.source = source
    self.launchNumbers = launchNumbers
  }

  mutating func name(_ symbol: Symbol, _ value: Polynomial) { known[symbol] = value }

  func value(_ a: Polynomial, _ table: inout SymbolTable) -> Polynomial {
    guard a.isValid else { return a }
    return a.parts.reduce(Polynomial(0)) { sum, part in
      sum + Polynomial.symbols(part.symbols).reduce(Polynomial(part.factor)) { $0 * value(of: $1, &table) }
    }
  }

  private func value(of symbol: Symbol, _ table: inout SymbolTable) -> Polynomial {
    if let known = known[symbol] { return known }
    if symbol <= launchNumbers { return Polynomial(symbol) }
    switch source[symbol].meaning {
    case .number: return .invalid
    case .floor(let a, let n): return table.floor(value(a, &table), by: n)
    case .minimum(let a, let b): return table.extremum(value(a, &table), value(b, &table), isMinimum: true)
    case .maximum(let a, let b): return table.extremum(value(a, &table), value(b, &table), isMinimum: false)
    case .choice:
      let alternatives = source[symbol].alternatives.map { alternative in
        SymbolTable.Alternative(
          value: value(alternative.value, &table), facts: alternative.facts.map { value($0, &table) })
      }
      guard alternatives.allSatisfy({ $0.value.isValid && $0.facts.allSatisfy(\.isValid) })
      else { return .invalid }
      return Polynomial(table.add(source[symbol].name, meaning: .choice, alternatives: alternatives))
    }
  }
}
