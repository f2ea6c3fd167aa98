import Formats
import Testing
import TileIR
import Tiles

/// The textual form of programs, as people read it and as hashes see it.
@Suite struct PrintingTests {
  let width = Dimension("width", 8)

  func rowNorm(epsilon: Float = 0.5) throws -> Program {
    try Kernel("row_norm") { k in
      let rows = k.dimension("rows", in: 0...64)
      let x = k.input("x", BFloat16.self, [rows, width])
      let y = k.output("y", BFloat16.self, [rows, width])
      k.parallel(rows) { r in
        let v = x[r].cast(to: Float.self)
        let mean = (v * v).sum(along: width, order: .interleaved(4)) / 8
        y[r] = (v * (mean + epsilon).reciprocalSquareRoot()).cast(to: BFloat16.self)
      }
    }.program()
  }

  @Test func rowsReductionsAndConstants() throws {
    let program = try rowNorm()
    #expect(
      program.text(locations: false) == """
        kernel row_norm
          dimension rows in 0...64
          dimension width=8
          input x: bfloat16 [rows, width]
          output y: bfloat16 [rows, width]
          parallel rows
            %0 = x[rows, width]: bfloat16 [rows, width]
            %1 = convert<float32> %0: float32 [rows, width]
            %2 = %1 * %1: float32 [rows, width]
            %3 = sum interleaved(4) %2 along width: float32 [rows]
            %5 = %3 / 8.0: float32 [rows]
            %7 = %5 + 0.5: float32 [rows]
            %8 = reciprocal_square_root %7: float32 [rows]
            %9 = %1 * %8: float32 [rows, width]
            %10 = convert<bfloat16> %9: bfloat16 [rows, width]
            y[rows, width] = %10

        """)
  }

  @Test func sourceLinesStandBehindEachLine() throws {
    let line = #line + 1
    let program = try Kernel("copy") { k in
      let x = k.input("x", Float.self, [width])
      let y = k.output("y", Float.self, [width])
      k.once { y[width] = x[width] }
    }.program()
    #expect(
      program.description == """
        kernel copy                         // Golden/PrintingTests.swift:\(line)
          dimension width=8
          input x: float32 [width]          // Golden/PrintingTests.swift:\(line + 1)
          output y: float32 [width]         // Golden/PrintingTests.swift:\(line + 2)
          once                              // Golden/PrintingTests.swift:\(line + 3)
            %0 = x[width]: float32 [width]  // Golden/PrintingTests.swift:\(line + 3)
            y[width] = %0                   // Golden/PrintingTests.swift:\(line + 3)

        """)
  }

  @Test func loopsAreIndented() throws {
    let program = try Kernel("power") { k in
      let rows = k.dimension("rows", in: 0...64)
      let times = k.scalar("times", in: 0...10)
      let x = k.input("x", Float.self, [rows])
      let y = k.output("y", Float.self, [rows])
      k.require(times, isAtMost: Position(lengthOf: rows) + 5)
      k.parallel(rows) { r in
        let v = x[r]
        let (power, sum) = k.iterate(times, carrying: v, v) { power, sum, _ in
          let next = power * v
          return (next, sum + next)
        }
        y[r] = power - sum
      }
    }.program()
    #expect(
      program.text(locations: false) == """
        kernel power
          dimension rows in 0...64
          scalar times: int32, in 0...10
          input x: float32 [rows]
          output y: float32 [rows]
          require times <= |rows| + 5
          parallel rows
            %0 = x[rows]: float32 [rows]
            loop rounds = times, carrying %1 = %0, %2 = %0
              %4 = %1 * %0: float32 [rows]
              %5 = %2 + %4: float32 [rows]
              next %4, %5
            %6 = last %1: float32 [rows]
            %7 = last %2: float32 [rows]
            %8 = %6 - %7: float32 [rows]
            y[rows] = %8

        """)
  }

  @Test func segmentsScalesAndIndices() throws {
    let program = try Kernel("grouped") { k in
      let rows = k.dimension("rows", in: 0...64)
      let experts = Dimension("experts", 3)
      let ends = Dimension("ends", 4)
      let inputs = Dimension("inputs", 256)
      let blocks = Dimension("blocks", 2)
      let outputs = Dimension("outputs", 2)
      let offsets = k.input("offsets", Int32.self, [ends], .partition(of: rows))
      let x = k.input("x", E4M3.self, [rows, inputs])
      let xScale = k.input("x_scale", E8M0.self, [rows, blocks])
      let w = k.weight("w", E2M1.self, [experts, outputs, inputs])
      let wScale = k.weight("w_scale", E8M0.self, [experts, outputs, blocks])
      let y = k.output("y", Float.self, [rows, outputs])
      k.parallel(segments: offsets, over: experts) { e, r in
        let block = Position(inputs) / 128
        let a = x[r, inputs].scaled(by: xScale[r, block])
        let b = w[e, outputs, inputs].scaled(by: wScale[e, outputs, block])
        y[r] = product(a, b, contracting: inputs, .exactBlock(128))
      }
    }.program()
    #expect(
      program.text(locations: false) == """
        kernel grouped
          dimension ends=4
          dimension rows in 0...64
          dimension inputs=256
          dimension blocks=2
          dimension experts=3
          dimension outputs=2
          input offsets: int32 [ends], partition of rows
          input x: e4m3 [rows, inputs]
          input x_scale: e8m0 [rows, blocks]
          weight w: e2m1 [experts, outputs, inputs]
          weight w_scale: e8m0 [experts, outputs, blocks]
          output y: float32 [rows, outputs]
          parallel segments of offsets along rows
            %0 = segment of offsets at rows: int32 [rows]
            %1 = x[rows, inputs]: e4m3 [rows, inputs]
            %2 = x_scale[rows, inputs / 128]: e8m0 [rows, inputs]
            %3 = w[%0, outputs, inputs]: e2m1 [rows, outputs, inputs]
            %4 = w_scale[%0, outputs, inputs / 128]: e8m0 [rows, outputs, inputs]
            %5 = product %1 scaled by %2, %3 scaled by %4 contracting inputs, exactBlock(128): float32 [rows, outputs]
            y[rows, outputs] = %5

        """)
  }

  @Test func raggedAndJoinedAxes() throws {
    let program = try Kernel("joined") { k in
      let rows = k.dimension("rows", in: 0...64)
      let slots = Dimension("slots", 16)
      let counts = k.input("counts", Int32.self, [rows], .range(0, 4))
      let ring = k.state("ring", Float.self, [slots])
      let fresh = k.input("fresh", Float.self, [rows])
      let y = k.output("y", Int32.self, [rows])
      k.parallel(rows) { r in
        let old = k.axis("old", in: 0...4, length: Position(counts[r]))
        let new = k.axis("new", 1)
        let keys = k.joined("keys", old, new)
        let key = keys(
          ring[(r.position - Position(old)) % 16], fresh[r] + Position(new).tile(in: k).cast(to: Float.self))
        y[r] = key.argmax(along: keys.dimension)
        k.assert(key.max(along: keys.dimension) .> 0, "a key is positive")
        ring.write(fresh[r], at: r.position % 16, where: counts[r] .< 3)
      }
    }.program()
    #expect(
      program.text(locations: false) == """
        kernel joined
          dimension rows in 0...64
          dimension slots=16
          axis old in 0...4, length %0
          dimension new=1
          axis keys in 1...5, length |old| + |new|
          input counts: int32 [rows], in 0...4
          state ring: float32 [slots]
          input fresh: float32 [rows]
          output y: int32 [rows]
          parallel rows
            %0 = counts[rows]: int32 [rows]
            %1 = ring[(rows - old) % 16]: float32 [rows, old]
            %2 = fresh[rows]: float32 [rows]
            %3 = index new: int32 [new]
            %4 = convert<float32> %3: float32 [new]
            %5 = %2 + %4: float32 [rows, new]
            %6 = join %1 along old, %5 along new into keys: float32 [rows, keys]
            %7 = argmax %6 along keys: int32 [rows]
            y[rows] = %7
            %8 = maximum %6 along keys: float32 [rows]
            %10 = %8 > 0.0: bool [rows]
            assert %10, "a key is positive"
            %11 = fresh[rows]: float32 [rows]
            %12 = counts[rows]: int32 [rows]
            %14 = %12 < 3: bool [rows]
            ring[rows % 16] = %11 where %14

        """)
  }

  @Test func functionsAreNamedWithTheHashOfTheirBodies() throws {
    let square = ScalarFunction("square") { $0 * $0 }
    let program = try Kernel("squares") { k in
      let x = k.input("x", Float.self, [width])
      let y = k.output("y", Float.self, [width])
      k.once { y[width] = x[width].applying(square) }
    }.program()
    #expect(
      program.text(locations: false) == """
        kernel squares
          dimension width=8
          input x: float32 [width]
          output y: float32 [width]
          function square(float32) -> float32, 1 operations, body 60a803bc82be5d0840d71802adc90ca2
          once
            %0 = x[width]: float32 [width]
            %1 = square(%0): float32 [width]
            y[width] = %1

        """)
    #expect(square.bodyText == "%0 = parameter 0: float32\n%1 = multiply %0 %0\nreturn %1\n")
  }

  @Test func hashesAreThoseOfTheTextAlone() throws {
    #expect(StableHash("").description == "6c62272e07bb014262b821756295c58d")
    #expect(StableHash("a").description == "d228cb696f1a8caf78912b704e4a8964")
    #expect(try rowNorm().stableHash == rowNorm().stableHash)
    #expect(try rowNorm().stableHash != rowNorm(epsilon: 0.25).stableHash)
  }
}
