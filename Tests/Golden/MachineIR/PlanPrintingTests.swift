import MachineIR
import Testing
import TileIR
import Tiles

/// The textual form of plans and register values, as `tessera show --machine` prints it.
@Suite struct PlanPrintingTests {
  private let row = Variable("row", .index)
  private func v(_ name: String, _ scalar: MachineScalar, _ lanes: Int = 1) -> Expression {
    .variable(Variable(name, MachineType(scalar, lanes)))
  }

  @Test func signsAndParentheses() {
    let (a, b, c) = (v("a", .f32), v("b", .f32), v("c", .f32))
    let (i, j) = (v("i", .i64), v("j", .i64))
    let mask = MachineType(.mask)
    func check(_ expression: Expression, _ text: String) { #expect(expression.description == text) }
    check((a + b) * c, "(a + b) * c")
    check(a + b * c, "a + b * c")
    check(a - (b - c), "a - (b - c)")
    check((a - b) - c, "a - b - c")
    check(a.apply(.divide, b * c), "a / (b * c)")
    check((i + j).divided(by: 4) * i, "(i + j) / 4 * i")
    check(i * j.remainder(by: 8), "i * (j % 8)")
    check((a + b).apply(.negate), "-(a + b)")
    check(
      .apply(.and, [a.compared(.less, b), b.compared(.notEqual, c)], mask), "(a < b) & (b != c)")
    check(a.compared(.lessOrEqual, b + c), "a <= b + c")
    check(i.apply(.shiftLeft, j).apply(.or, i), "i << j | i")
    check(.conditional(a.compared(.greater, b), a, b), "a > b ? a : b")
    check(.conditional(a.compared(.greater, b), a, b) + c, "(a > b ? a : b) + c")
  }

  @Test func constantsKeepTheirDigits() {
    #expect(Expression.float(0.1).description == "0.1")
    #expect(Expression.float(-0.0).description == "-0.0")
    #expect(Expression.float(.infinity).description == "inf")
    #expect(Expression.float(.nan).description == "nan")
    #expect(Expression.float(0.1.bitPattern, MachineType(.f64)).description == "0.1")
    #expect(Expression.constant(-3).description == "-3")
    #expect(Expression.integer(1, MachineType(.mask, 4)).description == "true")
    #expect((v("a", .f32) - Expression.float(-2)).description == "a - -2.0")
  }

  @Test func memoryAndLanes() {
    let n = v("n", .i64)
    let lanes = Expression.laneNumbers(8)
    let x = Access("x", .bfloat16, v("at", .i64) + .constant(8))
    func check(_ expression: Expression, _ text: String) { #expect(expression.description == text) }
    check(.load(x, MachineType(.i32), active: nil), "x[at + 8]")
    check(.load(x, MachineType(.i32, 8), active: nil), "x[at + 8; 8]")
    check(.load(x, MachineType(.i32, 8), active: n), "x[at + 8; 8, first n]")
    check(.gather(x, lanes: lanes, MachineType(.i32, 8), active: n), "gather x[at + 8; lane_numbers(8), first n]")
    check(.raw(buffer: "kept", offset: n, MachineType(.f32, 8)), "@kept[n; 8]")
    check(
      .gatherRaw(buffer: "kept", offset: n, lanes: lanes, MachineType(.f32, 8)),
      "gather @kept[n; lane_numbers(8)]")
    check(.element(RegisterArray("sum", MachineType(.f32), [2, 3]), [.constant(1), n]), "sum[1, n]")
    check(.broadcast(v("s", .f32), 8), "spread(s)")
    check(v("a", .i32, 8).converted(to: .f32), "f32x8(a)")
    check(v("a", .i32, 8).bitCast(to: .f32), "bits f32x8(a)")
    check(.apply(.lowHalf, [v("a", .f32, 8)], MachineType(.f32, 4)), "low_half(a)")
    check(.apply(.lane(3), [v("a", .f32, 8)], MachineType(.f32)), "lane<3>(a)")
    check(
      v("a", .f32).apply(.fusedMultiplyAdd, v("b", .f32), v("c", .f32)), "fused_multiply_add(a, b, c)")
    check(
      .apply(.lookup16, [.table(ByteTable("values", Array(0..<16))), v("code", .u8, 16)], MachineType(.u8, 16)),
      "lookup16(#values, code)")
    check(
      .apply(
        .multiplyBytes, [v("sum", .i32, 128), v("left", .i32, 128), v("right", .i32, 64)], MachineType(.i32, 128)),
      "multiply_bytes(sum, left, right)")
    check(
      .apply(
        .multiplyDoubles, [v("sum", .f64, 64), v("left", .f64, 32), v("right", .f64, 32)], MachineType(.f64, 64)),
      "multiply_doubles(sum, left, right)")
    check(v("word", .i32, 64).apply(.halvesOfE4M3(pair: 1, part: 0)), "halves_of_e4m3<1, 0>(word)")
    check(
      .apply(.halvesOfE2M1(pair: 2), [v("word", .i32, 64), v("shift", .i32, 64)], MachineType(.i32, 64)),
      "halves_of_e2m1<2>(word, shift)")
  }

  /// A kernel with every statement, in a plan with workspaces, a preparation and a guard.
  @Test func wholePlan() throws {
    let line = #line + 1
    let program = try Kernel("scale") { k in
      let rows = k.dimension("rows", in: 0...64)
      let width = k.dimension("width", in: 0...64)
      let x = k.input("x", Float.self, [rows, width])
      let w = k.weight("w", Float.self, [width])
      let y = k.output("y", Float.self, [rows, width])
      k.parallel(rows) { r in y[r] = x[r] * w[width] }
    }.program()
    let width = program.dimensions[1]
    let f32x8 = MachineType(.f32, 8)
    let sums = RegisterArray("sums", f32x8, [2])
    let (column, active) = (Variable("column", .index), Variable("active", .index))
    let at = v("row", .i64) * v("x_rows_stride", .i64) + .variable(column)
    let body: [MachineStatement] = [
      .note("y", SourceLocation(file: "Own/Scale.swift", line: 8)),
      .registers(sums),
      .clear(buffer: "kept", offset: .constant(0), count: v("width", .i64)),
      .declare(active, .constant(8)),
      .loop(CountedLoop(column, from: .constant(0), to: v("width", .i64), step: 8, [
        .assign(active, (v("width", .i64) - .variable(column)).minimum(.constant(8))),
        .prefetch(buffer: "x", offset: at + .constant(512)),
        .startCopy(AsynchronousCopy(Access("x", .float32, at), to: "kept", at: .constant(4), count: 4)),
        .closeCopies,
        .awaitCopies(1),
        .define(Variable("value", f32x8), .load(Access("x", .float32, at), f32x8, active: .variable(active))),
        .storeRaw(buffer: "kept", offset: .variable(column), v("value", .f32, 8)),
        .branch(v("active", .i64).compared(.less, .constant(8)), [
          .store(Access("y", .float32, at), v("value", .f32, 8), active: .variable(active)),
          .leave,
        ], [.store(Access("y", .float32, at), v("value", .f32, 8), active: nil)]),
      ])),
      .loop(CountedLoop(Variable("register", .index), from: .constant(0), to: .constant(2), unrolled: true, [
        .setElement(sums, [v("register", .i64)], .float(0, lanes: 8))
      ])),
      .scatter(Access("y", .float32, .constant(0)), lanes: .laneNumbers(8), v("value", .f32, 8), active: nil),
      .check(v("width", .i64).compared(.greater, .constant(0)), code: 1),
    ]
    let kernel = MachineKernel(
      name: "scale",
      buffers: [
        KernelBuffer("x", .parameter(0), .float32, isWritten: false),
        KernelBuffer("w_panels", .workspace(0), .float32, isWritten: false),
        KernelBuffer("y", .parameter(2), .float32, isWritten: true),
      ],
      scalars: [
        KernelScalar("width", .extent(width)), KernelScalar("x_rows_stride", .stride(parameter: 0, axis: 0)),
      ],
      scratch: [ScratchArray("kept", .f32, count: .extent(width) + .constant(8))],
      cells: .extent(program.dimensions[0]), cell: row, body: body)
    let preparation = MachineKernel(
      name: "lay_out_w", buffers: [], scalars: [], scratch: [],
      cells: HostExpression.extent(width).dividedUp(by: 8), cell: Variable("panel", .index), body: [])
    let plan = Plan(
      program: program, machine: .avx2, schedule: "by hand",
      workspaces: [Workspace(name: "w_panels", byteCount: .extent(width) * .constant(4), prepares: 1)],
      preparations: [preparation],
      variants: [
        PlanVariant(name: "wide", guards: [.extent(width) + .constant(-8)], kernels: [kernel]),
        PlanVariant(name: "narrow", guards: [], kernels: []),
      ],
      messages: [Diagnostic("the width is not 0", at: [SourceLocation(file: "Own/Scale.swift", line: 9)])])
    let text = """
      plan scale for cpu-avx2
        schedule by hand
        workspace w_panels: |width| * 4 bytes, lays out w
        message 1: the width is not 0
        prepare lay_out_w
          for each panel of (|width| + 7) / 8
        variant wide, where |width| - 8 >= 0
          kernel scale
            buffer x: float32, parameter x
            buffer w_panels: float32, workspace w_panels
            buffer y: float32, parameter y, written
            number width = |width|
            number x_rows_stride = x.stride(rows)
            on chip kept: f32 [|width| + 8]
            for each row of |rows|
              // y
              registers sums: f32x8 [2]
              clear @kept[0; width]
              var active: i64 = 8
              for column in 0 ..< width step 8
                active = minimum(width - column, 8)
                prefetch x[row * x_rows_stride + column + 512]
                start copy @kept[4; 4] = x[row * x_rows_stride + column; 4]
                close the group of copies
                await copies, all but 1 groups
                let value: f32x8 = x[row * x_rows_stride + column; 8, first active]
                @kept[column; 8] = value
                if active < 8
                  y[row * x_rows_stride + column; 8, first active] = value
                  leave the loop
                else
                  y[row * x_rows_stride + column; 8] = value
              unrolled for register in 0 ..< 2
                sums[register] = 0.0
              scatter y[0; lane_numbers(8)] = value
              check width > 0, else message 1
        variant narrow

      """
    #expect(plan.text(locations: false) == text)
    let located = plan.description
    #expect(located.hasPrefix("plan scale for cpu-avx2  // Golden/PlanPrintingTests.swift:\(line)\n"))
    #expect(located.contains("  message 1: the width is not 0  // Own/Scale.swift:9\n"))
    #expect(located.contains("    // Own/Scale.swift:8  y\n"))
  }
}
