import MachineIR
import TileIR
import Tiles

/// Machine programs written by hand: a correct one that copies rows, and wrong ones beside it.
enum MachineMuseum {
  /// `y[rows, width] = x[rows, width]`, in cells of four rows.
  static let program: Program = {
    let kernel = Kernel("copy") { k in
      let rows = k.dimension("rows", in: 0...1000)
      let width = k.dimension("width", in: 0...1000)
      let x = k.input("x", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows, width])
      k.parallel(rows, width) { r, c in y[r, c] = x[r, c] }
    }
    return try! kernel.program()
  }()

  static let rows = program.dimensions.first { $0.name == "rows" }!
  static let width = program.dimensions.first { $0.name == "width" }!

  // MARK: Pieces

  static func name(_ name: String) -> Expression { .variable(.init(name, .index)) }
  static let cell = Variable("cell", .index)
  static let row = Variable("row", .index)
  static let column = Variable("column", .index)
  static let vector = MachineType(.f32, 8)

  static func place(_ row: Expression, _ column: Expression, _ buffer: String = "x") -> Expression {
    row * name("\(buffer)_stride") + column
  }
  static func load(_ offset: Expression, _ type: MachineType = MachineType(.f32), active: Expression? = nil) -> Expression {
    .load(Access("x", .float32, offset), type, active: active)
  }
  static func store(_ offset: Expression, _ value: Expression, active: Expression? = nil) -> MachineStatement {
    .store(Access("y", .float32, offset), value, active: active)
  }

  /// A row copied by whole vectors and what is left.
  static func copyRow(
    _ row: Expression, whole: Expression? = nil, hasTail: Bool = true, mask: (Expression) -> Expression? = { $0 }
  ) -> [MachineStatement] {
    let count = name("width")
    let whole = whole ?? count - count.remainder(by: 8)
    let at = Expression.variable(column)
    let left = mask(count - whole)
    let vectors = MachineStatement.loop(
      CountedLoop(
        column, from: .constant(0), to: whole, step: 8,
        [store(place(row, at, "y"), load(place(row, at), vector))]))
    let tail = MachineStatement.branch(
      whole.compared(.less, count),
      [store(place(row, whole, "y"), load(place(row, whole), vector, active: left), active: left)], [])
    return hasTail ? [vectors, tail] : [vectors]
  }

  /// The plan of a body over `rows` in cells of four.
  static func plan(
    cells: HostExpression? = nil, scratch: [ScratchArray] = [], on machine: MachineDescription = .avx2,
    _ body: [MachineStatement]
  ) -> Plan {
    let kernel = MachineKernel(
      name: "copy",
      buffers: [
        KernelBuffer("x", .parameter(0), .float32, isWritten: false),
        KernelBuffer("y", .parameter(1), .float32, isWritten: true),
      ],
      scalars: [
        KernelScalar("rows", .extent(rows)), KernelScalar("width", .extent(width)),
        KernelScalar("x_stride", .stride(parameter: 0, axis: 0)),
        KernelScalar("y_stride", .stride(parameter: 1, axis: 0)),
      ],
      scratch: scratch, cells: cells ?? HostExpression.extent(rows).dividedUp(by: 4), cell: cell,
      body: [.note("copy", SourceLocation(file: "Museum/Copy.swift", line: 7))] + body)
    return Plan(
      program: program, machine: machine, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [kernel])], messages: [])
  }

  /// A loop over the rows of a cell.
  static func overRows(
    from lower: Expression? = nil, to upper: Expression? = nil, _ body: [MachineStatement]
  ) -> [MachineStatement] {
    let first = Expression.variable(cell) * .constant(4)
    return [
      .loop(
        CountedLoop(
          row, from: lower ?? first, to: upper ?? (first + .constant(4)).minimum(name("rows")), body))
    ]
  }

  static var correct: Plan { plan(overRows(copyRow(.variable(row)))) }

  // MARK: Wrong ones

  struct Exhibit: Sendable, CustomStringConvertible {
    let description: String
    let plan: Plan
    /// Words of what is refused.
    let expected: String
  }

  static let exhibits: [Exhibit] = [
    Exhibit(
      description: "a tail without a mask",
      plan: plan(overRows(copyRow(.variable(row), mask: { _ in nil }))), expected: "along width"),
    Exhibit(
      description: "a tail that is left out", plan: plan(overRows(copyRow(.variable(row), hasTail: false))),
      expected: "every element of y is written"),
    Exhibit(
      description: "a schedule that drops the last band",
      plan: plan(cells: .divided(.extent(rows), 4), overRows(copyRow(.variable(row)))),
      expected: "every element of y is written"),
    Exhibit(
      description: "a region whose minimum plus extent passes the end",
      plan: plan(overRows(to: Expression.variable(cell) * .constant(4) + .constant(4), copyRow(.variable(row)))),
      expected: "along rows"),
    Exhibit(
      description: "a region that begins before the first row",
      plan: plan(overRows(from: Expression.variable(cell) * .constant(4) - .constant(1), copyRow(.variable(row)))),
      expected: "along rows"),
    Exhibit(
      description: "cells whose rows overlap",
      plan: plan(
        overRows(to: (Expression.variable(cell) * .constant(4) + .constant(5)).minimum(name("rows")), copyRow(.variable(row)))),
      expected: "written twice"),
    Exhibit(
      description: "a loop whose rounds store to one element",
      plan: plan(
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [store(place(.variable(row), .constant(0), "y"), load(place(.variable(row), .variable(column))))]))
        ])),
      expected: "writes the same"),
    Exhibit(
      description: "an index narrowed to 16 bits",
      plan: plan(
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                store(
                  place(.variable(row), .variable(column), "y"),
                  load(place(.variable(row), .variable(column)).converted(to: .i16).converted(to: .i64)))
              ]))
        ])),
      expected: "in copy"),
    Exhibit(
      description: "a negative intermediate index",
      plan: plan(
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                store(
                  place(.variable(row), .variable(column), "y"),
                  load(place(.variable(row), (Expression.variable(column) - .constant(3)).divided(by: 2))))
              ]))
        ])),
      expected: "along width"),
    Exhibit(
      description: "a remainder folded although the block is another",
      plan: plan(
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                store(
                  place(.variable(row), Expression.variable(column).remainder(by: 48).remainder(by: 32), "y"),
                  load(place(.variable(row), .variable(column))))
              ]))
        ])),
      expected: "in copy"),
    Exhibit(
      description: "an on-chip buffer one element short",
      plan: plan(
        scratch: [ScratchArray("staged", .f32, count: .sum(.extent(width), .constant(-1)))],
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                .storeRaw(
                  buffer: "staged", offset: .variable(column), load(place(.variable(row), .variable(column)))),
                store(
                  place(.variable(row), .variable(column), "y"),
                  .raw(buffer: "staged", offset: .variable(column), MachineType(.f32))),
              ]))
        ])),
      expected: "on-chip staged"),
    Exhibit(
      description: "strides that have traded places",
      plan: plan(
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                store(
                  place(.variable(row), .variable(column), "y"),
                  load(Expression.variable(column) * name("x_stride") + .variable(row)))
              ]))
        ])),
      expected: "along rows"),
    Exhibit(
      description: "a register beyond its array",
      plan: plan(
        overRows(
          [.registers(RegisterArray("parts", vector, [4]))]
            + [
              .loop(
                CountedLoop(
                  column, from: .constant(0), to: .constant(5),
                  [.setElement(RegisterArray("parts", vector, [4]), [.variable(column)], .float(0, vector))]))
            ] + copyRow(.variable(row)))),
      expected: "register of parts"),
    Exhibit(
      description: "a grid without cells", plan: plan(cells: .constant(0), overRows(copyRow(.variable(row)))),
      expected: "every element of y is written"),
    Exhibit(
      description: "a store that only some data brings about",
      plan: plan(
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                .branch(
                  Expression.float(0).compared(.less, load(place(.variable(row), .variable(column)))),
                  [store(place(.variable(row), .variable(column), "y"), .float(1))], [])
              ]))
        ])),
      expected: "every element of y is written"),
    Exhibit(
      description: "a loop that data may end before it has stored everything",
      plan: plan(
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                store(place(.variable(row), .variable(column), "y"), .float(1)),
                .branch(
                  Expression.float(0).compared(.less, load(place(.variable(row), .variable(column)))), [.leave], []),
              ]))
        ])),
      expected: "every element of y is written"),
    Exhibit(
      description: "a sum of byte products that may leave 32 bits", plan: summing(rounds: 20_000),
      expected: "exactAccumulator in copy: dot4"),
    Exhibit(
      description: "a matrix product of bytes that may leave 32 bits", plan: multiplying(rounds: 4096),
      expected: "exactAccumulator in copy: multiplyBytes"),
    Exhibit(
      description: "a matrix product of halves whose sums may leave 24 bits", plan: multiplyingHalves(shift: 4),
      expected: "exactAccumulator in copy: multiplyHalves"),
    Exhibit(
      description: "a matrix product of halves that are no codes' and may be any",
      plan: multiplyingHalves(shift: 3, isOfCodes: false), expected: "exactAccumulator in copy: multiplyHalves"),
    Exhibit(
      description: "an on-chip array that nothing is stored to",
      plan: plan(
        scratch: [ScratchArray("staged", .f32, count: .constant(1))],
        overRows([
          .loop(
            CountedLoop(
              column, from: .constant(0), to: name("width"),
              [
                store(
                  place(.variable(row), .variable(column), "y"),
                  .raw(buffer: "staged", offset: .constant(0), MachineType(.f32)))
              ]))
        ])),
      expected: "elements of staged are stored before they are read: nothing is stored"),
  ]

  /// The correct copy after a matrix product of bytes a round, of which each adds at most 32 times 128 squared.
  static func multiplying(rounds: Int) -> Plan {
    let total = Variable("total", ByteMatrices.sum)
    let operands: [Expression] = [
      .variable(total), .integer(0, ByteMatrices.left), .integer(0, ByteMatrices.right),
    ]
    return plan(
      [
        .declare(total, .integer(0, total.type)),
        .loop(
          CountedLoop(
            Variable("round", .index), from: .constant(0), to: .constant(rounds),
            [.assign(total, .apply(.multiplyBytes, operands, total.type))])),
      ] + overRows(copyRow(.variable(row))))
  }

  /// The correct copy after 128 products each of first parts of E4M3 numbers and of E2M1 numbers with shifts up to `shift`
  /// and one more: 480 times 12 units at most where there is none.
  static func multiplyingHalves(shift: Int, isOfCodes: Bool = true) -> Plan {
    let total = Variable("total", HalfMatrices.sum)
    let codes = Expression.integer(0, HalfMatrices.left)
    let row = isOfCodes ? codes.apply(.halvesOfE4M3(pair: 0, part: 0)) : codes
    let shifts = Expression.laneNumbers(64).apply(.minimum, .integer(Int64(shift), HalfMatrices.right))
    let column = Expression.apply(.halvesOfE2M1(pair: 0), [.integer(0, HalfMatrices.right), shifts], HalfMatrices.right)
    return plan(
      [
        .declare(total, .float(0, lanes: total.type.lanes)),
        .loop(
          CountedLoop(
            Variable("round", .index), from: .constant(0), to: .constant(16),
            [.assign(total, .apply(.multiplyHalves, [.variable(total), row, column], total.type))])),
      ] + overRows(copyRow(.variable(self.row))))
  }

  /// The correct copy after a sum of four products of bytes a round: 255 times -128 at most.
  static func summing(rounds: Int) -> Plan {
    let total = Variable("total", MachineType(.i32, 2))
    let products: [Expression] = [
      .variable(total), .integer(255, MachineType(.u8, 8)), .integer(-128, MachineType(.i8, 8)),
    ]
    return plan(
      [
        .declare(total, .integer(0, total.type)),
        .loop(
          CountedLoop(
            Variable("round", .index), from: .constant(0), to: .constant(rounds),
            [.assign(total, .apply(.dot4, products, total.type))])),
      ] + overRows(copyRow(.variable(row))))
  }
}
