@testable import check_plans
import MachineIR
import Operators
import Schedules
import Testing
import TileIR
import Tiles

/// Products that become kernels of their own: which, and that nothing else changes.
@Suite struct StagedProductTests {
  private let staging = Schedule(stagesProducts: true)

  @Test("what stands behind a product of its own loads it", arguments: ["router", "hc_pre", "hc_head"])
  func bits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: .avx2, schedule: staging)
    let plain = try Lowering.plan(program, for: .avx2)
    #expect(plan.program == program)
    #expect(plan.kernels.count == plain.kernels.count + 1)
    #expect(plan.workspaces.count == plain.workspaces.count + 1)
    // Each is written by the first kernel and read by the second.
    for (kernel, isWriter) in zip(plan.kernels, [true, false]) {
      #expect(kernel.buffers.contains { $0.source == .workspace(0) && $0.isWritten == isWriter })
    }
    for extents in instance.shapes {
      let launch = try PlanLaunch(instance, program, extents)
      #expect(launch.problem(plan, rowGap: 6) == nil, "\(extents)")
    }
  }

  private func kernels(
    depth: Int = 64, columns: Int = 4, _ body: @escaping (Trace, Block, Tensor<Float>, Tensor<Float>, Dimension, Dimension)
      -> Tile<Float>
  ) throws -> Int {
    let program = try Kernel("staged") { k in
      let rows = k.dimension("rows", in: 0...100)
      let (depth, columns) = (Dimension("depth", depth), Dimension("columns", columns))
      let x = k.input("x", Float.self, [rows, depth])
      let w = k.weight("w", Float.self, [columns, depth])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in y[r] = body(k, r, x, w, depth, columns) }
    }.program()
    return try Lowering.plan(program, for: .avx2, schedule: staging).kernels.count
  }

  @Test("only long products of elements as buffers have them, where all of them exist")
  func which() throws {
    func product(_ left: Tile<Float>, _ right: Tile<Float>, _ depth: Dimension, _ columns: Dimension) -> Tile<Float> {
      Tiles.product(left, right, contracting: depth, .ordered(.sequential, .unfused)).max(along: columns)
    }
    #expect(try kernels { product($2[$1, $4], $3[$5, $4], $4, $5) } == 2)
    #expect(try kernels(depth: 63) { product($2[$1, $4], $3[$5, $4], $4, $5) } == 1)
    #expect(try kernels(columns: 3) { product($2[$1, $4], $3[$5, $4], $4, $5) } == 1)
    // Computed for each column again it would cost more than it saves.
    #expect(try kernels { product(exp($2[$1, $4]), $3[$5, $4], $4, $5) } == 1)
    // What a condition keeps from being read stays behind it.
    #expect(
      try kernels { k, r, x, w, depth, columns in
        let next = select(k.coordinate(of: depth) .> 0, x[r, Position(depth) - 1], 0)
        return product(next, w[columns, depth], depth, columns)
      } == 1)
  }

  @Test("a name that counts up meets no name that someone gave")
  func names() throws {
    let program = try Kernel("names") { k in
      let rows = k.dimension("rows", in: 0...100)
      let width = Dimension("width", 8)
      let first = k.input("sum_1", Float.self, [rows, width])
      let second = k.input("sum", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in
        y[r] = first[r, width].sum(along: width, order: .sequential)
          + second[r, width].sum(along: width, order: .sequential)
      }
    }.program()
    for kernel in try Lowering.plan(program, for: .avx2).kernels {
      let names = kernel.buffers.map(\.name) + kernel.scalars.map(\.name) + kernel.scratch.map(\.name)
      #expect(Set(names).count == names.count)
    }
  }
}
