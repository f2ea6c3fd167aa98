import Formats
import Testing
import TileIR
import Tiles

/// Wrong axes, ranks, sizes and orders are refused when a kernel is traced, with the lines that clash.
///
/// A wrong element type is refused earlier, by the Swift compiler: none of these type checks.
/// ```swift
/// y[r] = x[r] + other[r]                              // Tile<BFloat16> has no arithmetic
/// y[r] = x[r].cast(to: Float.self)                    // y holds BFloat16
/// product(x[r].scaled(by: s), w[c].scaled(by: t), …)  // x holds Float, which is no grid
/// ```
@Suite struct AxisTests {
  let width = Dimension("width", 8)
  let depth = Dimension("depth", 4)

  /// The mistake that `body` makes with `x [rows, width]` and `y [rows]`, and the lines of their
  /// declarations.
  private func mistake(
    _ body: (Trace, Dimension, Tensor<Float>, Tensor<Float>) -> Void
  ) -> (message: String, locations: [Int], x: Int, y: Int) {
    let line = #line + 3
    let kernel = Kernel("wrong") { k in
      let rows = k.dimension("rows", in: 0...64)
      let x = k.input("x", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows])
      body(k, rows, x, y)
    }
    let found = Refuse.mistake(in: kernel)
    return (found?.message ?? "no mistake", found?.locations.map(\.line) ?? [], line, line + 1)
  }

  @Test func reducingAnAxisThatTheValueLacks() {
    let line = #line + 3
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in
        let v = x[r]
        y[r] = v.sum(along: depth, order: .sequential)
      }
    }
    #expect(found.message == "reduction along depth: the value is float32 [rows, width]")
    #expect(found.locations == [line + 1, line])
  }

  @Test func reducingAParallelAxis() {
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in y[r] = x[r].max(along: rows) }
    }
    #expect(found.message.contains("along rows, a parallel axis of this region"))
    #expect(found.message.contains("cannot be seen"))
  }

  @Test func storingAValueWithAnAxisTooMany() {
    let line = #line + 4
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in
        let v =
          x[r] + 1
        y[r] = v
      }
    }
    #expect(found.message == "the value has axis width, which no index of y names")
    #expect(found.locations == [line + 1, line])
  }

  @Test func readingAtTheWrongRank() {
    let line = #line + 2
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in y[r] = x[r, 0, 0] }
    }
    #expect(found.message == "x has 2 axes, the access gives 3")
    #expect(found.locations == [line, found.x])
  }

  @Test func readingAlongAnAxisOfAnotherTensor() {
    let line = #line + 3
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in
        y[r] = x[depth]
      }
    }
    #expect(found.message == "axis depth is not one of [rows, width]")
    #expect(found.locations == [line, found.x])
  }

  @Test func twoSizesOfOneName() {
    let line = #line + 2
    let found = mistake { k, rows, x, y in
      _ = k.input("z", Float.self, [rows, Dimension("width", 9)])
      k.parallel(rows) { r in y[r] = x[r].max(along: width) }
    }
    #expect(found.message == "dimension width=9 differs from width=8")
    #expect(found.locations == [line, found.x])
  }

  @Test func writingAnInput() {
    let line = #line + 2
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in x[r] = x[r] }
    }
    #expect(found.message == "x is input and cannot be written")
    #expect(found.locations == [line, found.x])
  }

  @Test func readingAnOutput() {
    let line = #line + 2
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in y[r] = y[r] }
    }
    #expect(found.message == "y is output and cannot be loaded")
    #expect(found.locations == [line, found.y])
  }

  @Test func leavingAnOutputUnwritten() {
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in k.assert(x[r] .> 0, "positive") }
    }
    #expect(found.message == "output y is never written")
    #expect(found.locations == [found.y])
  }

  @Test func contractingAnAxisThatOneOperandLacks() {
    let found = mistake { k, rows, x, y in
      let w = k.input("w", Float.self, [depth])
      k.parallel(rows) { r in
        y[r] = product(x[r], w[depth], contracting: width, .ordered(.chained(512), .fused))
      }
    }
    #expect(found.message == "product's right operand along width: the value is float32 [depth]")
  }

  @Test func usingAValueInAnotherRegion() {
    var kept: Tile<Float>?
    let line = #line + 2
    let found = mistake { k, rows, x, y in
      k.parallel(rows) { r in kept = x[r].max(along: width) }
      k.parallel(rows) { r in y[r] = kept! + 1 }
    }
    #expect(found.message == "this value belongs to another parallel region; pass it through a buffer")
    #expect(found.locations.last == line)
  }

  @Test func treeSumsOfRunTimeLengths() {
    let kernel = Kernel("tree") { k in
      let rows = k.dimension("rows", in: 0...64)
      let x = k.input("x", Float.self, [rows])
      let y = k.output("y", Float.self, [])
      k.once { y[] = x[rows].sum(along: rows, order: .tree) }
    }
    #expect(
      Refuse.mistake(in: kernel)?.message
        == "a tree sum needs a constant extent up to 256, rows in 0...64 found")
  }
}
