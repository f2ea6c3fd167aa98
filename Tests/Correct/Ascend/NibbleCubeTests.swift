import DeviceModel
import MachineIR
import Operators
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// An indexer's scores on cube cores: rows and entries under scales that lie together and apart, zeros and NaN, as the
/// reference has them and without a report, whichever core is ahead.
@Suite struct NibbleCubeTests {
  private static let (heads, tokens, reach, sequences) = (16, 3, 70, 2)

  /// A launch, by the codes of scales of heads and of entries, by line and group.
  struct Launch: CustomTestStringConvertible, Sendable {
    let testDescription: String
    var ofRow: @Sendable (_ row: Int, _ group: Int) -> Int = { 118 + ($0 + $1) % 4 }
    var ofEntry: @Sendable (_ entry: Int, _ group: Int) -> Int = { 120 + ($0 * 3 + $1) % 4 }
    var isZero: @Sendable (_ entry: Int, _ group: Int) -> Bool = { _, _ in false }
    /// Whether the first slices of all lines are enough.
    var isNear = true
  }

  static let launches: [Launch] = [
    Launch(testDescription: "scales that lie within what a slice has room for"),
    Launch(
      testDescription: "one row whose scales lie apart", ofRow: { row, group in row == 20 && group == 2 ? 125 : 118 },
      isNear: false),
    Launch(
      testDescription: "one entry whose scales lie apart",
      ofEntry: { entry, group in entry == 66 && group == 0 ? 110 : 121 }, isNear: false),
    Launch(
      testDescription: "zeros under scales that lie far from the others'",
      ofEntry: { entry, group in (entry + group) % 4 == 0 ? 7 : 121 }, isZero: { ($0 + $1) % 4 == 0 }),
    Launch(testDescription: "entries of zeros alone", ofEntry: { _, _ in 1 }, isZero: { entry, _ in entry % 3 != 1 }),
    Launch(
      testDescription: "scales that are NaN", ofRow: { row, group in row == 17 && group == 3 ? 255 : 118 },
      ofEntry: { entry, group in entry == 5 && group == 1 ? 255 : 121 }),
    Launch(
      testDescription: "results that overflow and underflow", ofRow: { row, _ in row % 2 == 0 ? 252 : 2 },
      ofEntry: { entry, _ in entry % 2 == 0 ? 253 : 1 }),
  ]

  private static func program() throws -> Program {
    try indexScores(IndexerShape(heads: heads), ratio: 4).program()
  }

  private static func arguments(_ launch: Launch) -> [String: Argument] {
    func tensor(_ element: ElementType, _ extents: [Int], _ code: (Int) -> Int) -> Argument {
      .tensor(HostTensor(element, extents, codes: (0..<extents.reduce(1, *)).map { UInt32(code($0)) }))
    }
    return [
      "index_codes": tensor(.e2m1, [tokens, heads, 128]) { ($0 * 5 + $0 / 128) & 15 },
      "index_scale": tensor(.e8m0, [tokens, heads, 4]) { launch.ofRow($0 / 4, $0 % 4) },
      "weights": tensor(.bfloat16, [tokens, heads]) { [0x3F80, 0xBE99, 0x3DCC, 0x0000][$0 % 4] },
      "index_keys_codes": tensor(.e2m1, [sequences, reach, 128]) { place in
        let (entry, group) = (place / 128 % reach, place % 128 / 32)
        return launch.isZero(entry, group) ? (place & 1) << 3 : (place * 7 + place / 100) & 15
      },
      "index_keys_scale": tensor(.e8m0, [sequences, reach, 4]) { launch.ofEntry($0 / 4 % reach, $0 % 4) },
      "sequence": .tensor(HostTensor(.int32, [tokens], integers: [1, 0, 1])),
      "position": .tensor(HostTensor(.int32, [tokens], integers: [4 * reach - 1, 200, 11])),
    ]
  }

  private static let extents = [
    "tokens": tokens, "sequences": sequences, "capacity": reach, "reach": reach,
  ]

  @Test(arguments: launches) func givesTheReferencesBits(_ launch: Launch) throws {
    let program = try Self.program()
    let executable = try AscendModelExecutable(program)
    #expect(executable.kernels.filter(\.usesCubes).map(\.vectorCoresOfCube) == [2])
    try executable.expectReference(Self.arguments(launch), extents: Self.extents, seed: 5)
  }

  /// Without what the vector core does instead, results are missing where scales lie apart, and nowhere else.
  @Test(arguments: launches) func theVectorCoreComputesWhatLiesApart(_ launch: Launch) throws {
    let program = try Self.program()
    let plan = try Lowering.plan(program, for: .ascend910b)
    let lacking = plan.changingKernels(\.withoutVectorProducts)
    let (arguments, extents) = (Self.arguments(launch), program.bound(Self.extents))
    let results = try [plan, lacking].map { try MachineInterpreter.run($0, arguments, extents: extents).results["scores"]! }
    #expect((results[0] == results[1]) == launch.isNear)
  }
}

extension MachineKernel {
  /// Without the branches of a kernel of products that multiply on the vector core.
  fileprivate var withoutVectorProducts: MachineKernel {
    guard body.contains(where: { if case .multiplySlices = $0 { true } else { false } }) else { return self }
    return with(
      body: body.filter { statement in
        guard case .branch(_, let then, []) = statement else { return true }
        return !then.contains { if case .clear = $0 { true } else { false } }
      })
  }
}
