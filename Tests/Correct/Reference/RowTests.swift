import Formats
import Reference
import Testing
import TileIR
import Tiles

/// Row operators: loads, arithmetic, reductions, stores.
@Suite struct RowTests {
  let width = Dimension("width", 5)

  func rmsNorm() throws -> Program {
    try Kernel("rms_norm") { k in
      let rows = k.dimension("rows", in: 0...64)
      let x = k.input("x", BFloat16.self, [rows, width])
      let gain = k.input("gain", Float.self, [width])
      let y = k.output("y", BFloat16.self, [rows, width])
      k.parallel(rows) { r in
        let v = x[r].cast(to: Float.self)
        let meanSquare = (v * v).sum(along: width, order: .sequential) / 5
        y[r] = (v * (meanSquare + 0.5).reciprocalSquareRoot() * gain[width]).cast(to: BFloat16.self)
      }
    }.program()
  }

  @Test func equalsPlainLoops() throws {
    let numbers = (0..<35).map { BFloat16(rounding: Float($0 * 7 % 11) - 4.75).float }
    let gain: [Float] = [1, 0.5, -2, 3, 0.1]
    let program = try rmsNorm()
    let arguments: [String: Argument] = [
      "x": .numbers(.bfloat16, [7, 5], numbers),
      "gain": .floats([5], gain),
    ]
    var expected: [Float] = []
    for row in 0..<7 {
      var sum: Float = 0
      for column in 0..<5 { sum += numbers[5 * row + column] * numbers[5 * row + column] }
      let factor = Float(1 / (Double(sum / 5 + 0.5)).squareRoot())
      for column in 0..<5 {
        expected.append(BFloat16(rounding: numbers[5 * row + column] * factor * gain[column]).float)
      }
    }
    #expect(try runEveryWay(program, arguments)["y"]!.numbers == expected)
  }

  @Test func anEmptyLaunchIsLegal() throws {
    let results = try Reference.run(
      try rmsNorm(),
      [
        "x": .tensor(HostTensor(.bfloat16, [0, 5])),
        "gain": .tensor(HostTensor(.float32, [5])),
      ])
    #expect(results["y"]!.shape == [0, 5])
  }
}
