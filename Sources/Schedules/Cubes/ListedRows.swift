import MachineIR
import TileIR

/// Rows that products inside a cell share, an attention's keys: those of several buffers one after the other, each found
/// by integers.
///
/// Kernels before cut every row of these buffers into slices once a launch, whatever cells pick of them: `int8`
/// [row][slice][channel], with a power of two for each row; channels past the end are zeros.
struct ListedRows {
  /// Those of one buffer.
  struct Part {
    let list: Dimension
    let parameter: Int
    /// Where a row is; the last is the channel.
    let indices: [Index]
  }
  let value: ValueID
  let list: Dimension
  let channels: Dimension
  let parts: [Part]
  let bits: Int

  /// Bytes of a row's slice: of its channels, and zeros up to whole vectors.
  var depth: Int { max(SliceProduct.depthStep, RegionLowering.powerOfTwo(channels.extent!)) }
  static let mostDepth = 512

  /// The rows of a product's operand, each quantised along `channels`; nil where it is no list of bf16 rows, or one of any
  /// length.
  init?(_ lowering: RegionLowering, _ id: ValueID, _ list: Dimension, _ channels: Dimension, bits: Int) {
    let program = lowering.program
    guard let extent = channels.extent, extent <= Self.mostDepth, lowering.isBounded(list) else { return nil }
    var operands = [(list, id)]
    if case .join(let parts, list) = program[id].operation { operands = Array(zip(parts, program[id].operands)) }
    var found: [Part] = []
    for (part, operand) in operands {
      let narrow = FixedPanels.narrow(operand, in: program)
      guard case .load(let parameter, let indices) = program[narrow].operation, program[narrow].type == .bfloat16,
        parameter < lowering.parameterCount, !lowering.stateWritten.contains(parameter), indices.count > 1,
        indices.last == .axis(channels), !indices.dropLast().contains(where: { $0.dimensions.contains(channels) }),
        program.parameters[parameter].axes.last?.extent == extent
      else { return nil }
      found.append(Part(list: part, parameter: parameter, indices: indices))
    }
    (value, self.list, self.channels, self.bits, parts) = (id, list, channels, bits, found)
  }
}

/// What is cut of listed rows.
struct CutRows {
  /// Positions of the workspaces.
  let slices: Int
  let exponents: Int
  /// The first row of each buffer, by its parameter.
  let first: [Int: HostExpression]
}

extension RegionLowering {
  /// Whether a constant bounds an axis inside a cell, whatever the launch.
  fileprivate func isBounded(_ dimension: Dimension) -> Bool {
    if dimension.extent != nil { return true }
    guard case .computed(let index)? = program.lengths[dimension] else { return false }
    return (try? host(index)) == nil
  }

  /// The rows as kernels before cut them.
  func cutRows(_ rows: ListedRows) throws -> CutRows {
    if let known = cutLists[rows.value] { return known }
    var (first, next) = ([Int: HostExpression](), HostExpression.constant(0))
    var sources: [(parameter: Int, count: HostExpression)] = []
    for part in rows.parts where first[part.parameter] == nil {
      let axes = program.parameters[part.parameter].axes.dropLast()
      let count = axes.reduce(HostExpression.constant(1)) { $0 * HostExpression(extentOf: $1) }
      first[part.parameter] = next
      next = next + count
      sources.append((part.parameter, count))
    }
    let cut = CutRows(slices: workspaces.count, exponents: workspaces.count + 1, first: first)
    for (content, bytes) in [("slices", ByteFragments.slices * rows.depth), ("exponents", 4)] {
      workspaces.append(
        Workspace(name: "\(rows.list.name)_\(content)", byteCount: next * .constant(bytes)))
    }
    for (parameter, count) in sources {
      before.append(try sibling().cutBuffer(rows, cut, of: parameter, count: count))
    }
    cutLists[rows.value] = cut
    return cut
  }

