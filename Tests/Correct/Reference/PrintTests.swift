import Reference
import Testing
import TileIR
import Tiles

/// What print and assert show.
@Suite struct ReferencePrintTests {
  let rows = Dimension("rows", in: 0...8)
  let width = Dimension("width", 4)

  private func program() throws -> Program {
    try Kernel("shown") { k in
      let x = k.input("x", Float.self, [rows, width])
      let count = k.input("count", Int32.self, [rows])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in
        let keys = k.axis("keys", in: 0...4, length: Position(count[r]))
        let sum = x[r, Position(keys)].sum(along: keys, order: .sequential)
        k.print("keys", x[r, Position(keys)])
        k.print("sum", sum)
        k.assert(sum .< 100, "sums stay below 100")
        y[r] = sum
      }
    }.program()
  }

  private func lines(_ cuts: CutPolicy) throws -> [String] {
    var lines: [String] = []
    _ = try Reference.run(
      try program(),
      ["x": .floats([3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), "count": .ints([3], [2, 0, 3])],
      cuts: cuts, prints: { lines.append($0) })
    return lines
  }

  @Test func tilesPrintWholeWhateverTheCut() throws {
    let expected = [
      "keys [rows=0, keys=...] 1.0 2.0",
      "keys [rows=2, keys=...] 9.0 10.0 11.0",
      "sum [rows=...] 3.0 0.0 30.0",
    ]
    #expect(try lines(.whole) == expected)
    for seed in 1...8 as ClosedRange<UInt64> { #expect(try lines(.random(seed: seed)) == expected) }
  }

  @Test func aFalseAssertionStopsTheLaunch() throws {
    let message = refusal {
      _ = try Reference.run(
        try program(),
        ["x": .floats([2, 4], [1, 2, 3, 4, 50, 60, 7, 8]), "count": .ints([2], [4, 2])])
    }
    #expect(message.contains("sums stay below 100, at rows 1"))
    #expect(message.contains("PrintTests.swift:"))
  }
}
