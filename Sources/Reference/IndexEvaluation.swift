import TileIR

/// Index expressions and the accesses that they make.
extension BlockEvaluator {
  /// The value of an index at every coordinate of the axes that it depends on.
  func grid(of index: Index) throws(Diagnostic) -> Grid<Int> {
    switch index {
    case .constant(let value): return Grid(scalar: value)
    case .axis(let dimension):
      let axis = try axis(dimension)
      return Grid([axis], Array(axis.range))
    case .extent(let dimension): return try lengths(of: dimension)
    case .scalar(let position):
      let parameter = program.parameters[position]
      guard parameter.role == .scalar, parameter.element == .int32 else {
        throw Diagnostic(
          "\(parameter.name) is not an int32 scalar and cannot be an index", at: [parameter.location])
      }
      return Grid(scalar: ElementType.int32.integer(launch.scalars[position]))
    case .value(let id): return try grid(of: id).map { Int(Int32(bitPattern: $0)) }
    case .sum(let a, let b): return try grid(of: a).combined(with: try grid(of: b)) { $0 + $1 }
    case .scaled(let a, let factor): return try grid(of: a).map { $0 * factor }
    case .divided(let a, let divisor): return try grid(of: a).map { $0.floorDivided(by: divisor) }
    case .remainder(let a, let divisor):
      return try grid(of: a).map { $0 - $0.floorDivided(by: divisor) * divisor }
    }
  }

  /// Index values as `int32` elements.
  func int32(_ grid: Grid<Int>, node: ValueID) -> Grid<UInt32> {
    var marks = FaultMap(grid.faults, count: grid.elements.count)
    for (position, value) in grid.elements.enumerated() where Int32(exactly: value) == nil {
      if marks.isFaulty(position) { continue }
      let kind = FaultKind.overflow("an index", value)
      marks.mark(position, faults.record(kind, node: node, over: grid.axes, at: position))
    }
    return Grid(
      grid.axes, grid.elements.map { UInt32(truncatingIfNeeded: $0) }, faults: marks.numbers)
  }

  func load(
    _ parameter: Int, _ indices: [Index], over axes: [Axis], node: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let (shape, strides) = (launch.shapes[parameter], launch.strides(of: parameter))
    var places = [Int](repeating: 0, count: axes.elementCount)
    var marks = FaultMap(count: places.count)
    for (number, index) in indices.enumerated() {
      let coordinates = try grid(of: index).broadcast(to: axes)
      for position in places.indices {
        let coordinate = coordinates.elements[position]
        if coordinates.fault(at: position) != 0 {
          marks.mark(position, coordinates.fault(at: position))
        } else if coordinate < 0 || coordinate >= shape[number] {
          if marks.isFaulty(position) { continue }
          let kind = FaultKind.load(parameter: parameter, axis: number, index: coordinate)
          marks.mark(position, faults.record(kind, node: node, over: axes, at: position))
        } else {
          places[position] += coordinate * strides[number]
        }
      }
    }
    let codes = launch.codes[parameter]
    let elements = places.indices.map { marks.isFaulty($0) ? 0 : codes[places[$0]] }
    return Grid(axes, elements, faults: marks.numbers)
  }

  /// The segment s with offset s <= coordinate < offset s + 1; empty segments hold nothing.
  func segment(_ partition: Int, over axes: [Axis]) -> Grid<UInt32> {
    let element = program.parameters[partition].element
    let offsets = launch.codes[partition].map { element.integer($0) }
    var segment = 0
    return Grid(
      axes,
      axes[0].range.map { coordinate in
        while segment + 1 < offsets.count, offsets[segment + 1] <= coordinate { segment += 1 }
        return UInt32(segment)
      })
  }

  func sample(
    _ dimension: Dimension, at index: Index, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operand = try grid(of: node.operands[0])
    let coordinates = try grid(of: index).broadcast(to: axes)
    let lengths = try lengths(of: dimension).broadcast(to: axes)
    let stride = operand.axes.stride(along: dimension)
    let rows = positions(in: operand.axes, firstAlong: dimension, over: axes)
    var elements = [UInt32](repeating: 0, count: axes.elementCount)
    var marks = FaultMap(Grid<Int>.merged(coordinates.faults, lengths.faults), count: elements.count)
    for position in elements.indices where !marks.isFaulty(position) {
      let (coordinate, length) = (coordinates.elements[position], lengths.elements[position])
      if coordinate < 0 || coordinate >= length {
        let kind = FaultKind.sample(dimension, index: coordinate, length: length)
        marks.mark(position, faults.record(kind, node: id, over: axes, at: position))
      } else {
        let source = rows[position] + coordinate * stride
        elements[position] = operand.elements[source]
        marks.mark(position, operand.fault(at: source))
      }
    }
    return Grid(axes, elements, faults: marks.numbers)
  }

  func join(
    _ parts: [Dimension], into: Dimension, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let coordinates = try grid(of: .axis(into)).broadcast(to: axes)
    var rest = coordinates.elements
    var elements = [UInt32](repeating: 0, count: rest.count)
    var marks = FaultMap(count: rest.count)
    var done = [Bool](repeating: false, count: rest.count)
    for (part, value) in zip(parts, node.operands) {
      let operand = try grid(of: value)
      let lengths = try lengths(of: part).broadcast(to: axes)
      let stride = operand.axes.stride(along: part)
      let rows = positions(in: operand.axes, firstAlong: part, over: axes)
      for position in rest.indices where !done[position] {
        if lengths.fault(at: position) != 0 {
          marks.mark(position, lengths.fault(at: position))
          done[position] = true
        } else if rest[position] < lengths.elements[position] {
          let source = rows[position] + rest[position] * stride
          elements[position] = operand.elements[source]
          marks.mark(position, operand.fault(at: source))
          done[position] = true
        } else {
          rest[position] -= lengths.elements[position]
        }
      }
    }
    for position in rest.indices where !done[position] {
      let kind = FaultKind.join(into, index: coordinates.elements[position])
      marks.mark(position, faults.record(kind, node: id, over: axes, at: position))
    }
    return Grid(axes, elements, faults: marks.numbers)
  }

  /// For every element over `axes`, the position in a grid over `source` at the same coordinates and at
  /// the first along `dimension`, which `axes` may name for another purpose.
  private func positions(
    in source: [Axis], firstAlong dimension: Dimension, over axes: [Axis]
  ) -> [Int] {
    let unnamed = Dimension("", 0)
    let hidden = source.map {
      $0.dimension == dimension ? Axis(dimension: unnamed, range: $0.range) : $0
    }
    return hidden.positions(over: axes)
  }
}

extension Int {
  /// The quotient rounded toward negative infinity; `divisor` is positive.
  func floorDivided(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
