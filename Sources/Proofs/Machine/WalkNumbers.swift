import MachineIR
import TileIR

/// Numbers of a walk: lanes, what loads give, truth values as integers.
extension KernelWalk {
  /// The number of a lane of `lanes`.
  mutating func lane(of lanes: Int) -> Polynomial {
    if let known = laneSymbols[lanes] { return Polynomial(known) }
    let symbol = prover.with { $0.add("lane", 0...lanes - 1) }
    laneSymbols[lanes] = symbol
    return Polynomial(symbol)
  }

  mutating func fresh(_ name: String, _ scalar: MachineScalar) -> AbstractValue {
    guard let range = scalar.values else { return scalar == .mask ? .condition(.unknown) : .unknown }
    return .integer(Polynomial(prover.with { $0.add(name, range) }))
  }

  mutating func integer(_ expression: Expression) -> Polynomial {
    if case .integer(let value) = value(expression) { return value }
    return .invalid
  }

  mutating func condition(_ expression: Expression) -> Condition {
    if case .condition(let value) = value(expression) { return value }
    return .unknown
  }

  /// The value of an element of a parameter, with what is declared of it.
  mutating func loaded(_ buffer: KernelBuffer, _ offset: Polynomial, _ type: MachineType) -> AbstractValue {
    guard case .parameter(let position) = buffer.source, !buffer.isWritten, buffer.element.isInteger,
      offset.isValid
    else {
      return fresh(buffer.name, type.scalar)
    }
    let key = LoadKey(buffer: buffer.name, offset: offset)
    if let known = loads[key] { return .integer(Polynomial(known)) }
    let parameter = plan.program.parameters[position]
    var lowers = [SymbolTable.Bound(Polynomial(buffer.element.values.lowerBound))]
    var uppers = [SymbolTable.Bound(Polynomial(buffer.element.values.upperBound))]
    for refinement in parameter.refinements {
      switch refinement {
      case .range(let lower, let upper):
        lowers.append(.init(Polynomial(lower)))
        uppers.append(.init(Polynomial(upper)))
      case .coordinate(let dimension), .permutation(let dimension):
        lowers.append(.init(Polynomial(0)))
        uppers.append(.init(numbers.extent(dimension) - 1))
      case .partition(let dimension):
        lowers.append(.init(Polynomial(0)))
        uppers.append(.init(numbers.extent(dimension)))
        // Offsets never decrease.
        for (other, symbol) in loads.sorted(by: { $0.value < $1.value }) where other.buffer == buffer.name {
          guard let apart = (offset - other.offset).constant else { continue }
          if apart > 0 {
            lowers.append(.init(Polynomial(symbol)))
          } else {
            uppers.append(.init(Polynomial(symbol)))
          }
        }
      case .below(let index):
        lowers.append(.init(Polynomial(0)))
        if let bound = try? HostExpression(index, in: plan.program) {
          uppers.append(.init(numbers.value(bound, &prover) - 1))
        }
      case .increasing: break
      }
    }
    let symbol = prover.with { $0.add("\(buffer.name)_element", lowers: lowers, uppers: uppers) }
    loads[key] = symbol
    loadPlaces[symbol] = (position, offset)
    if parameter.axes.count == 1 { assume(position, at: offset) }
    return .integer(Polynomial(symbol))
  }

  mutating func remainder(of a: Polynomial, by n: Int) -> Polynomial {
    let result = a - prover.with { $0.floor(a, by: n) } * n
    if result.isValid { wholes[result] = .some(wholes[result].map { $0 == a ? a : nil } ?? a) }
    return result
  }

  mutating func truth(_ condition: Condition) -> Polynomial {
    let symbol = prover.with { $0.add("truth", 0...1) }
    truths[symbol] = condition
    return Polynomial(symbol)
  }

  /// The condition that an integer of 0 and 1 stands for.
  func condition(of integer: Polynomial) -> Condition? {
    guard integer.parts.count == 1, integer.parts[0].factor == 1, let top = integer.top else { return nil }
    return truths[top]
  }
}

extension ElementType {
  fileprivate var values: ClosedRange<Int> { self == .int32 ? Int(Int32.min)...Int(Int32.max) : integers }
}
