import MachineIR
import TileIR

/// The loop that finds the segment which block number b of a cut axis is in. Segments follow one another,
/// each cut into blocks of its own; the loop counts blocks off until b falls into a segment, and leaves with
/// the rows of that block.
///
/// Its lemma: offsets that cut an axis into segments give, over all b below ceil(rows / size) + min(segments,
/// rows), blocks of rows that cover the axis once; a b past the last finds none. A segment of n rows has
/// ceil(n / size) blocks, which is at most n / size + 1 and none for n = 0, so the b suffice. Every block lies
/// within the axis and has at most `size` rows, and the segment found is one of them.
struct SegmentSearch {
  let block: Symbol
  let lower: Polynomial
  let upper: Polynomial
  let found: Polynomial
  let rows: Dimension
  /// The parameter with the offsets, and the most rows of a block.
  let parameter: Int
  let size: Int

  /// The names that such a loop sets, and what it cuts by; nil for any other loop.
  struct Form {
    let offsets: String
    let size: Int
    let first: String
    let left: String
    let lower: String
    let upper: String
    let found: String

    init?(_ loop: CountedLoop) {
      guard loop.step == 1, loop.lower.constantValue == 0, loop.body.count == 4,
        case .define(let last, let atLast) = loop.body[0],
        case .define(let blocks, let cut) = loop.body[1],
        case .branch(let condition, let then, let otherwise) = loop.body[2],
        case .assign(let first, .variable(last)) = loop.body[3],
        let offsets = Self.offset(atLast, .variable(loop.counter) + .constant(1)),
        case .apply(.divideFloor(let size), let whole, _) = cut,
        whole == [Expression.variable(last) - .variable(first) + .constant(size - 1)],
        case .apply(.compare(.less), let compared, _) = condition, case .variable(let left) = compared[0],
        compared[1] == .variable(blocks), then.count == 4,
        case .assign(let lower, let start) = then[0],
        start == .variable(first) + .variable(left) * .constant(size),
        case .assign(let upper, let end) = then[1],
        end == (Expression.variable(lower) + .constant(size)).minimum(.variable(last)),
        case .assign(let found, let number) = then[2], case .leave = then[3],
        number == Expression.variable(loop.counter).converted(to: .i32),
        otherwise == [.assign(left, Expression.variable(left) - .variable(blocks))]
      else { return nil }
      self.offsets = offsets
      self.size = size
      self.first = first.name
      self.left = left.name
      self.lower = lower.name
      self.upper = upper.name
      self.found = found.name
    }

    /// The buffer of an offset at a place.
    private static func offset(_ value: Expression, _ place: Expression) -> String? {
      guard case .apply(.convert, let operands, .index) = value,
        case .load(let access, MachineType(.i32), nil) = operands[0], access.element == .int32,
        access.offset == place
      else { return nil }
      return access.buffer
    }
  }
}

extension KernelWalk {
  /// Notes what a segment search leaves, where the lemma's premises hold.
  mutating func noteSearch(_ loop: CountedLoop, _ before: [String: AbstractValue], _ upper: Polynomial) {
    guard let form = SegmentSearch.Form(loop),
      let buffer = kernel.buffers.first(where: { $0.name == form.offsets }), !buffer.isWritten,
      case .parameter(let position) = buffer.source,
      let rows = plan.program.parameters[position].refinements.lazy.compactMap({ refinement -> Dimension? in
        if case .partition(let rows) = refinement { rows } else { nil }
      }).first,
      case .integer(let left)? = before[form.left], let block = left.top, left == Polynomial(block),
      // Offsets of a partition begin with 0.
      case .integer(let start)? = before[form.first], start == Polynomial(0),
      case .integer(let zero)? = before[form.lower], zero == Polynomial(0),
      case .integer(let none)? = before[form.upper], none == Polynomial(0),
      case .integer(let lowerValue)? = values[form.lower],
      case .integer(let upperValue)? = values[form.upper], let count = prover.table[block].count
    else { return }
    let segments = numbers.extent(plan.program.parameters[position].axes[0]) - 1
    let extent = numbers.extent(rows)
    guard upper == segments, prover.isAtLeastZero(segments - 1),
      case .integer(let first)? = before[form.found], first == Polynomial(0),
      case .integer(let found)? = values[form.found]
    else { return }
    for fact in [
      lowerValue, extent - upperValue, upperValue - lowerValue, lowerValue + form.size - upperValue, found,
      segments - 1 - found,
    ] { prover.push(fact) }
    let needed = prover.with { table in
      table.floor(extent + (form.size - 1), by: form.size) + table.extremum(segments, extent, isMinimum: true)
    }
    guard prover.isAtLeastZero(count - needed) else { return }
    searches.append(
      SegmentSearch(
        block: block, lower: lowerValue, upper: upperValue, found: found, rows: rows, parameter: position,
        size: form.size))
  }
}
