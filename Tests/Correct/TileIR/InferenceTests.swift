import Testing
import TileIR

/// Axes that follow from operations, and operations that are not defined.
@Suite struct InferenceTests {
  let rows = Dimension("rows", in: 0...8)
  let keys = Dimension("keys", in: 0...6)
  let here = SourceLocation(file: "test", line: 1)

  /// A builder with keys of length count[rows], inside a region over rows.
  private func ragged() throws -> (builder: ProgramBuilder, coordinate: ValueID) {
    let builder = ProgramBuilder(name: "ragged", location: here)
    let count = try builder.declare(
      Parameter(name: "count", role: .input, element: .int32, axes: [rows], location: here))
    try builder.openRegion([ParallelAxis(rows)], at: here)
    let length = try builder.append(.load(count, [.axis(rows)]), at: here)
    try builder.declare(keys, length: .computed(.value(length)), at: here)
    return (builder, try builder.append(.coordinate(keys), at: here))
  }

  @Test func whatIsDoneToARaggedAxisDiffersAlongTheAxesOfItsLength() throws {
    let (builder, coordinate) = try ragged()
    #expect(builder.program[coordinate].axes == [keys])
    let float = try builder.append(.elementwise(.convert(.float32)), [coordinate], at: here)
    let two = Dimension("two", 2)
    func axes(_ operation: Operation, _ operands: ValueID...) throws -> [Dimension] {
      let id = try builder.append(operation, operands, at: here)
      return builder.program[id].axes
    }
    #expect(try axes(.reduce(.sum(nil), keys), coordinate) == [rows])
    #expect(try axes(.scan(keys, inclusive: true), coordinate) == [keys, rows])
    #expect(try axes(.sort(keys), coordinate) == [keys, rows])
    #expect(try axes(.topK(keys, into: two), float) == [two, rows])
    #expect(try axes(.sample(keys, .constant(0)), coordinate) == [rows])
    #expect(
      try axes(
        .product(keys, .ordered(.sequential, .unfused), scaledLeft: false, scaledRight: false), float,
        float) == [rows])
  }

  @Test func productsStateTheirScalesAndSharedAxis() throws {
    let builder = ProgramBuilder(name: "products", location: here)
    func input(_ name: String, _ element: ElementType, _ axes: [Dimension]) throws -> ValueID {
      let parameter = try builder.declare(
        Parameter(name: name, role: .input, element: element, axes: axes, location: here))
      return try builder.append(.load(parameter, axes.map { .axis($0) }), at: here)
    }
    let inner = Dimension("inner", 8)
    let columns = Dimension("columns", 4)
    try builder.declare(rows, at: here)
    let a = try input("a", .e4m3, [rows, inner])
    let s = try input("s", .e8m0, [rows])
    let x = try input("x", .float32, [rows, inner])
    let w = try input("w", .float32, [columns, inner])
    func refused(_ productClass: ProductClass, scaledLeft: Bool = false, _ operands: ValueID...) -> String {
      do {
        _ = try builder.append(
          .product(inner, productClass, scaledLeft: scaledLeft, scaledRight: false), operands, at: here)
        return ""
      } catch { return "\(error)" }
    }
    #expect(refused(.exactBlock(8), scaledLeft: true, a, a, s) == "")
    #expect(refused(.exactBlock(8), scaledLeft: true, a, a).contains("one scale for each scaled one"))
    #expect(refused(.exactBlock(8), a, a, s).contains("one scale for each scaled one"))
    #expect(refused(.fixedPoint(bits: 21, block: 8), scaledLeft: true, x, w, s).contains("scales belong to exactBlock"))
    #expect(refused(.fixedPointFolded(bits: 21, block: 8, axis: rows), x, w).contains("shared exponent"))
    #expect(refused(.fixedPointFolded(bits: 21, block: 8, axis: inner), x, w).contains("another axis"))
    try builder.openRegion([ParallelAxis(columns)], at: here)
    #expect(refused(.fixedPointFolded(bits: 21, block: 8, axis: columns), x, w).contains("a parallel axis"))
  }
}
