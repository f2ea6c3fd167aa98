import MachineIR
import TileIR

/// Columns of a block whose groups' scales lie too far apart for slices under one power of two (`CubeGroups`): the exact
/// sum of each group, and of these what all are rounded together to, row by row. Few blocks have any; those that do are
/// told by a number of their own, so that others pay for one load.
extension RegionLowering {
  /// Puts a block's values of such columns where the others are, rows of columns. Their integers are the last slice.
  func replaceApartColumns(
    _ product: CubeProduct, _ groups: CubeGroups, leftBlock: Expression, rightBlock: Expression,
    rows rowCount: Expression, in values: ArrayPart
  ) {
    let (left, right) = (product.left, product.right)
    let word = MachineType(.i32)
    func number(_ workspace: Int, _ place: Expression) -> Expression {
      .load(Access(buffer(workspace: workspace, .int32, written: false), .int32, place), word, active: nil)
    }
    let (column, row) = (stack.variable("column", .index), stack.variable("row", .index))
    stack.open()
    let place = rightBlock * .constant(right.tile) + .variable(column)
    let exponent = stack.define("column_exponent", number(right.exponents, place))
    let ofColumn = collect {
      let scales = stack.define("group_scales", number(groups.scales, place))
      let line = stack.define(
        "column_integers", slice(right.sliceCount - 1, of: right, rightBlock, .variable(column)))
      stack.open()
      let power = stack.define(
        "row_exponent", number(left.exponents, leftBlock * .constant(left.tile) + .variable(row)))
      // Of a row with a NaN the block is NaN already.
      let ofRow = collect {
        let slices = (0..<left.sliceCount).map { number in
          stack.define("products", slice(number, of: left, leftBlock, .variable(row)).apply(.multiply, line))
        }
        let sums = groupSums(slices, groups)
        let terms = sums.enumerated().map { group, sum in
          stack.define("term", sum.apply(.multiply, self.power(right, power, GroupScales.scale(scales, group))))
        }
        let at = Expression.variable(row) * .constant(right.tile) + .variable(column)
        let value = Expression.apply(.roundedSum, terms, MachineType(.f32))
        stack.append(values.stored(value, at: at))
      }
      let isNumber = power.compared(.less, .integer(Int64(ScalarFunction.farExponent), word))
      stack.append(.branch(isNumber, ofRow, []))
      stack.append(.loop(CountedLoop(row, from: .constant(0), to: rowCount, stack.close())))
    }
    stack.append(.branch(exponent.compared(.equal, CubeGroups.apartExponent), ofColumn, []))
    let columns = MachineStatement.loop(
      CountedLoop(column, from: .constant(0), to: .constant(right.tile), stack.close()))
    let spread = stack.define("spread", number(groups.spreads, rightBlock))
    stack.append(.branch(spread.compared(.equal, .integer(Int64(CubeGroups.apart), word)), [columns], []))
  }

  /// A slice of a line's block.
  private func slice(_ slice: Int, of operand: CubeOperand, _ block: Expression, _ line: Expression) -> Expression {
    let place =
      block * .constant(operand.blockBytes) + .constant(slice * operand.tile * operand.block)
      + line * .constant(operand.block)
    let slices = buffer(workspace: operand.slices, .int8, written: false)
    return .load(Access(slices, .int8, place), MachineType(.i32, operand.block), active: nil)
  }

  /// The exact sum of each group, in f64, of the products of a row's slices with a column's integers.
  private func groupSums(_ slices: [Expression], _ groups: CubeGroups) -> [Expression] {
    func parts(_ value: Expression, _ count: Int) -> [Expression] {
      guard count > 1 else { return [value] }
      let whole = stack.define("group_products", value)
      let half = whole.type.with(lanes: whole.type.lanes / 2)
      return [Instruction.lowHalf, .highHalf].flatMap { parts(.apply($0, [whole], half), count / 2) }
    }
    let sums = slices.map { slice in
      parts(slice, groups.count).map { part in
        stack.define("group_sum", foldLanes(part) { $0.apply(.add, $1) })
      }
    }
    return (0..<groups.count).map { group in
      sums.dropFirst().enumerated().reduce(sums[0][group].converted(to: .f64)) { lower, next in
        let weight = Double(1 << (ByteFragments.sliceBits * (next.offset + 1)))
        let number = next.element[group].converted(to: .f64)
        return lower.apply(.add, number.apply(.multiply, .float(weight.bitPattern, number.type)))
      }
    }
  }

  /// Two to the exponent of a row and that of a column's group, in f64.
  private func power(_ right: CubeOperand, _ row: Expression, _ code: Expression) -> Expression {
    let exponent = row.apply(.add, code).apply(.add, .integer(Int64(1023 - right.bias), row.type))
    let bits = exponent.converted(to: .i64)
    return bits.apply(.shiftLeft, .integer(52, bits.type)).bitCast(to: .f64)
  }
}
