import Tiles

/// Rows of a table by their numbers, such as the embeddings of tokens.
///
/// - Mathematics: y[t] = table[index[t]].
/// - Shapes: index int32 [rows], table [entries, width], y [rows, width], of any element type.
/// - Numeric class: exact; bits are kept, those of NaN included.
/// - Edge cases: an index outside of the table is refused before the launch; rows may repeat.
public func gather<Element: TileElement>(_: Element.Type = BFloat16.self, width: Int) -> Kernel {
  Kernel("gather") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let entries = k.dimension("entries", in: 0...mostRows)
    let width = Dimension("width", width)
    let index = k.input("index", Int32.self, [rows], .coordinate(of: entries))
    let table = k.weight("table", Element.self, [entries, width])
    let y = k.output("y", Element.self, [rows, width])
    k.parallel(rows) { r in y[r] = table[Position(index[r]), width] }
  }
}

/// Rows written into a ring of cached rows, each at its absolute position modulo the ring's span.
///
/// - Mathematics: ring[(start + t) mod span] = x[t]; of rows that meet in one slot the last stays.
/// - Shapes: x [rows, width], start int32, the position of row 0; ring [span, width], state.
/// - Numeric class: exact; bits are kept. Slots that no row reaches keep their contents.
/// - Edge cases: no rows change nothing; more rows than slots write the last `span` of them.
/// - Source: DeepSeek-V4 specification, section 11 (window rows at slot p mod span).
public func scatter<Element: TileElement>(
  _: Element.Type = BFloat16.self, span: Int, width: Int
) -> Kernel {
  Kernel("scatter") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let (span, width) = (Dimension("span", span), Dimension("width", width))
    let start = k.scalar("start", in: 0...mostRows)
    let x = k.input("x", Element.self, [rows, width])
    let ring = k.state("ring", Element.self, [span, width])
    k.parallel(rows) { r in
      let isLast = r.coordinate .>= k.length(of: rows) - Int32(span.extent!)
      let slot = (start.position + r.position) % span.extent!
      ring.write(x[r], at: slot, width, where: isLast)
    }
  }
}
