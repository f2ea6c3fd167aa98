import Tiles

/// The softmax of each row.
///
/// - Mathematics: y = e^(x - m) / sum of e^(x - m), m the row's maximum.
/// - Shapes: x and y fp32 [rows, width]; both are bound at launch, width up to 2^20.
/// - Numeric class: the sum of exponentials is `interleaved(128)`; the quotient is e (1 / sum) with one
///   correctly rounded reciprocal a row, not a division an element.
/// - Edge cases: -infinity gives 0; a row that holds NaN or +infinity, or nothing but -infinity, becomes
///   NaN; empty rows and no rows give an empty result.
/// - Source: contract section 2b, "sum of exponentials".
public func softmax() -> Kernel {
  Kernel("softmax") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let width = k.dimension("width", in: 0...mostRows)
    let x = k.input("x", Float.self, [rows, width])
    let y = k.output("y", Float.self, [rows, width])
    k.parallel(rows) { r in
      let row = x[r]
      let e = exp(row - row.max(along: width))
      y[r] = e * (1 / e.sum(along: width, order: .interleaved(128)))
    }
  }
}
