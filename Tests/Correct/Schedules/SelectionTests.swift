import DeviceModel
import MachineIR
import Operators
import Reference
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// The largest of many by their number: ties, NaN, rows shorter and longer than what is picked and than what is taken at
/// once, as the reference has them.
@Suite struct SelectionTests {
  private static let picks = 40

  /// Scores of some rows and how many of each count.
  struct Rows: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let reach: Int
    let lengths: [Int]
    let score: @Sendable (_ row: Int, _ entry: Int) -> Float
  }

  private static func mixed(_ row: Int, _ entry: Int) -> UInt32 {
    var x = UInt32(truncatingIfNeeded: entry &* 0x9E37_79B1 &+ row &* 0x85EB_CA6B &+ 77)
    x ^= x >> 15
    x = x &* 0x2C1B_3C6D
    return x ^ x >> 12
  }

  static let rows: [Rows] = [
    Rows(testDescription: "any numbers", reach: 300, lengths: [300, 299, 257, 41]) {
      Float(Int(mixed($0, $1) % 20001) - 10000) / 64
    },
    Rows(testDescription: "no more than are picked", reach: 41, lengths: [40, 39, 1, 0, 41]) {
      Float(mixed($0, $1) % 1000)
    },
    Rows(testDescription: "many that are equal", reach: 300, lengths: [300, 130, 42]) {
      Float(mixed($0, $1) % 3) - 1
    },
    Rows(testDescription: "all equal", reach: 100, lengths: [100, 41, 64]) { row, _ in [0, -.infinity, .nan][row] },
    Rows(testDescription: "zeros of both signs", reach: 90, lengths: [90, 77]) {
      mixed($0, $1) % 2 == 0 ? 0 : -0.0
    },
    Rows(testDescription: "fewer numbers than are picked, and NaN", reach: 200, lengths: [200, 61, 40]) {
      mixed($0, $1) % 8 == 0 ? -Float.infinity : mixed($0, $1) % 8 == 1 ? Float($1) : .nan
    },
    Rows(testDescription: "longer than what is taken at once", reach: 17000, lengths: [17000, 8192, 8193, 16384]) {
      Float(mixed($0, $1) % 30000)
    },
    Rows(testDescription: "equal ones in several parts", reach: 17000, lengths: [16999, 16385]) { _, entry in
      entry % 1000 == 7 ? 2 : entry % 300 == 5 ? 1 : 0
    },
  ]

  private static func launch(_ rows: Rows, _ arithmetic: Arithmetic) throws -> (Program, [String: Argument], [String: Int]) {
    let program = try indexPicks(picks: picks, ratio: 4, arithmetic: arithmetic).program()
    let scores = rows.lengths.indices.flatMap { row in (0..<rows.reach).map { rows.score(row, $0) } }
    let element: ElementType = arithmetic == .quantised ? .bfloat16 : .float32
    return (
      program,
      [
        "scores": .tensor(HostTensor(element, [rows.lengths.count, rows.reach], numbers: scores)),
        "position": .tensor(HostTensor(.int32, [rows.lengths.count], integers: rows.lengths.map { 4 * $0 })),
      ], ["tokens": rows.lengths.count, "reach": rows.reach]
    )
  }

  @Test(arguments: rows, [Arithmetic.quantised, .float32])
  func plansPickWhatTheReferencePicks(_ rows: Rows, _ arithmetic: Arithmetic) throws {
    let (program, arguments, named) = try Self.launch(rows, arithmetic)
    let extents = program.bound(named)
    let expected = try Reference.run(program, arguments, extents: extents)
    for machine in [MachineDescription.sse2, .avx512, .sm90a, .ascend910b] {
      let plan = try Lowering.plan(program, for: machine)
      let results = try MachineInterpreter.run(plan, arguments, extents: extents).results
      for (name, tensor) in expected { #expect(results[name] == tensor, "\(machine.name): \(name)") }
    }
  }

  @Test(arguments: rows) func theDeviceModelPicksThem(_ rows: Rows) throws {
    let (program, arguments, named) = try Self.launch(rows, .quantised)
    try AscendModelExecutable(program).expectReference(arguments, extents: named, seed: 3)
  }
}
