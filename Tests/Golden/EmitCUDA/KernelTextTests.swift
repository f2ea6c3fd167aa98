import EmitCUDA
import MachineIR
import Testing
import TileIR

/// The text of a kernel by hand, as it stands below its prelude.
@Suite struct KernelTextTests {
  private func v(_ name: String, _ scalar: MachineScalar, _ lanes: Int = 1) -> Expression {
    .variable(Variable(name, MachineType(scalar, lanes)))
  }

  /// Everything from the first kernel on.
  private func kernelText(_ kernel: MachineKernel, _ program: Program) throws -> String {
    let text = try EmitCUDA.source(kernels: [kernel], machine: .sm90a, program: program)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.drop { !$0.hasPrefix("extern \"C\"") }.joined(separator: "\n")
  }

  @Test func loadsReductionsSynchronisationAndStores() throws {
    let location = SourceLocation(file: "Own/Scale.swift", line: 1)
    let (rows, width) = (Dimension("rows", in: 0...1024), Dimension("width", in: 1...4096))
    let builder = ProgramBuilder(name: "scale", location: location)
    for (name, role) in [("x", Role.input), ("y", .output)] {
      _ = try builder.declare(
        Parameter(name: name, role: role, element: .bfloat16, axes: [rows, width], location: location))
    }
    _ = try builder.declare(Parameter(name: "factor", role: .scalar, element: .float32, axes: [], location: location))

    let (column, f32x32, i32x32) = (Variable("column", .index), MachineType(.f32, 32), MachineType(.i32, 32))
    let row = Variable("row", .index)
    let at = Expression.variable(row) * v("x_rows_stride", .i64) + .variable(column)
    let left = v("width", .i64) - .variable(column)
    let load = Expression.load(Access("x", .bfloat16, at), i32x32, active: .variable(Variable("active", .index)))
    let value = load.apply(.shiftLeft, .integer(16, i32x32)).bitCast(to: .f32)
    let f32x16 = MachineType(.f32, 16)
    let kept = v("kept_value", .f32, 32)
    let body: [MachineStatement] = [
      .note("scaled", SourceLocation(file: "Own/Scale.swift", line: 7)),
      .loop(CountedLoop(column, from: .constant(0), to: v("width", .i64), step: 32, [
        .define(Variable("active", .index), left.minimum(.constant(32))),
        .define(Variable("value", f32x32), value),
        .storeRaw(
          buffer: "kept", offset: .variable(column),
          v("value", .f32, 32).apply(.multiply, v("factor", .f32).broadcast(to: 32))),
      ])),
      .synchronise(.warp),
      .define(Variable("kept_value", f32x32), .raw(buffer: "kept", offset: .constant(1), f32x32)),
      .define(
        Variable("folded", f32x16),
        Expression.apply(.lowHalf, [kept], f32x16).apply(.add, .apply(.highHalf, [kept], f32x16))),
      .define(Variable("pair", MachineType(.f32, 64)), .raw(buffer: "far", offset: .constant(0), MachineType(.f32, 64))),
      .storeRaw(
        buffer: "far", offset: .constant(64), v("pair", .f32, 64).apply(.add, .float(1, lanes: 64))),
      .synchronise(.warp),
      .storeRaw(buffer: "kept", offset: .constant(0), .apply(.lane(5), [v("folded", .f32, 16)], MachineType(.f32))),
      .check(v("width", .i64).compared(.greater, .constant(0)), code: 1),
      .branch(v("width", .i64).compared(.less, .constant(8)), [
        .store(
          Access("y", .bfloat16, .constant(0)), v("kept_value", .f32, 32).bitCast(to: .i32), active: v("width", .i64))
      ], [
        .scatter(
          Access("y", .bfloat16, .variable(row)), lanes: .laneNumbers(32),
          v("kept_value", .f32, 32).bitCast(to: .i32), active: nil)
      ]),
    ]
    let kernel = MachineKernel(
      name: "scale",
      buffers: [
        KernelBuffer("x", .parameter(0), .bfloat16, isWritten: false),
        KernelBuffer("y", .parameter(1), .bfloat16, isWritten: true),
      ],
      scalars: [KernelScalar("width", .extent(width)), KernelScalar("x_rows_stride", .stride(parameter: 0, axis: 0))],
      floats: [2], floatNames: ["factor"],
      scratch: [
        ScratchArray("kept", .f32, count: .constant(4352)),
        ScratchArray("far", .f32, count: .extent(width) + .constant(256), in: .device),
      ],
      cells: .extent(rows), cell: row, body: body)
    let expected = """
      extern "C" __global__ void __launch_bounds__(128, 1)
      scale(const u16 *__restrict__ x, u16 *__restrict__ y, i64 width, i64 x_rows_stride, i64 spill_bytes,
          i64 cells, f32 factor, i32 *status, u8 *spill) {
        const i32 lane = threadIdx.x % 32;
        extern __shared__ __align__(16) unsigned char tessera_shared[];
        u8 *const shared = tessera_shared + threadIdx.x / 32 * 17408;
        u8 *const spilled = spill + ((i64)blockIdx.x * 4 + threadIdx.x / 32) * spill_bytes;
        f32 *const kept = (f32 *)shared;
        f32 *const far = (f32 *)spilled;
        const i64 warps = (i64)gridDim.x * 4;
        for (i64 row = (i64)blockIdx.x * 4 + threadIdx.x / 32; row < cells; row += warps) {
          // Own/Scale.swift:7  scaled
          for (i64 column = 0; column < width; column += 32) {
            const i64 active = minimum_i64(width - column, 32);
            const f32x32 value = __int_as_float((lane < active ? x[row * x_rows_stride + column + lane]
                      : 0) << 16);
            kept[column + lane] = value * factor;
          }
          __syncwarp();
          const f32x32 kept_value = kept[1 + lane];
          const f32x16 folded = kept_value + __shfl_down_sync(whole_warp, kept_value, 16);
          const f32x64 pair = load_lanes<2>(far);
          store_lanes(far + 64, pair + 1.0f);
          __syncwarp();
          store_active_lanes(kept, __shfl_sync(whole_warp, folded, 5), 1);
          if (!(width > 0)) raise_status(status, 1);
          if (width < 8) {
            if (lane < width) y[lane] = (u16)__float_as_int(kept_value);
          } else {
            y[row + lane] = (u16)__float_as_int(kept_value);
          }
        }
      }

      """
    #expect(try kernelText(kernel, builder.program) == expected)
  }

