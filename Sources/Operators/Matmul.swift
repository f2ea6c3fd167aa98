import Tiles

/// Where a product's epilogue stands: it may declare inputs on `kernel` and read them at the block.
///
/// ```swift
/// matmul(inner: 512, columns: 512) { cell, sum in
///   silu(sum + cell.kernel.input("bias", Float.self, [cell.columns])[cell.column])
/// }
/// ```
public struct MatmulCell {
  public let kernel: Trace
  /// The axes of the result.
  public let rows: Dimension
  public let columns: Dimension
  /// The blocks that the sum is at.
  public let row: Block
  public let column: Block
}

/// The product of two matrices, y = epilogue(a b), in the numeric class that is asked for.
///
/// - Mathematics: y[i, j] = sum over k of a[i, k] b[k, j].
/// - Shapes: a [rows, inner], b [inner, columns] (a [inner, rows] and b [columns, inner] where
///   transposed), y [rows, columns]; `rows` is bound at launch, up to 2^20.
/// - Numeric class: `productClass`, which is `ordered(chained(512), fused)` unless said otherwise;
///   bf16 operands are widened, and a bf16 result is rounded once, after the epilogue.
/// - Edge cases: no rows or no columns give an empty result; `inner` = 0 gives the epilogue of +0. A NaN
///   or a product of zero and infinity makes its element NaN; in `fixedPoint` a NaN or an infinity makes
///   every product of its block NaN.
public func matmul<Operand: TileElement, Result: TileElement>(
  _ operands: Operand.Type = Float.self, inner: Int, columns: Int,
  _ productClass: ProductClass = .ordered(.chained(512), .fused), transposedLeft: Bool = false,
  transposedRight: Bool = false, result: Result.Type = Float.self, name: String = "matmul",
  epilogue: (MatmulCell, Tile<Float>) -> Tile<Float> = { $1 }
) -> Kernel {
  Kernel(name) { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let (inner, columns) = (Dimension("inner", inner), Dimension("columns", columns))
    let a = k.input("a", Operand.self, transposedLeft ? [inner, rows] : [rows, inner])
    let b = k.weight("b", Operand.self, transposedRight ? [columns, inner] : [inner, columns])
    let y = k.output("y", Result.self, [rows, columns])
    k.parallel(rows, columns) { r, c in
      let sum = product(
        a[r].cast(to: Float.self), b[c].cast(to: Float.self), contracting: inner, productClass)
      let cell = MatmulCell(kernel: k, rows: rows, columns: columns, row: r, column: c)
      y[r, c] = epilogue(cell, sum).cast(to: Result.self)
    }
  }
}
