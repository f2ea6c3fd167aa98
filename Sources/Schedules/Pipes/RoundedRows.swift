import MachineIR
import TileIR

/// Sums of slices that a loop rounds row by row (`RegionLowering.roundSums`): the vector unit takes all rows at once, in
/// about twenty instructions, where every power of two is so near to 1 that results are neither subnormal nor NaN. Else,
/// which is rare, it takes them as the loop says, in a hundred. Two loops that follow each other, of as many rows, are
/// rounded together.
extension PipeLowering {
  /// Finds arrays of sums that two neighbouring loops round alike, and gives each pair a tensor.
  func shareSums() {
    var lists = [kernel.body]
    while let list = lists.popLast() {
      var left = list[...]
      while let statement = left.popFirst() {
        switch statement {
        case .loop(let loop):
          lists.append(loop.body)
          guard let first = SumsOfRows(loop), let second = left.nextSums, second.follows(first),
            [first, second].allSatisfy({ sharedSums[$0.array] == nil })
          else { continue }
          let sizes = [first, second].map { sums in kernel.scratch.first { $0.name == sums.array }!.count.constantValue }
          guard let size = sizes[0], sizes[1] == size else { continue }
          let tensor = fresh("\(first.array)_of_both", .int32, count: 2 * size)
          mutable.insert(tensor.tensor)
          for (number, sums) in [first, second].enumerated() {
            take(sums.array)
            sharedSums[sums.array] = SharedSums(tensor: tensor.tensor, isSecond: number == 1)
          }
        case .branch(_, let then, let otherwise): lists += [then, otherwise]
        default: break
        }
      }
    }
  }

  /// A loop that rounds sums, and the next one where both share a tensor; false for another loop.
  func roundRows(_ loop: CountedLoop, _ left: inout ArraySlice<MachineStatement>) throws -> Bool {
    guard let first = SumsOfRows(loop) else { return false }
    var all = [first]
    if let shared = sharedSums[first.array] {
      guard let second = left.nextSums, second.follows(first), sharedSums[second.array]?.tensor == shared.tensor else {
        throw refusal("\(first.array) is not rounded beside what shares its memory")
      }
      all.append(second)
      while case .note? = left.first { left.removeFirst() }
      left.removeFirst()
    }
    let arrays = [first.target, first.rowExponents.array, first.columnExponents?.array].compactMap { $0 }
    guard let product = multiplied[first.array], all.allSatisfy({ $0.isRounded(of: multiplied[$0.array]) }),
      first.columns == Self.lanesOfRow, all.count * first.rows <= Self.lanesOfRow, first.rows % 16 == 0,
      ScalarFunction.fitsNearSlices(depth: product.depth),
      ([sharedSums[first.array]?.tensor ?? first.array] + arrays).allSatisfy({
        spills[$0] == nil && tensors[$0]?.memory == .unifiedBuffer
      })
    else { return try roundEach(all) }
    let firstRow = try scalar(first.rowExponents.first)
    guard alignment(of: firstRow) % 8 == 0 else { return try roundEach(all) }
    let ofRows = LocalView(first.rowExponents.array, .int32, offset: firstRow)
    let ofColumns = try first.columnExponents.map { LocalView($0.array, .int32, offset: try scalar($0.first)) }
    let areNear = try areNear(ofRows, all.count * first.rows, ofColumns, of: all.count)
    let atOnce = try collect { try round(all, product, ofRows, ofColumns) }
    append(.branch(areNear, atOnce, try collect { _ = try roundEach(all) }))
    return true
  }

  /// Row after row.
  private func roundEach(_ all: [SumsOfRows]) throws -> Bool {
    for sums in all {
      let count = sums.rows * sums.columns
      try lowerRounds(sums.loop { array, weight in sharedSums[array]?.part(weight, count) })
    }
    return true
  }

  /// A repeat is a row.
  private static var lanesOfRow: Int { Ascend.repeatBytes / LocalElement.int32.byteCount }

