import DeviceModel
import MachineIR
import Operators
import Proofs
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// Products of E4M3 rows with E2M1 weights whose scales change within a block, on cube cores: all codes, scales that lie
/// together and apart, zeros and NaN, as the reference has them and without a report, whichever core is ahead.
@Suite struct CubeGroupTests {
  /// `linear_fp4` with two blocks of depth, the last of two whole groups and a part of one, and two tiles of columns.
  private static let (inputs, outputs, rows) = (200, 66, 3)
  private static let groups = (inputs + 31) / 32

  /// A code of E4M3 that is a number's.
  private static func numberCode(_ number: Int) -> Int { number & 0x7F == 0x7F ? 0 : number & 0xFF }

  /// A launch, by what stands where.
  struct Launch: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// Codes of E2M1 by output and input, and of E4M3 by row and input.
    var weight: @Sendable (_ output: Int, _ input: Int) -> Int = { ($0 * 3 + $1 * 5 + $1 / 32) & 15 }
    var left: @Sendable (_ row: Int, _ input: Int) -> Int = { numberCode($0 * 101 + $1 * 7) }
    /// Codes of E8M0 by output and group, and by row and block.
    var scale: @Sendable (_ output: Int, _ group: Int) -> Int = { 126 + ($0 + $1) % 3 }
    var rowScale: @Sendable (_ row: Int, _ block: Int) -> Int = { 127 - $0 + $1 }

