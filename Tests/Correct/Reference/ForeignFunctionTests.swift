import Reference
import Testing
import TileIR
import Tiles

/// Functions that stand for a program's own: where they are taken, and where not.
@Suite struct ReferenceForeignFunctionTests {
  private func kernel(_ body: @escaping (Tile<Float>) -> Tile<Float>) throws -> Program {
    let rows = Dimension("rows", in: 0...8)
    return try Kernel("foreign") { k in
      let x = k.input("x", Float.self, [rows])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in y[r] = body(x[r]) }
    }.program()
  }

  private func run(_ program: Program, _ functions: ForeignFunctions) throws -> [Float] {
    try Reference.run(program, ["x": .floats([3], [0, 1, 4])], functions: functions)["y"]!.numbers
  }

  private let doubling = ForeignFunctions(["exp": { 2 * $0 }], reciprocalSquareRoot: { $0 + 0.5 })

  @Test func namedFunctionsAreReplacedAndOthersAreNot() throws {
    let exponential = try kernel { exp($0) + 1 }
    #expect(try run(exponential, doubling) == [1, 3, 9])
    #expect(try run(exponential, .none)[0] == 2)
    #expect(doubling.change(exponential) && !ForeignFunctions.none.change(exponential))

    let root = try kernel { $0.reciprocalSquareRoot() }
    #expect(try run(root, doubling) == [0.5, 1.5, 4.5])
    #expect(try run(root, .none)[2] == 0.5)

    let other = try kernel { sigmoid($0).squareRoot() }
    #expect(try run(other, doubling) == run(other, .none))
    #expect(!doubling.change(other))
  }

  @Test func whatTheyGiveIsCanonical() throws {
    let program = try kernel { exp($0) }
    let odd = ForeignFunctions(["exp": { _ in Float(bitPattern: 0xFFC0_1234) }])
    #expect(try run(program, odd).map(\.bitPattern) == Array(repeating: 0x7FC0_0000, count: 3))
  }
}
