import MachineIR
import TileIR

/// What tells one write of a kernel from another.
extension KernelWalk {
  /// The coordinates of a write's element. Where a coordinate comes out of a buffer, the place that it is
  /// read from stands for it: that different places give different coordinates is an obligation of the tile
  /// program.
  func keys(_ write: WriteTree.Write) -> [Polynomial]? {
    if let keys = write.keys { return keys }
    guard let buffer = kernel.buffers.first(where: { $0.name == write.buffer }) else { return [write.place] }
    let place = write.place
    guard case .parameter(let position) = buffer.source else { return place.isValid ? [place] : nil }
    guard let coordinates = coordinates(position, place) else { return nil }
    let isRing = plan.program.parameters[position].role == .state
    var keys: [Polynomial] = []
    for coordinate in flattened(coordinates, isRing: isRing) { add(coordinate, to: &keys, depth: 4) }
    return keys
  }

  /// Coordinates with a quotient and a remainder of one number as that number. A state's ring has the
  /// remainder alone: that places of one launch do not meet there is an obligation of the tile program.
  private func flattened(_ coordinates: [Polynomial], isRing: Bool) -> [Polynomial] {
    var result = coordinates
    for (position, coordinate) in coordinates.enumerated() {
      guard let (whole, quotient) = unwrapped(coordinate) else { continue }
      if let other = result.firstIndex(of: Polynomial(quotient)) {
        result[position] = whole
        result.remove(at: other)
        return flattened(result, isRing: isRing)
      }
      if isRing { result[position] = (wholes[coordinate] ?? nil) ?? whole }
    }
    return result
  }

  private func add(_ coordinate: Polynomial, to keys: inout [Polynomial], depth: Int) {
    let loads = prover.table.symbols(in: coordinate).filter { loadPlaces[$0] != nil }
    guard let load = loads.first, depth > 0 else {
      // A coordinate that occurs twice tells no more than once; constants keep their axis.
      if coordinate.constant != nil || !keys.contains(coordinate) { keys.append(coordinate) }
      return
    }
    for load in loads {
      let (parameter, offset) = loadPlaces[load]!
      for other in parameter.flatMap({ coordinates($0, offset) }) ?? [offset] where other.constant == nil {
        add(other, to: &keys, depth: depth - 1)
      }
    }
    guard let (_, rest) = coordinate.split(load), rest.constant == nil,
      prover.table.symbols(in: rest).allSatisfy({ loadPlaces[$0] == nil })
    else { return }
    add(rest, to: &keys, depth: depth - 1)
  }

  /// The number that a coordinate is the remainder of, and its quotient.
  private func unwrapped(_ coordinate: Polynomial) -> (whole: Polynomial, quotient: Symbol)? {
    for symbol in coordinate.parts.flatMap({ Polynomial.symbols($0.symbols) }) {
      guard case .floor(let a, let n) = prover.table[symbol].meaning,
        coordinate + Polynomial(symbol) * n == a
      else { continue }
      return (a, symbol)
    }
    return nil
  }

  func isWorkspace(_ buffer: String) -> Bool {
    if case .workspace? = kernel.buffers.first(where: { $0.name == buffer })?.source { true } else { false }
  }

  func depends(_ region: WrittenRegion, on symbol: Symbol) -> Bool {
    region.axes.contains { depends($0, on: symbol) }
  }
  func depends(_ axis: Progression, on symbol: Symbol) -> Bool {
    depends(axis.first, on: symbol) || depends(axis.count, on: symbol)
  }

  /// Whether a value may change with a symbol: it is made of it, or of something found where it is known.
  func depends(_ a: Polynomial, on symbol: Symbol) -> Bool {
    prover.table.symbols(in: a).contains { other in
      if other == symbol { return true }
      // What a search has found is the same for the same block.
      if let search = searches.first(where: { $0.numbers.contains(other) }) {
        return depends(Polynomial(search.block), on: symbol)
      }
      guard other > symbol, !laneSymbols.values.contains(symbol), case .number = prover.table[other].meaning
      else { return false }
      return prover.table[other].count == nil && !laneSymbols.values.contains(other)
    }
  }

  /// The numbers that cells are counted by, innermost first, each from 0, where writes use them.
  func cellNumbers(of regions: [WrittenRegion]) -> [(symbol: Symbol, count: Polynomial)] {
    var used: Set<Symbol> = []
    for axis in regions.flatMap(\.axes) {
      used.formUnion(prover.table.symbols(in: axis.first))
      used.formUnion(prover.table.symbols(in: axis.count))
    }
    func leaves(_ symbol: Symbol) -> [Symbol] {
      if used.contains(symbol) { return [symbol] }
      for (key, parts) in quotients where key.dividend == Polynomial(symbol) {
        // Both together count every cell once only where the divisor divides the number of cells.
        guard let quotient = parts.quotient.top, let remainder = parts.remainder.top,
          prover.table[quotient].count != nil
        else { continue }
        return [remainder] + leaves(quotient)
      }
      return [symbol]
    }
    return leaves(cell).compactMap { symbol in prover.table[symbol].count.map { (symbol, $0) } }
  }
}

extension SymbolTable {
  /// The symbols of a polynomial, and those that its floors, extrema and choices are made of.
  func symbols(in a: Polynomial) -> [Symbol] {
    var found: [Symbol] = []
    var pending = [a]
    while let next = pending.popLast() {
      for part in next.parts {
        for symbol in Polynomial.symbols(part.symbols) where !found.contains(symbol) {
          found.append(symbol)
          switch self[symbol].meaning {
          case .number: break
          case .floor(let b, _): pending.append(b)
          case .minimum(let b, let c), .maximum(let b, let c): pending += [b, c]
          case .choice:
            for alternative in self[symbol].alternatives {
              pending += [alternative.value] + alternative.facts
            }
          }
        }
      }
    }
    return found
  }
}