    var arguments: [String: Argument] {
      func tensor(_ element: ElementType, _ lines: Int, _ length: Int, _ code: (Int, Int) -> Int) -> Argument {
        .tensor(
          HostTensor(
            element, [lines, length],
            codes: (0..<lines * length).map { UInt32(code($0 / length, $0 % length)) }))
      }
      return [
        "x": tensor(.e4m3, rows, inputs, left), "w": tensor(.e2m1, outputs, inputs, weight),
        "x_scale": tensor(.e8m0, rows, (inputs + 127) / 128, rowScale),
        "w_scale": tensor(.e8m0, outputs, groups, scale),
      ]
    }
  }

  static let launches: [Launch] = [
    Launch(testDescription: "scales of one binade"),
    Launch(
      testDescription: "a group at every distance from the others, up to where slices end and beyond",
      scale: { output, group in 110 + (group % 4 == output % 4 ? output / 3 : 0) }),
    Launch(
      testDescription: "the most and the least scales beside each other",
      scale: { output, group in [0, 254, 127, 1, 253][(output * 2 + group * (1 + output % 3)) % 5] },
      rowScale: { row, block in [0, 254, 127][(row + block) % 3] }),
    Launch(
      testDescription: "results that overflow and underflow", scale: { output, _ in output % 2 == 0 ? 254 : 0 },
      rowScale: { row, _ in row == 1 ? 254 : 3 }),
    Launch(
      testDescription: "groups of zeros of both signs under scales far from the others'",
      weight: { output, input in input / 32 % 4 == output % 4 ? input % 2 * 8 : (output + input) & 15 },
      scale: { output, group in group % 4 == output % 4 ? (output % 3 == 0 ? 254 : 0) : 125 + group % 4 }),
    Launch(testDescription: "lines of nothing but zeros", weight: { output, _ in output % 5 == 0 ? 8 : 0 }),
    Launch(
      testDescription: "NaN scales, of groups of zeros and of groups apart too",
      weight: { output, input in output % 4 == 0 && input / 32 % 4 == 1 ? 0 : (output + input) & 15 },
      scale: { output, group in
        group == output % 9 ? 255 : output % 2 == 0 ? 127 : [100, 140, 120, 1][group % 4]
      }),
    Launch(
      testDescription: "NaN rows and row scales beside columns that are apart",
      left: { row, input in row == 1 && input == 150 ? 0xFF : numberCode(row + input * 3) },
      scale: { output, group in output % 2 == 0 ? 127 : 90 + 20 * (group % 4) },
      rowScale: { row, block in row == 2 && block == 0 ? 255 : 127 }),
    Launch(
      testDescription: "ties that a group far below decides, and groups that take each other back",
      // 2^24 + 1 in units, then a half of a unit's last place either way from another group.
      weight: { output, input in
        switch input % 128 {
        case 0..<6: 7
        case 6..<9: 1
        case 40: [0, 1, 9, 0][output % 4]
        case 64..<70: output % 8 < 4 ? 0 : 15
        case 70..<73: output % 8 < 4 ? 0 : 9
        case 100: output % 8 == 7 ? 3 : 0
        default: 0
        }
      },
      left: { row, input in
        switch input % 128 {
        case 0..<7, 64..<71: 0x7E
        case 7, 71: 0x68
        case 40: 1 + row
        case 8, 72, 100: 1
        default: 0x38
        }
      },
      scale: { output, group in [127, 100 - output % 30, 127, 60][group % 4] }),
  ]

  private func expectReference(
    _ executable: AscendModelExecutable, _ arguments: [String: Argument], rows: Int = rows
  ) throws {
    try executable.expectReference(arguments, extents: ["rows": rows], seed: 11)
  }

  @Test(arguments: launches) func givesTheReferencesBits(_ launch: Launch) throws {
    let executable = try AscendModelExecutable(linearFP4(inputs: Self.inputs, outputs: Self.outputs).program())
    #expect(executable.kernels.contains { $0.usesCubes })
    try expectReference(executable, launch.arguments)
  }

  /// Products with other groups than the library's: E2M1 in blocks of `block`, a scale for each `group` of their depth.
  private func program(block: Int, group: Int) throws -> Program {
    let kernel = Kernel("grouped") { k in
      let rows = k.dimension("rows", in: 0...1000)
      let (inputs, outputs) = (Dimension("inputs", Self.inputs), Dimension("outputs", Self.outputs))
      let x = k.input("x", E4M3.self, [rows, inputs])
      let xScale = k.input("x_scale", E8M0.self, [rows, inputs.blocks(of: 128)])
      let w = k.weight("w", E2M1.self, [outputs, inputs])
      let wScale = k.weight("w_scale", E8M0.self, [outputs, inputs.blocks(of: group)])
      let y = k.output("y", Float.self, [rows, outputs])
      k.parallel(rows, outputs) { r, o in
        let left = x[r].scaled(by: xScale[r, Position(inputs) / 128])
        let right = w[o].scaled(by: wScale[o, Position(inputs) / group])
        y[r, o] = product(left, right, contracting: inputs, .exactBlock(block))
      }
    }
    return try kernel.program()
  }

  @Test(arguments: [(64, 32), (128, 64), (128, 128), (32, 32)])
  func groupsOfOtherSizesDoToo(block: Int, group: Int) throws {
    let executable = try AscendModelExecutable(try program(block: block, group: group))
    #expect(executable.kernels.contains { $0.usesCubes })
    for kind in InputKind.allCases {
      let program = executable.plan.program
      let tensors = try program.randomArguments(extents: ["rows": Self.rows], kind: kind, seed: 5)
      try expectReference(executable, program.arguments(tensors))
    }
  }

  /// Eight groups in a block are left to vector cores.
  @Test func moreGroupsAreForVectorCores() throws {
    let plan = try Lowering.plan(program(block: 128, group: 16), for: .ascend910b)
    #expect(try Lowering.pipes(plan).allSatisfy { !$0.usesCubes })
  }

  /// Five matrices in one launch. In three of them every line's scales lie within what the first slice has room for; in the
  /// others all but one column's, in its last block, which is spread as far as two slices reach, or lies apart.
  private static let matrixRows = 12
  private static func isNarrow(_ matrix: Int) -> Bool { ![1, 4].contains(matrix) }
  private static func matrices() throws -> (program: Program, arguments: [String: Argument], offsets: [Int]) {
    let (experts, outputs, inputs) = (5, 70, 512)
    let offsets = [0, 2, 5, 7, 10, matrixRows]
    func tensor(_ element: ElementType, _ extents: [Int], _ code: (Int) -> Int) -> Argument {
      let count = extents.reduce(1, *)
      return .tensor(HostTensor(element, extents, codes: (0..<count).map { UInt32(code($0)) }))
    }
    let arguments: [String: Argument] = [
      "offsets": tensor(.int32, [experts + 1]) { offsets[$0] },
      "x": tensor(.e4m3, [matrixRows, inputs]) { numberCode($0 * 37) },
      "x_scale": tensor(.e8m0, [matrixRows, inputs / 128]) { 126 + $0 % 3 },
      "w": tensor(.e2m1, [experts, outputs, inputs]) { ($0 * 5 + $0 / 64) & 15 },
      "w_scale": tensor(.e8m0, [experts, outputs, inputs / 32]) { place in
        let (group, output, expert) = (place % 16, place / 16 % outputs, place / 16 / outputs)
        guard output == 66 else { return 120 + (group + output) % 4 }
        return group == 12 ? 120 + [3, 4, 3, 2, 11][expert] : 120
      },
    ]
    return (try groupedLinearFP4(experts: experts, inputs: inputs, outputs: outputs).program(), arguments, offsets)
  }

  @Test func matricesOfOneSliceStandBesideOthers() throws {
    let (program, arguments, _) = try Self.matrices()
    try expectReference(try AscendModelExecutable(program), arguments, rows: Self.matrixRows)
  }

  /// Without the products of one slice the results of narrow matrices are missing, all of them and no others.
  @Test func narrowMatricesHaveProductsOfOneSlice() throws {
    let (program, arguments, offsets) = try Self.matrices()
    let plan = try Lowering.plan(program, for: .ascend910b)
    let lacking = plan.changingKernels(\.withoutNarrowProducts)
    let results = try [plan, lacking].map { try MachineInterpreter.run($0, arguments).results["y"]! }
    let columns = results[0].shape[1]
    for expert in 0..<offsets.count - 1 {
      let own = offsets[expert] * columns..<offsets[expert + 1] * columns
      let codes = results.map { result in own.map { result[$0] } }
      if Self.isNarrow(expert) {
        #expect(codes[1].allSatisfy { $0 == 0 } && codes[0].contains { $0 != 0 }, "matrix \(expert)")
      } else {
        #expect(codes[0] == codes[1], "matrix \(expert)")
      }
    }
  }

  /// Of each product the sums of a block of 128 leave L0C once, those of each weight of three slices by two, or by three:
  /// not once for each group of 32; beside that, those of three by one, for matrices of which one slice is enough. And
  /// what models are made of does go to cube cores. A round has two blocks in turns, or one of each of two products; of
  /// segments, which have few rows, twice as many.
  @Test(arguments: [
    ("linear_fp4", 2, 4 + 3, 2), ("grouped_linear_fp4", 2, 4 + 3, 4), ("experts_up", 2, 2 * (4 + 3), 2),
    ("experts_down", 2, 4 + 3, 4),
    ("linear_fp8", 2, 5, 2), ("grouped_linear_fp8", 2, 5, 4), ("shared_up", 2, 2 * 5, 1), ("shared_down", 2, 5, 2),
  ])
  func sumsLeaveOnceForABlock(_ name: String, vectorCores: Int, sums: Int, turns: Int) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let program = try entry.instances[0].kernel().program()
    let kernel = try #require(
      try Lowering.pipes(Lowering.plan(program, for: .ascend910b)).last { $0.usesCubes })
    #expect(kernel.vectorCoresOfCube == vectorCores)
    var (drains, depths) = (0, Set<Int>())
    kernel.forEachStatement { statement in
      switch statement {
      case .cube(.drain): drains += 1
      case .cube(.multiply(_, _, _, _, _, let depth, _)): depths.insert(depth)
      default: break
      }
    }
    #expect(depths == [128])
    #expect(drains == sums * vectorCores * turns)
  }

  /// Rows that two products have alike are cut once.
  @Test(arguments: ["experts_up", "shared_up"]) func sharedRowsAreCutOnce(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let plan = try Lowering.plan(try entry.instances[0].kernel().program(), for: .ascend910b)
    let kernels = try #require(plan.variants.last?.kernels.map(\.name))
    #expect(kernels.suffix(2) == ["\(name)_slices_left", name] && kernels.count { $0.contains("slices") } == 1)
  }
}

extension MachineKernel {
  /// With nothing where products of a weight's first slice stand beside those of all.
  fileprivate var withoutNarrowProducts: MachineKernel {
    func edited(_ statements: [MachineStatement]) -> [MachineStatement] {
      statements.map { statement in
        guard case .branch(let condition, let then, let otherwise) = statement else { return statement }
        let isEither = [then, otherwise].allSatisfy {
          $0.contains { statement in
            var isFound = false
            statement.forEach { if case .multiplySlices = $0 { isFound = true } }
            return isFound
          }
        }
        return isEither ? .branch(condition, then, []) : .branch(condition, edited(then), edited(otherwise))
      }
    }
    return with(body: edited(body))
  }
}