  /// Whether exponents of rows and of as many `blocks` of columns are so near to 0 that the sum of any two is that of a
  /// normal number.
  private func areNear(_ ofRows: LocalView, _ rows: Int, _ ofColumns: LocalView?, of blocks: Int) throws -> Expression {
    let lanes = Self.lanesOfRow
    let most = ofColumns == nil ? 126 : 63
    func near(_ exponents: LocalView, _ count: Int) throws -> LocalView {
      let own = try tensor("near", MachineType(.i32, lanes))
      let word = MachineType(.i32)
      emit(.maximumScalar, own, [exponents], count, scalar: .integer(Int64(-most), word))
      emit(.minimumScalar, own, [own], count, scalar: .integer(Int64(most), word))
      return emit(.compare(.equal), try tensor("are_near", MachineType(.mask, lanes)), [own, exponents], lanes)
    }
    let all: LocalView
    if let ofColumns {
      all = try near(ofColumns, lanes)
    } else {
      all = try tensor("are_near", MachineType(.mask, lanes))
      emit(.duplicate, all.reinterpreted(as: .int32), [], 8, scalar: .integer(-1, MachineType(.i32)))
    }
    let bits = all.reinterpreted(as: .uint16)
    for block in 1..<max(1, ofColumns == nil ? 1 : blocks) {
      let others = try near(ofColumns!.moved(by: block * lanes), lanes)
      emit(.and, bits, [bits, others.reinterpreted(as: .uint16)], lanes / 16)
    }
    // Bits of rows that there are not mean nothing.
    emit(.and, bits, [bits, try near(ofRows, rows).reinterpreted(as: .uint16)], rows / 16)
    return read(all.reinterpreted(as: .int64), as: .i64, "near_lines").compared(.equal, .integer(-1, MachineType(.i64)))
  }

  private func round(
    _ all: [SumsOfRows], _ product: SliceProduct, _ ofRows: LocalView, _ ofColumns: LocalView?
  ) throws {
    let (first, count) = (all[0], all[0].rows * all[0].columns)
    let type = MachineType(.i32, all.count * count)
    let operands: [Lanes] = (0..<5).map { weight in
      guard weight < first.weights else { return .constant(.integer(0, type)) }
      return .local(
        sharedSums[first.array]?.view(weight, count)
          ?? LocalView(first.array, .int32, offset: .constant(weight * count)))
    }
    let numbers = MachineType(.f32, all.count * count)
    // Sums of one weight that `float32` has are their own nearest.
    let isExact = first.weights == 1 && product.largestSum <= 1 << 24
    let nearest =
      isExact
      ? emit(.cast(.nearestEven), try tensor("nearest", numbers), [try view(operands[0], type)], numbers.lanes)
      : try call(.nearSlices(depth: product.depth), operands, numbers, "nearest")
    func powers(_ exponents: LocalView, _ lanes: Int, _ name: String) throws -> LocalView {
      let bits = try tensor(name, MachineType(.i32, lanes))
      emit(.addScalar, bits, [exponents], lanes, scalar: .integer(127, MachineType(.i32)))
      let fields = bits.reinterpreted(as: .uint32)
      return emit(.shiftLeft(23), fields, [fields], lanes).reinterpreted(as: .float32)
    }
    let rows = all.count * first.rows
    let blocks = emit(
      .broadcastBlocks, fresh("row_powers_blocks", .float32, count: 8 * rows),
      [try powers(ofRows, rows, "row_powers")], 8 * rows)
    let values = LocalView(first.target, .float32, offset: try scalar(first.first))
    emit(.multiply, values, [nearest, blocks], all.count * count, spread: [1: .blockOfRepeat])
    guard let ofColumns else { return }
    let columns = try powers(ofColumns, all.count * first.columns, "column_powers")
    for part in all.indices {
      let own = values.moved(by: part * count)
      emit(.multiply, own, [own, columns.moved(by: part * first.columns)], count, spread: [1: .oneRepeat])
    }
  }
}

/// A tensor that holds the sums of two products, weight by weight those of the first and behind them those of the second.
struct SharedSums {
  let tensor: String
  let isSecond: Bool

  /// The sums of a weight, of `count` elements.
  func part(_ weight: Int, _ count: Int) -> ArrayPart {
    ArrayPart(tensor, from: .constant((2 * weight + (isSecond ? 1 : 0)) * count))
  }
  func view(_ weight: Int, _ count: Int) -> LocalView {
    LocalView(tensor, .int32, offset: part(weight, count).first)
  }
}

