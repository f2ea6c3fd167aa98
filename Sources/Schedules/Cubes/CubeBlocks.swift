import MachineIR
import TileIR

/// What a round of a cell's loop over blocks of depth has.
struct CubeRound {
  /// Blocks of each product.
  let turns: Int
  /// How many blocks, of one product or of two, are rounded together: of few rows two, which has half the instructions.
  let together: Int
  /// For each block of each product.
  let arrays: [CubeArrays]

  /// `isPair`: two products that take turns with each other. Of few rows there are more blocks under way.
  init(_ lowering: RegionLowering, _ products: [CubeProduct], isPair: Bool, _ blocking: ProductBlocking) {
    let isOfFew = blocking.cellRows == SliceProduct.tile
    let most = products.count == 1 ? (isOfFew ? 4 : 2) : (isOfFew && isPair ? 2 : 1)
    turns = min(most, products.map(\.exchanges).min()!)
    let parts = isPair ? 2 * turns : turns
    let together = isOfFew ? min(parts, 2) : 1
    self.together = together
    let sums = products.map(\.sums).max()!
    arrays = (0..<parts / together).flatMap { _ in
      CubeArrays.arrays(together, lowering, rows: blocking.cellRows, columns: blocking.cellColumns, sums: sums)
    }
  }
}

/// A block of depth of a cell's product.
struct CubePart {
  let id: ValueID
  let product: CubeProduct
  /// The block's numbers among those of both operands.
  var left: Expression
  var right: Expression
  /// The position of the workspace through which its sums go.
  let exchange: Int
  let arrays: CubeArrays
  let total: ArrayPart
}

extension RegionLowering {
  /// Multiplies blocks, rounds the sums of each and adds them to their totals, one step after the other for all of them;
  /// `isNarrow`: of weights of which the first slice is all.
  func add(_ parts: [CubePart], isNarrow: Bool, rows rowCount: Expression) {
    let isOfOne = Set(parts.map(\.id)).count == 1
    func forEach(_ body: (CubePart) -> Void) {
      for part in parts {
        if !isOfOne { stack.append(.note("product", program[part.id].location)) }
        body(part)
      }
    }
    let parts = parts.map { part in
      var part = part
      part.left = stack.define("left_block", part.left)
      part.right = stack.define("right_block", part.right)
      return part
    }
    forEach { stack.append(.multiplySlices(sliceProduct($0, isNarrow: isNarrow))) }
    for part in parts {
      for (array, operand, block) in [
        (part.arrays.rowExponents, part.product.left, part.left),
        (part.arrays.columnExponents, part.product.right, part.right),
      ] {
        let exponents = buffer(workspace: operand.exponents, .int32, written: false)
        let own = Access(exponents, .int32, block * .constant(operand.tile))
        stack.append(array.stored(.load(own, MachineType(.i32, operand.tile), active: nil)))
      }
    }
    forEach {
      roundSums(
        of: sliceProduct($0, isNarrow: isNarrow), to: $0.arrays.values, rowExponents: $0.arrays.rowExponents,
        columnExponents: $0.arrays.columnExponents)
    }
    for part in parts {
      guard let groups = part.product.right.groups, !isNarrow else { continue }
      replaceApartColumns(
        part.product, groups, leftBlock: part.left, rightBlock: part.right, rows: rowCount, in: part.arrays.values)
    }
    for part in parts {
      let all = MachineType(.f32, part.product.left.tile * part.product.right.tile)
      stack.append(part.total.stored(part.total.raw(all).apply(.add, part.arrays.values.raw(all))))
    }
  }

  private func sliceProduct(_ part: CubePart, isNarrow: Bool) -> SliceProduct {
    let (left, right) = (part.product.left, part.product.right)
    func access(_ operand: CubeOperand, _ block: Expression) -> Access {
      Access(buffer(workspace: operand.slices, .int8, written: false), .int8, block * .constant(operand.blockBytes))
    }
    return SliceProduct(
      access(left, part.left), slices: left.sliceCount, by: access(right, part.right),
      slices: isNarrow ? 1 : right.sliceCount, ofSlices: right.sliceCount, rows: left.tile, columns: right.tile,
      depth: left.block, to: part.arrays.sums, through: buffer(workspace: part.exchange, .int32))
  }
}
