import MachineIR
import TileIR

/// What the integers of a buffer, which the data of a launch decide, are taken to be.
enum DataIntegers {
  /// The largest that there may be, so that lists are at their longest.
  case largest(Int)
  /// Offsets that cut so many rows into segments as even as can be, so that as many as can have rows.
  case even(rows: Int, segments: Int)
}

/// The numbers of a launch whose buffers are contiguous: extents of dimensions and values of scalars.
public struct LaunchSizes {
  let program: Program
  private let extents: [String: Int]

  /// `numbers` by name: extents of run-time dimensions, and integer scalars; a scalar that is not named is 0.
  public init(_ program: Program, _ numbers: [String: Int]) {
    self.program = program
    extents = numbers
  }

  func value(_ expression: HostExpression) -> Int {
    expression.evaluate(
      extent: { extent($0) },
      stride: { parameter, axis in
        program.parameters[parameter].axes.dropFirst(axis + 1).reduce(1) { $0 * extent($1) }
      },
      scalar: { scalar(program.parameters[$0].name) })
  }

  private func scalar(_ name: String) -> Int { extents[name] ?? 0 }

  func extent(_ dimension: Dimension) -> Int {
    if let extent = dimension.extent { return extent }
    if case .computed(let index)? = program.lengths[dimension] {
      if let length = try? HostExpression(index, in: program) { return value(length) }
      // What data decide is at its longest.
      return max(0, min(dimension.range.upperBound, longest(index) ?? 0))
    }
    return extents[dimension.name] ?? 0
  }

  /// An index at the last coordinates, where buffers hold the largest integers that they may; nil where nothing bounds them.
  private func longest(_ index: Index) -> Int? {
    switch index {
    case .constant(let value): value
    case .axis(let dimension): max(0, extent(dimension) - 1)
    case .extent(let dimension): extent(dimension)
    case .scalar(let parameter): scalar(program.parameters[parameter].name)
    case .value(let id): longest(id)
    case .sum(let a, let b): longest(a).flatMap { x in longest(b).map { x + $0 } }
    case .scaled(let a, let n): longest(a).map { $0 * n }
    case .divided(let a, let n): longest(a).map { Int((Double($0) / Double(n)).rounded(.down)) }
    case .remainder(let a, let n): longest(a).map { ($0 % n + n) % n }
    }
  }

  private func longest(_ id: ValueID) -> Int? {
    let node = program[id]
    func operand(_ number: Int) -> Int? { longest(node.operands[number]) }
    func both(_ combine: (Int, Int) -> Int) -> Int? { operand(0).flatMap { a in operand(1).map { combine(a, $0) } } }
    switch node.operation {
    case .constant(let bits, .int32): return Int(Int32(bitPattern: bits))
    case .coordinate(let dimension): return max(0, extent(dimension) - 1)
    case .index(let index): return longest(index)
    case .scalar(let parameter): return scalar(program.parameters[parameter].name)
    case .load(let parameter, _): return largest(parameter)
    case .elementwise(.add): return both(+)
    case .elementwise(.subtract): return both(-)
    case .elementwise(.multiply): return both(*)
    case .elementwise(.minimum): return both(min)
    case .elementwise(.maximum): return both(max)
    case .elementwise(.divideFloor(let n)): return operand(0).map { Int((Double($0) / Double(n)).rounded(.down)) }
    case .elementwise(.remainderFloor(let n)): return operand(0).map { ($0 % n + n) % n }
    default: return nil
    }
  }

  /// What the integers of a kernel's buffers are taken to be, by buffer; of one that nothing bounds, nothing.
  func integers(of kernel: MachineKernel) -> [String: DataIntegers] {
    let found = kernel.buffers.compactMap { buffer in integers(in: buffer).map { (buffer.name, $0) } }
    return Dictionary(found) { first, _ in first }
  }

  private func integers(in buffer: KernelBuffer) -> DataIntegers? {
    guard case .parameter(let number) = buffer.source else { return nil }
    for case .partition(let rows) in program.parameters[number].refinements {
      return .even(rows: extent(rows), segments: max(1, extent(program.parameters[number].axes[0]) - 1))
    }
    return largest(number).map { .largest($0) }
  }

  private func largest(_ number: Int) -> Int? {
    program.parameters[number].refinements.compactMap { refinement -> Int? in
      switch refinement {
      case .range(_, let upper): upper
      case .coordinate(let dimension): max(0, extent(dimension) - 1)
      case .below(let index): (try? HostExpression(index, in: program)).map { max(0, value($0) - 1) }
      case .partition, .permutation, .increasing: nil
      }
    }.min()
  }

  /// Bytes of a parameter; 0 of a scalar.
  func byteCount(_ parameter: Parameter) -> Double {
    guard parameter.role != .scalar else { return 0 }
    return parameter.axes.reduce(Double(parameter.element.bitWidth) / 8) { $0 * Double(extent($1)) }
  }
}
