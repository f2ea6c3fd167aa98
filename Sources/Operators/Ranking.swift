import Tiles

/// The coordinates of the largest elements of each row, largest first.
///
/// - Shapes: x fp32 [rows, width], width bound at launch; y int32 [rows, picks].
/// - Numeric class: exact: +0 and -0 are equal, NaN is below -infinity, ties go to the lower coordinate.
/// - Edge cases: where a row is shorter than `picks`, -1 fills.
/// - Source: contract section 2, "exact"; DeepSeek-V4 specification, sections 8 and 9 (tie rules).
public func topK(picks: Int) -> Kernel {
  Kernel("top_k") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let width = k.dimension("width", in: 0...mostRows)
    let picks = Dimension("picks", picks)
    let x = k.input("x", Float.self, [rows, width])
    let y = k.output("y", Int32.self, [rows, picks])
    k.parallel(rows) { r in y[r] = x[r].topK(along: width, into: picks) }
  }
}

/// The coordinate of the largest element of each row.
///
/// - Shapes: x fp32 [rows, width], width bound at launch; y int32 [rows].
/// - Numeric class: exact: +0 and -0 are equal, NaN is below -infinity, ties go to the lower coordinate.
/// - Edge cases: 0 for an empty row and for a row of NaN.
/// - Source: contract section 2, "exact".
public func argmax() -> Kernel {
  Kernel("argmax") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let width = k.dimension("width", in: 0...mostRows)
    let x = k.input("x", Float.self, [rows, width])
    let y = k.output("y", Int32.self, [rows])
    k.parallel(rows) { r in y[r] = x[r].argmax(along: width) }
  }
}
