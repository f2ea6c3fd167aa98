import MachineIR
import TileIR

/// The loop that finds the segment which block number b of a cut axis is in. Segments follow one another,
/// each cut into blocks of its own; the loop halves the segments among which b is, and leaves with the rows of
/// that block.
///
/// Its lemma: offsets o(0) = 0 to o(n) = rows that cut an axis into n segments give, over all b below
/// min(rows, rows / size + n), blocks of rows that cover the axis once. Segment s has the blocks from
/// k(s) = min(o(s), o(s) / size + s) up to k(s + 1), the one number j of them the rows from o(s) + j size on, as far
/// as the segment goes. k does not fall, as o does not; it goes from 0 to the number of blocks, so halving finds
/// the one s with k(s) <= b < k(s + 1). From o(s) to o(s + 1) = o(s) + m the first of its two terms grows by m and the
/// other by m / size or one more, and one, both by ceil(m / size) at least, so k does too: the blocks of a
/// segment suffice. Every block lies within the axis and has at most `size` rows, and the segment found is one
/// of them.
struct SegmentSearch {
  let block: Symbol
  let lower: Polynomial
  let upper: Polynomial
  let found: Polynomial
  let rows: Dimension
  /// The parameter with the offsets, and the most rows of a block.
  let parameter: Int
  let size: Int

  /// What it finds: the same for the same block in every kernel.
  var numbers: [Symbol] {
    [lower, upper, found].compactMap { value in value.top.flatMap { value == Polynomial($0) ? $0 : nil } }
  }

  /// The names that such a loop sets, and what it cuts by; nil for any other loop.
  struct Form {
    let offsets: String
    let size: Int
    let block: Expression
    let low: String
    let high: String
    let lower: String
    let upper: String
    let found: String

    init?(_ loop: CountedLoop) {
      guard loop.step == 1, loop.lower.constantValue == 0, loop.body.count == 6,
        case .define(let middle, .apply(.minimum, let place, _)) = loop.body[0],
        place[1] == loop.upper - .constant(1),
        case .apply(.divideFloor(2), let ends, _) = place[0],
        case .apply(.add, let both, _) = ends[0], case .variable(let low) = both[0], case .variable(let high) = both[1]
      else { return nil }
      let segment = Expression.variable(middle)
      guard case .define(let first, let atFirst) = loop.body[1], case .define(let last, let atLast) = loop.body[2],
        let offsets = Self.offset(atFirst, segment), offsets == Self.offset(atLast, segment + .constant(1)),
        case .define(let own, .apply(.minimum, let block, _)) = loop.body[3],
        case .apply(.add, let cut, _) = block[1], case .apply(.divideFloor(let size), _, _) = cut[0],
        case .define(let next, let atNext) = loop.body[4]
      else { return nil }
      func firstBlock(_ row: MachineIR.Variable, _ segment: Expression) -> Expression {
        Expression.variable(row).minimum(Expression.variable(row).divided(by: size) + segment)
      }
      guard .apply(.minimum, block, .index) == firstBlock(first, segment),
        atNext == firstBlock(last, segment + .constant(1)),
        case .branch(let isBefore, let before, let rest) = loop.body[5], before == [.assign(high, segment)],
        rest.count == 1, case .branch(let isWithin, let then, let behind) = rest[0], then.count == 4,
        behind == [.assign(low, segment + .constant(1))],
        case .apply(.compare(.less), let compared, _) = isBefore, compared[1] == .variable(own),
        isWithin == compared[0].compared(.less, .variable(next)),
        case .assign(let lower, let begin) = then[0],
        begin == (Expression.variable(first) + (compared[0] - .variable(own)) * .constant(size)).minimum(.variable(last)),
        case .assign(let upper, let end) = then[1],
        end == (Expression.variable(lower) + .constant(size)).minimum(.variable(last)),
        case .assign(let found, let number) = then[2], number == segment.converted(to: .i32), case .leave = then[3]
      else { return nil }
      self.offsets = offsets
      self.size = size
      self.block = compared[0]
      self.low = low.name
      self.high = high.name
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
      let block = integer(form.block).top, integer(form.block) == Polynomial(block),
      case .integer(let low)? = before[form.low], low == Polynomial(0),
      case .integer(let high)? = before[form.high], high == upper,
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
      table.extremum(extent, table.floor(extent, by: form.size) + segments, isMinimum: true)
    }
    guard prover.isAtLeastZero(count - needed) else { return }
    searches.append(
      SegmentSearch(
        block: block, lower: lowerValue, upper: upperValue, found: found, rows: rows, parameter: position,
        size: form.size))
  }
}