  @Test func asynchronousCopies() throws {
    let builder = ProgramBuilder(name: "fetch", location: SourceLocation(file: "Own/Fetch.swift", line: 1))
    let ring = { (round: Expression) in round.remainder(by: 3) * .constant(64) }
    let row = Expression.variable(Variable("row", .index))
    let copies = [
      AsynchronousCopy(Access("codes", .int32, row * .constant(64)), to: "stages", at: ring(row), count: 64),
      AsynchronousCopy(Access("scales", .uint8, row * .constant(8)), to: "near", at: .constant(0), count: 8),
    ]
    let kernel = MachineKernel(
      name: "fetch",
      buffers: [
        KernelBuffer("codes", .workspace(0), .int32, isWritten: false),
        KernelBuffer("scales", .workspace(1), .uint8, isWritten: false),
      ], scalars: [],
      scratch: [ScratchArray("stages", .i32, count: .constant(192)), ScratchArray("near", .u8, count: .constant(8))],
      cells: .constant(1), cell: Variable("row", .index),
      body: copies.map(MachineStatement.startCopy) + [.closeCopies, .awaitCopies(1)])
    let text = try EmitCUDA.source(kernels: [kernel], machine: .sm80, program: builder.program)
    let body = text.split(separator: "\n").suffix(6).joined(separator: "\n")
    #expect(
      body == """
            copy_async_16<256>(stages + remainder_floor_i64(row, 3) * 64, codes + row * 64);
            copy_async_8<8>(near, scales + row * 8);
            tessera_copy_commit();
            tessera_copy_wait<1>();
          }
        }
        """)
    for line in [
      "\"cp.async.cg.shared.global [%0], [%1], 16;\"", "\"cp.async.ca.shared.global [%0], [%1], 8;\"",
      "\"cp.async.commit_group;\"", "\"cp.async.wait_group %0;\"",
    ] { #expect(text.contains(line)) }

    let arrivals = copies.prefix(1).map {
      AsynchronousCopy($0.source, to: $0.target, at: $0.offset, count: $0.count, barriers: "arrivals")
    }
    let bulk = MachineKernel(
      name: "fetch", buffers: kernel.buffers, scalars: [],
      scratch: kernel.scratch + [ScratchArray("arrivals", .i64, count: .constant(2))], cells: .constant(1),
      cell: kernel.cell, body: arrivals.map(MachineStatement.startCopy) + [.closeCopies, .awaitCopies(1)])
    let bulkText = try EmitCUDA.source(kernels: [bulk], machine: .sm90a, program: builder.program)
    let bulkBody = bulkText.split(separator: "\n").suffix(5).joined(separator: "\n")
    #expect(
      bulkBody == """
            start_copy<256>(copies, stages + remainder_floor_i64(row, 3) * 64, codes + row * 64);
            close_group(copies);
            await_groups<1>(copies);
          }
        }
        """)
    for line in [
      "CopyGroups<2> copies = open_groups<2>(arrivals);", "cp.async.bulk.shared::cluster.global.mbarrier",
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;", "fence.proxy.async.shared::cta;",
    ] { #expect(bulkText.contains(line), "\(line)") }
    let mixed = MachineKernel(
      name: "fetch", buffers: kernel.buffers, scalars: [], scratch: bulk.scratch, cells: .constant(1),
      cell: kernel.cell, body: bulk.body + kernel.body)
    #expect(throws: EmissionError.self) {
      try EmitCUDA.source(kernels: [mixed], machine: .sm90a, program: builder.program)
    }

    let far = kernel.scratch.map { ScratchArray($0.name, $0.type, count: $0.count, in: .device) }
    let wrong = MachineKernel(
      name: "fetch", buffers: kernel.buffers, scalars: [], scratch: far, cells: .constant(1), cell: kernel.cell,
      body: kernel.body)
    #expect(throws: EmissionError.self) {
      try EmitCUDA.source(kernels: [wrong], machine: .sm80, program: builder.program)
    }
  }
}