/// What a loop over rows rounds, told by its form.
private struct SumsOfRows {
  let array: String
  let target: String
  /// The first element of the target.
  let first: Expression
  let rows: Int
  let columns: Int
  let weights: Int
  let rowExponents: ArrayPart
  let columnExponents: ArrayPart?
  private let whole: CountedLoop

  init?(_ loop: CountedLoop) {
    guard loop.step == 1, loop.lower.constantValue == 0, let rows = loop.upper.constantValue, loop.body.count == 1,
      case .storeRaw(let target, let to, .apply(.call(.roundedSlices), let operands, let type)) = loop.body[0]
    else { return nil }
    let (row, columns) = (Expression.variable(loop.counter), type.lanes)
    let place = row * .constant(columns)
    guard let first = to.before(place) else { return nil }
    var arrays: [String] = []
    for (weight, operand) in operands.dropLast().enumerated() {
      switch operand {
      case .raw(let array, let offset, _) where offset == place + .constant(weight * rows * columns): arrays.append(array)
      case .integer(0, _): continue
      default: return nil
      }
    }
    guard let array = arrays.first, Set(arrays).count == 1,
      operands[..<arrays.count].allSatisfy({ if case .raw = $0 { true } else { false } })
    else { return nil }
    var (ofRow, ofColumns) = (operands.last!, ArrayPart?.none)
    if case .apply(.add, let both, _) = ofRow {
      guard case .raw(let array, let offset, _) = both[0], offset.constantValue != nil else { return nil }
      (ofRow, ofColumns) = (both[1], ArrayPart(array, from: offset))
    }
    guard case .broadcast(.raw(let exponents, let offset, _), _) = ofRow, let firstRow = offset.before(row) else {
      return nil
    }
    (self.array, self.target, self.first) = (array, target, first)
    (self.rows, self.columns, weights, whole) = (rows, columns, arrays.count, loop)
    (rowExponents, columnExponents) = (ArrayPart(exponents, from: firstRow), ofColumns)
  }

  func isRounded(of product: SliceProduct?) -> Bool {
    product.map { (rows, columns, weights) == ($0.rows, $0.columns, $0.weights) } ?? false
  }

  /// Whether it is as large as another, and all that both have but the sums lies behind the other's.
  func follows(_ other: SumsOfRows) -> Bool {
    func follows(_ own: ArrayPart, _ others: ArrayPart, _ count: Int) -> Bool {
      guard let first = own.first.constantValue, let before = others.first.constantValue else { return false }
      return own.array == others.array && first == before + count
    }
    guard let columnExponents, let ofOther = other.columnExponents else { return false }
    return array != other.array && (rows, columns, weights) == (other.rows, other.columns, other.weights)
      && follows(ArrayPart(target, from: first), ArrayPart(other.target, from: other.first), rows * columns)
      && follows(rowExponents, other.rowExponents, rows) && follows(columnExponents, ofOther, columns)
  }

  /// The loop with its sums of each weight where `place` says.
  func loop(_ place: (String, Int) -> ArrayPart?) -> CountedLoop {
    guard case .storeRaw(let target, let to, .apply(let function, let operands, let type)) = whole.body[0] else {
      preconditionFailure("the loop's form")
    }
    let moved = operands.enumerated().map { weight, operand -> Expression in
      guard weight < weights, let part = place(array, weight) else { return operand }
      return part.raw(MachineType(.i32, columns), at: .variable(whole.counter) * .constant(columns))
    }
    return CountedLoop(
      whole.counter, from: whole.lower, to: whole.upper,
      [.storeRaw(buffer: target, offset: to, .apply(function, moved, type))])
  }
}

extension ArraySlice<MachineStatement> {
  /// What the next statement rounds, but for notes.
  fileprivate var nextSums: SumsOfRows? {
    for statement in self {
      switch statement {
      case .note: continue
      case .loop(let loop): return SumsOfRows(loop)
      default: return nil
      }
    }
    return nil
  }
}

extension Expression {
  /// What stands before `last` in a sum; nil where that is not its last term.
  fileprivate func before(_ last: Expression) -> Expression? {
    if self == last { return .constant(0) }
    guard case .apply(.add, let terms, _) = self, terms[1] == last else { return nil }
    return terms[0]
  }
}

extension LocalView {
  fileprivate func moved(by elements: Int) -> LocalView {
    LocalView(tensor, element, offset: offset + .constant(elements))
  }
}