  /// A cell is a row of a buffer.
  private func cutBuffer(_ rows: ListedRows, _ cut: CutRows, of parameter: Int, count: HostExpression) throws
    -> MachineKernel
  {
    let cell = stack.variable("cell", .index)
    let (own, lanes) = (program.parameters[parameter], rows.depth)
    var (remaining, place) = (Expression.variable(cell), Expression.constant(0))
    for (position, axis) in own.axes.dropLast().enumerated().reversed() {
      var at = remaining
      if position > 0 {
        let extent = scalar(HostExpression(extentOf: axis), axis.name)
        at = stack.define("\(axis.name)_at", .apply(.remainder, [remaining, extent], .index))
        remaining = stack.define("outer", .apply(.quotient, [remaining, extent], .index))
      }
      place = place + at * stride(parameter, axis: position)
    }
    let (word, type) = (MachineType(.i32), MachineType(.i32, lanes))
    let (integers, exponent) = (stack.variable("integers", type), stack.variable("exponent", word))
    stack.append(.note("slices of \(own.name)", program[rows.value].location))
    stack.append(.declare(integers, .integer(0, type)))
    stack.append(.declare(exponent, .integer(0, word)))
    let extent = rows.channels.extent!
    let active = extent < lanes ? Expression.constant(extent) : nil
    let stored = Expression.load(Access(buffer(parameter), own.element, place), type, active: active)
    self.cut(convert(stored, own.element, to: .float32), active: active, rows.bits, integers, exponent)
    let row = stack.define(
      "row", scalar(cut.first[parameter]!, "first_row") + .variable(cell))
    let slices = buffer(workspace: cut.slices, .int8)
    for slice in 0..<ByteFragments.slices {
      let to = row * .constant(ByteFragments.slices * lanes) + .constant(slice * lanes)
      stack.append(
        .store(
          Access(slices, .int8, to), CubeOperand.slice(slice, of: ByteFragments.slices, .variable(integers)),
          active: nil))
    }
    stack.append(
      .store(Access(buffer(workspace: cut.exponents, .int32), .int32, row), .variable(exponent), active: nil))
    return kernel(name: "\(program.name)_slices_\(own.name)", cells: count, cell: cell)
  }

  /// The number among cut rows of the one at a place of the list.
  private func row(_ rows: ListedRows, _ cut: CutRows, at place: Expression) throws -> Expression {
    var starts = [Expression.constant(0)]
    for part in rows.parts.dropLast() { starts.append(starts.last! + (try length(part.list))) }
    func number(_ part: ListedRows.Part, _ start: Expression) throws -> Expression {
      // What finds a row is asked of no other part.
      var inner = environment
      (inner.lanes, inner.active) = (1, nil)
      inner.bind(part.list, LaneCoordinate(place - start))
      inner.canonical.remove(part.list)
      var number = Expression.constant(0)
      for (axis, index) in zip(program.parameters[part.parameter].axes, part.indices).dropLast() {
        let extent = scalar(HostExpression(extentOf: axis), axis.name)
        var at = try coordinate(index, inner).base
        // Within its axis by the proof of the tile program; said once more where the place in the list decides, so that the
        // number of a row is bounded by linear steps.
        if axis.extent == nil, index.dimensions.contains(part.list) { at = at.minimum(extent - .constant(1)) }
        number = number * extent + at
      }
      return scalar(cut.first[part.parameter]!, "first_row") + number
    }
    var result = try number(rows.parts.last!, starts.last!)
    for position in rows.parts.indices.dropLast().reversed() {
      let here = place.compared(.less, starts[position + 1])
      result = .conditional(here, try number(rows.parts[position], starts[position]), result)
    }
    return result
  }

  /// Fills an array with the slices of so many of a cell's rows from `first` on, [slice][row][channel]; those past the end
  /// are the last one once more.
  func fill(_ array: String, with rows: ListedRows, _ cut: CutRows, from first: Expression, lines: Int) throws {
    let (count, depth) = (try length(rows.list), rows.depth)
    let line = stack.variable("line", .index)
    stack.open(binding: [rows.list])
    let place = stack.define("place", (first + .variable(line)).minimum(count - .constant(1)))
    let row = stack.define("row", try row(rows, cut, at: place))
    let slices = buffer(workspace: cut.slices, .int8, written: false)
    for slice in 0..<ByteFragments.slices {
      let from = row * .constant(ByteFragments.slices * depth) + .constant(slice * depth)
      let to = Expression.variable(line) * .constant(depth) + .constant(slice * lines * depth)
      stack.append(
        .store(
          Access(array, .int8, to), .load(Access(slices, .int8, from), MachineType(.i32, depth), active: nil),
          active: nil))
    }
    stack.append(.loop(CountedLoop(line, from: .constant(0), to: .constant(lines), stack.close())))
  }
}
