import MachineIR
import TileIR

/// Sums of slices that a loop rounds row by row (`RegionLowering.roundSums`): the vector unit takes all rows at once, in
/// about twenty instructions, where every power of two is so near to 1 that results are neither subnormal nor NaN. Else,
/// which is rare, it takes them as the loop says, in a hundred.
extension PipeLowering {
  /// False for another loop.
  func roundRows(_ loop: CountedLoop) throws -> Bool {
    guard let sums = SumsOfRows(loop), let product = multiplied[sums.array], sums.rows == product.rows,
      sums.columns == product.columns, sums.columns == Self.lanesOfRow, sums.rows <= Self.lanesOfRow,
      sums.weights == product.weights, sums.rows % 16 == 0, ScalarFunction.fitsNearSlices(depth: product.depth),
      [sums.array, sums.target, sums.rowExponents.array, sums.columnExponents].compactMap({ $0 }).allSatisfy({
        spills[$0] == nil && tensors[$0]?.memory == .unifiedBuffer
      })
    else { return false }
    let first = try scalar(sums.rowExponents.first)
    guard alignment(of: first) % 8 == 0 else { return false }
    let ofRows = LocalView(sums.rowExponents.array, .int32, offset: first)
    let ofColumns = sums.columnExponents.map { LocalView($0, .int32) }
    let areNear = try areNear(ofRows, sums.rows, ofColumns)
    let atOnce = try collect { try round(sums, product, ofRows, ofColumns) }
    append(.branch(areNear, atOnce, try collect { try lowerRounds(loop) }))
    return true
  }

  /// A repeat is a row.
  private static var lanesOfRow: Int { Ascend.repeatBytes / LocalElement.int32.byteCount }

  /// Whether exponents of rows and columns are so near to 0 that the sum of any two is that of a normal number.
  private func areNear(_ ofRows: LocalView, _ rows: Int, _ ofColumns: LocalView?) throws -> Expression {
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
    // Bits of rows that there are not mean nothing.
    let bits = all.reinterpreted(as: .uint16)
    emit(.and, bits, [bits, try near(ofRows, rows).reinterpreted(as: .uint16)], rows / 16)
    return read(all.reinterpreted(as: .int64), as: .i64, "near_lines").compared(.equal, .integer(-1, MachineType(.i64)))
  }

  private func round(
    _ sums: SumsOfRows, _ product: SliceProduct, _ ofRows: LocalView, _ ofColumns: LocalView?
  ) throws {
    let count = sums.rows * sums.columns
    let type = MachineType(.i32, count)
    let operands: [Lanes] = (0..<5).map { weight in
      weight < sums.weights
        ? .local(LocalView(sums.array, .int32, offset: .constant(weight * count))) : .constant(.integer(0, type))
    }
    let nearest = try call(.nearSlices(depth: product.depth), operands, MachineType(.f32, count), "nearest")
    func powers(_ exponents: LocalView, _ lanes: Int, _ name: String) throws -> LocalView {
      let bits = try tensor(name, MachineType(.i32, lanes))
      emit(.addScalar, bits, [exponents], lanes, scalar: .integer(127, MachineType(.i32)))
      let fields = bits.reinterpreted(as: .uint32)
      return emit(.shiftLeft(23), fields, [fields], lanes).reinterpreted(as: .float32)
    }
    let blocks = emit(
      .broadcastBlocks, fresh("row_powers_blocks", .float32, count: 8 * sums.rows),
      [try powers(ofRows, sums.rows, "row_powers")], 8 * sums.rows)
    let values = LocalView(sums.target, .float32)
    emit(.multiply, values, [nearest, blocks], count, spread: [1: .blockOfRepeat])
    guard let ofColumns else { return }
    let columns = try powers(ofColumns, sums.columns, "column_powers")
    emit(.multiply, values, [values, columns], count, spread: [1: .oneRepeat])
  }
}

/// What a loop over rows rounds, told by its form.
private struct SumsOfRows {
  let array: String
  let target: String
  let rows: Int
  let columns: Int
  let weights: Int
  let rowExponents: (array: String, first: Expression)
  let columnExponents: String?

  init?(_ loop: CountedLoop) {
    guard loop.step == 1, loop.lower.constantValue == 0, let rows = loop.upper.constantValue, loop.body.count == 1,
      case .storeRaw(let target, let place, .apply(.call(.roundedSlices), let operands, let type)) = loop.body[0]
    else { return nil }
    let (row, columns) = (Expression.variable(loop.counter), type.lanes)
    guard place == row * .constant(columns) else { return nil }
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
    var (ofRow, ofColumns) = (operands.last!, String?.none)
    if case .apply(.add, let both, _) = ofRow {
      guard case .raw(let array, let offset, _) = both[0], offset.constantValue == 0 else { return nil }
      (ofRow, ofColumns) = (both[1], array)
    }
    guard case .broadcast(.raw(let exponents, let offset, _), _) = ofRow else { return nil }
    let first: Expression
    if offset == row {
      first = .constant(0)
    } else {
      guard case .apply(.add, let terms, _) = offset, terms[1] == row else { return nil }
      first = terms[0]
    }
    (self.array, self.target, self.rows, self.columns, weights) = (array, target, rows, columns, arrays.count)
    (rowExponents, columnExponents) = ((exponents, first), ofColumns)
  }
}
