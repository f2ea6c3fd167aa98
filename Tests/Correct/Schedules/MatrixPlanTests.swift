import DeviceModel
import EmitCUDA
import MachineIR
import Operators
import Reference
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// Products of byte matrices give the reference's bits: one tile of rows and two, whole panels and parts of one, more
/// columns than a cell has, blocks of depth that end early, scales near and far apart.
@Suite struct MatrixPlanTests {
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let kernel: @Sendable () -> Kernel
    let extents: [String: Int]
    let kind: InputKind
    var interpreted = false

    func launch() throws -> MatrixLaunch { try MatrixLaunch(try kernel().program(), extents, kind) }
  }

  static let cases: [Case] = [
    Case(
      description: "fp4, two tiles of rows, scales far apart", kernel: { linearFP4(inputs: 200, outputs: 11) },
      extents: ["rows": 17], kind: .extreme),
    Case(
      description: "fp4, two blocks of rows", kernel: { linearFP4(inputs: 34, outputs: 3) }, extents: ["rows": 35],
      kind: .special, interpreted: true),
    Case(
      description: "fp8, two blocks of rows", kernel: { linearFP8(inputs: 33, outputs: 3) }, extents: ["rows": 35],
      kind: .special, interpreted: true),
    Case(
      description: "fp8, two blocks of columns", kernel: { linearFP8(inputs: 130, outputs: 67) }, extents: ["rows": 3],
      kind: .extreme),
    Case(
      description: "fp8, whole cells that copy ahead, two tiles of rows", kernel: { linearFP8(inputs: 400, outputs: 32) },
      extents: ["rows": 19], kind: .extreme),
    Case(
      description: "fp4, whole cells that copy ahead", kernel: { linearFP4(inputs: 400, outputs: 32) },
      extents: ["rows": 37], kind: .special),
    Case(
      description: "fp4 by expert", kernel: { groupedLinearFP4(experts: 3, inputs: 130, outputs: 3) },
      extents: ["rows": 41], kind: .ordinary, interpreted: true),
    Case(
      description: "bf16 integers, two blocks of rows", kernel: { integers(inputs: 34, outputs: 3) },
      extents: ["rows": 35], kind: .special, interpreted: true),
    Case(
      description: "bf16 integers, two blocks of columns", kernel: { integers(inputs: 200, outputs: 67) },
      extents: ["rows": 17], kind: .extreme),
    Case(
      description: "bf16 integers of 9 bits", kernel: { integers(inputs: 130, outputs: 5, bits: 9) },
      extents: ["rows": 3], kind: .extreme),
  ]

  /// Cells for few rows, with more blocks of depth than there are stages.
  static let deep: [Case] = [
    Case(
      description: "fp4, four blocks of depth", kernel: { linearFP4(inputs: 400, outputs: 3) }, extents: ["rows": 3],
      kind: .extreme),
    Case(
      description: "fp8, five blocks of depth, two tiles of rows", kernel: { linearFP8(inputs: 600, outputs: 9) },
      extents: ["rows": 17], kind: .extreme),
    Case(
      description: "bf16 integers, five blocks of depth", kernel: { integers(inputs: 600, outputs: 11) },
      extents: ["rows": 17], kind: .extreme),
  ]

  private static func integers(inputs: Int, outputs: Int, bits: Int = 21) -> Kernel {
    matmul(
      BFloat16.self, inner: inputs, columns: outputs, .fixedPoint(bits: bits, block: 128), transposedRight: true,
      result: BFloat16.self)
  }

  /// The interpreter takes seconds for each: those whose kernels differ, at few columns.
  @Test(arguments: cases.filter { $0.interpreted }) func theInterpreterGivesTheReferencesBits(_ one: Case) throws {
    let launch = try one.launch()
    let plan = try Lowering.plan(launch.program, for: .sm80).forManyRows
    #expect(plan.usesMatrices)
    let outcome = try MachineInterpreter.run(plan, launch.arguments, order: .oddsFirst, rowGap: 6)
    for (name, expected) in launch.expected { #expect(outcome.results[name] == expected) }
  }

  @Test(arguments: MachineInterpreter.CellOrder.allCases)
  func copiesMayLandAtAnyTime(_ order: MachineInterpreter.CellOrder) throws {
    let launch = try Self.deep[0].launch()
    let plan = try Lowering.plan(launch.program, for: .sm90a).with("few rows")
    let outcome = try MachineInterpreter.run(plan, launch.arguments, order: order)
    for (name, expected) in launch.expected { #expect(outcome.results[name] == expected) }
  }

  @Test(arguments: cases) func theDeviceModelGivesTheReferencesBits(_ one: Case) throws {
    let launch = try one.launch()
    let plan = try Lowering.plan(launch.program, for: .sm90a).forManyRows
    for (name, found) in try launch.onDeviceModel(plan) { #expect(found == launch.expected[name]) }
  }

  @Test(arguments: deep) func pipelinesGiveTheReferencesBits(_ one: Case) throws {
    let launch = try one.launch()
    let plan = try Lowering.plan(launch.program, for: .sm90a).with("few rows")
    for (name, found) in try launch.onDeviceModel(plan) { #expect(found == launch.expected[name]) }
  }

  /// One block of rows of a narrow matrix: a cell for each block of depth, and a kernel that adds them.
  @Test(arguments: deep) func blocksOfDepthGiveTheReferencesBits(_ one: Case) throws {
    let launch = try one.launch()
    let plan = try Lowering.plan(launch.program, for: .sm90a).with("one block of rows")
    for (name, found) in try launch.onDeviceModel(plan) { #expect(found == launch.expected[name]) }
  }

  /// The interpreter takes seconds.
  @Test func theInterpreterAddsBlocksOfDepth() throws {
    let launch = try Self.deep[0].launch()
    let plan = try Lowering.plan(launch.program, for: .sm90a).with("one block of rows")
    let outcome = try MachineInterpreter.run(plan, launch.arguments, order: .oddsFirst, rowGap: 6)
    for (name, expected) in launch.expected { #expect(outcome.results[name] == expected) }
  }

  @Test func depthIsSplitWhereColumnsAreFew() throws {
    func names(_ kernel: Kernel) throws -> [String] {
      try Lowering.plan(try kernel.program(), for: .sm90a).variants.map(\.name)
    }
    let whole = ["few rows", "every launch"]
    #expect(try names(linearFP8(inputs: 512, outputs: 4096)) == ["one block of rows"] + whole)
    #expect(try names(linearFP8(inputs: 512, outputs: 4112)) == whole)
    #expect(try names(linearFP8(inputs: 384, outputs: 4096)) == whole)
    #expect(try names(groupedLinearFP8(experts: 2, inputs: 512, outputs: 64)) == whole)
  }

  /// Cells copy ahead where they are for few rows, or whole and of codes, in shared memory that leaves room for as many
  /// warps as registers do.
  @Test(arguments: MachineDescription.gpus) func fewRowsCopyAhead(_ machine: MachineDescription) throws {
    for name in ["linear_fp8", "linear_fp4", "shared_up", "experts_up"] {
      let program = try #require(OperatorLibrary.named(name)).instances[0].kernel().program()
      let plan = try Lowering.plan(program, for: machine)
      for kernel in plan.variants.flatMap(\.kernels) {
        let isOther = ["_left", "_blocks", "_sums"].contains { kernel.name.hasSuffix($0) }
        // On sm_80 there is no room for more E4M3 codes.
        let isWide = machine == .sm80 && name != "linear_fp4" && !kernel.name.hasSuffix("_few_rows")
        #expect(kernel.copies.isEmpty == (isOther || isWide), "\(kernel.name)")
      }
      let kernel = try #require(plan.kernels.first { !$0.copies.isEmpty })
      let shared = WarpLaunch(kernel).sharedBytesPerBlock { _ in 0 }
      let warps = machine.gpu!.residentWarps(
        registers: machine.gpu!.registersPerThread, sharedPerBlock: shared, warpsPerBlock: GPU.warpsPerBlock)
      #expect(warps == 8, "\(kernel.name) has \(shared) bytes of shared memory")
    }
  }

  @Test func fewRowsHaveNarrowCells() throws {
    let launch = try MatrixLaunch(linearFP4(inputs: 130, outputs: 35).program(), ["rows": 18], .extreme)
    let plan = try Lowering.plan(launch.program, for: .sm90a)
    #expect(plan.variants.map(\.name) == ["few rows", "every launch"])
    #expect(plan.variants[0].kernels[0] == plan.variants[1].kernels[0])
    func isFew(_ rows: Int) -> Bool {
      plan.variants[0].guards.allSatisfy { $0.evaluate(extent: { _ in rows }, stride: { _, _ in 0 }, scalar: { _ in 0 }) >= 0 }
    }
    #expect(isFew(128) && !isFew(129))
    for (name, found) in try launch.onDeviceModel(plan) { #expect(found == launch.expected[name]) }
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why)) func noRegisterIsSpilled() throws {
    for (kernel, machine) in [
      (linearFP4(inputs: 4096, outputs: 4096), MachineDescription.sm90a), (linearFP8(inputs: 4096, outputs: 4096), .sm80),
      (Self.integers(inputs: 4096, outputs: 4096), .sm90a),
    ] {
      let plan = try Lowering.plan(try kernel.program(), for: machine)
      for kernel in try KernelCache.standard.code(of: plan).code.resources() {
        #expect(kernel.spillStoreBytes + kernel.spillLoadBytes == 0 && kernel.stackBytes == 0, "\(kernel)")
      }
    }
  }

  @Test func whatIsNoWeightOrNotWholeProductsKeepsItsWay() throws {
    func plan(_ kernel: Kernel, _ machine: MachineDescription = .sm90a) throws -> Plan {
      try Lowering.plan(try kernel.program(), for: machine)
    }
    #expect(try plan(linearFP4(inputs: 256, outputs: 5)).usesMatrices)
    #expect(try !plan(linearFP4(inputs: 256, outputs: 5), .avx512).usesMatrices)
    // Two activations, and scales that change within 32 coordinates.
    let activations = Kernel("activations") { k in
      let (rows, columns) = (k.dimension("rows", in: 0...64), k.dimension("columns", in: 0...64))
      let inputs = Dimension("inputs", 128)
      let a = k.input("a", E4M3.self, [rows, inputs])
      let b = k.input("b", E4M3.self, [columns, inputs])
      let y = k.output("y", Float.self, [rows, columns])
      k.parallel(rows, columns) { r, c in y[r, c] = product(a[r], b[c], contracting: inputs, .exactBlock(128)) }
    }
    #expect(try !plan(activations).usesMatrices)
    let narrow = Kernel("narrow") { k in
      let rows = k.dimension("rows", in: 0...64)
      let (columns, inputs) = (Dimension("columns", 8), Dimension("inputs", 128))
      let x = k.input("x", E4M3.self, [rows, inputs])
      let w = k.weight("w", E2M1.self, [columns, inputs])
      let xScale = k.input("x_scale", E8M0.self, [rows, inputs.blocks(of: 128)])
      let scale = k.weight("w_scale", E8M0.self, [columns, inputs.blocks(of: 16)])
      let y = k.output("y", Float.self, [rows, columns])
      k.parallel(rows, columns) { r, c in
        let right = w[c].scaled(by: scale[c, Position(inputs) / 16])
        let left = x[r].scaled(by: xScale[r, Position(inputs) / 128])
        y[r, c] = product(left, right, contracting: inputs, .exactBlock(128))
      }
    }
    #expect(try !plan(narrow).usesMatrices)
  }
}

extension Plan {
  /// The plan with the kernels for many rows only, so that few rows take them too.
  var forManyRows: Plan { with("every launch") }

  /// The plan with one of its variants, so that other launches take it too.
  fileprivate func with(_ variant: String) -> Plan {
    Plan(
      program: program, machine: machine, schedule: schedule, workspaces: workspaces, preparations: preparations,
      variants: variants.filter { $0.name == variant }, messages: messages)
  }

  /// Whether a kernel multiplies matrices of bytes or of halves.
  var usesMatrices: Bool { description.contains("multiply_bytes") || description.contains("multiply_halves") }
}
