import MachineIR
import TileIR

/// Carries tile programs to machines: a plan for a program, a machine and a schedule.
public enum Lowering {
  /// The plan of `program` on `machine` under `schedule`, the machine's standard one where none is given. Throws a
  /// `Diagnostic` that names what the machine cannot keep.
  public static func plan(
    _ program: Program, for machine: MachineDescription, schedule: Schedule? = nil
  ) throws -> Plan {
    var schedule = schedule ?? .standard(for: machine)
    let plan = try plan(program, machine, schedule)
    guard machine.npu != nil, plan.kernels.contains(where: { !$0.sliceProducts.isEmpty }),
      (try? placedPipes(plan)) == nil
    else {
      return plan
    }
    // Cells that a cube core and its vector cores cannot share are the vector cores' alone.
    schedule.blocksProducts = false
    return try self.plan(program, machine, schedule)
  }

  private static func plan(_ program: Program, _ machine: MachineDescription, _ schedule: Schedule) throws
    -> Plan
  {
    try program.requireLanes(along: schedule.laneAxis)
    let stagedProgram = StagedProgram(program, machine, schedule)
    var workspaces = stagedProgram.workspaces
    var messages: [Diagnostic] = []
    var (oneBlock, fewRows) = (Variant(name: "one block of rows"), Variant(name: "few rows"))
    var (rowsOnChip, longRows) = (Variant(name: "rows on chip"), Variant(name: "long rows"))
    var every = Variant(name: "every launch", isOwn: true)
    var preparations: [MachineKernel] = []
    var written: Set<Int> = []
    var leftSlices: [LeftSlices] = []
    var own = 0
    for (number, region) in stagedProgram.program.regions.enumerated() {
      let isStaged = stagedProgram.staged.contains(number)
      func begin(_ schedule: Schedule) -> RegionLowering {
        RegionLowering(
          program: stagedProgram.program, parameterCount: program.parameters.count, region: region,
          machine: machine,
          schedule: schedule, workspaces: workspaces, messages: messages, stateWritten: written,
          leftSlices: leftSlices)
      }
      var choices = isStaged ? schedule.ofStagedProducts : schedule
      var longest: LongestVectors?
      var lowering = begin(choices)
      if machine.npu != nil {
        if let pattern = lowering.pattern, lowering.fitsCubes(pattern) {
          // A cell's rows are short.
          choices.registersPerVector = 1
        } else if lowering.multipliesCubes {
          choices.registersPerVector = Self.registersOfShared(choices, on: machine) {
            try begin($0).lower(name: program.name)
          }
        } else if !(lowering.pattern.map(lowering.fitsVectors) ?? false) {
          // Vector units do such products one by one, or refuse them, and those in the midst of a region too.
          choices.blocksProducts = false
          (choices.registersPerVector, longest) = try Self.registers(of: choices, for: schedule, on: machine) {
            try begin($0).lower(name: program.name)
          }
        }
        lowering = begin(choices)
      }
      let rows = lowering.longRows(isStaged: isStaged)
      if rows == .always {
        choices = choices.ofBlocks
        lowering = begin(choices)
      }
      var suffix = program.regions.count > 1 ? "_\(own + 1)" : ""
      if isStaged { suffix += "_\(number - own + 1)" } else { own += 1 }
      do {
        let name = program.name + suffix
        let kernel = try lowering.lower(name: name)
        // A vector core has room for arrays of some length.
        let large = Self.withArraysInMemory(kernel, on: machine)
        let whole: LaunchKernels = ([large ?? kernel], [])
        let blocks = try rows?.kernels(region, name: name, begin, isStaged ? schedule.ofStagedProducts : schedule)
        let few =
          try blocks?.few ?? lowering.lowerFewRows(name: name) ?? begin(choices.ofFewCells).lowerFewCells(name: name)
          ?? longest.map { longest -> LaunchKernels in
            var own = choices
            own.registersPerVector = longest.registers
            let kernel = try begin(own).lower(name: "\(name)_few_cells")
            return ([kernel], [.constant(longest.cells) + kernel.cells * .constant(-1)] + kernel.spareOnChip)
          }
        // These cut their operands in their own way.
        let ofOneTile = try lowering.lowerFewCubeRows(name: name)
        let before = ofOneTile == nil ? lowering.before : []
        let onChip = blocks?.onChip ?? large.map { _ -> LaunchKernels in
          ([kernel.with(name: "\(name)_on_chip")], kernel.spareOnChip)
        }
        let split = try lowering.lowerSplitDepth(name: name)
        rowsOnChip.add(onChip ?? whole, after: lowering.before, isOwn: onChip != nil)
        longRows.add(blocks?.long ?? whole, after: lowering.before, isOwn: blocks?.long != nil)
        every.add(whole, after: lowering.before)
        fewRows.add(ofOneTile ?? few ?? whole, after: before, isOwn: (ofOneTile ?? few) != nil)
        oneBlock.add(split ?? ofOneTile ?? few ?? whole, after: before, isOwn: split != nil)
      } catch let refusal as RegionLowering.Refusal {
        throw refusal.diagnostic
      }
      preparations += lowering.preparations
      workspaces = lowering.workspaces
      messages = lowering.messages
      leftSlices = lowering.leftSlices
      for statement in region.statements {
        if case .store(let parameter, _, _, _) = statement.effect,
          stagedProgram.program.parameters[parameter].role == .state
        {
          written.insert(parameter)
        }
      }
    }
    return Plan(
      program: program, machine: machine, schedule: schedule.description, workspaces: workspaces,
      preparations: preparations.map { $0.forWarps(of: machine) },
      variants: [oneBlock, fewRows, rowsOnChip, longRows, every].compactMap { $0.plan(for: machine) },
      messages: messages)
  }

  /// A kernel with the arrays whose size the launch decides in main memory; nil where it has none, or they cannot be.
  private static func withArraysInMemory(_ kernel: MachineKernel, on machine: MachineDescription) -> MachineKernel? {
    guard let npu = machine.npu, !kernel.openArrays.isEmpty else { return nil }
    let own = kernel.withOpenArraysInMemory
    return (try? PipeLowering.lower(own, for: npu, isSynchronised: false)) == nil ? nil : own
  }

  /// The registers of vectors of a kernel whose cells have products of their own on cube cores: the most that fit.
  private static func registersOfShared(
    _ choices: Schedule, on machine: MachineDescription, _ lower: (Schedule) throws -> MachineKernel
  ) -> Int {
    let lengths = [4, 2, 1]
    let fitting = lengths.first { registers in
      var own = choices
      own.registersPerVector = registers
      guard let kernel = try? lower(own) else { return false }
      return (try? PipeLowering.lower(kernel, for: machine.npu!, isSynchronised: false)) != nil
    }
    return fitting ?? lengths.last!
  }

  /// Registers of vectors for launches of few cells, and how many cells are few.
  private typealias LongestVectors = (registers: Int, cells: Int)

  /// The registers of vectors with which a region's kernel has most lanes under way on a vector core, in groups of cells
  /// where any fit; those of `choices` where none does. And where longer ones fit without groups, those, for launches
  /// whose cells are too few for a group of each core.
  private static func registers(
    of choices: Schedule, for schedule: Schedule, on machine: MachineDescription,
    _ lower: (Schedule) throws -> MachineKernel
  ) throws -> (Int, LongestVectors?) {
    let lengths = schedule.longVectors(on: machine)
    guard lengths.count > 1, let npu = machine.npu else { return (choices.registersPerVector, nil) }
    var (longest, best): (Int?, (registers: Int, cells: Int)?)
    var tried: [MachineKernel] = []
    for registers in lengths {
      if let best, registers * CellGrouping.counts[0] < best.registers * best.cells { break }
      var own = choices
      own.registersPerVector = registers
      guard let kernel = try? lower(own), !tried.contains(kernel) else { continue }
      tried.append(kernel)
      guard let pipes = try? PipeLowering.lower(kernel, for: npu) else { continue }
      longest = longest ?? registers
      let cells = pipes.groups?.count ?? 1
      // What is under way at once decides: vectors by their length, times cells of a group; alone, the longest.
      if best.map({ registers * cells < $0.registers * $0.cells || cells == $0.cells }) ?? false { continue }
      best = (registers, cells)
    }
    guard let best, let longest else { return (choices.registersPerVector, nil) }
    guard longest > best.registers, best.cells > 1 else { return (best.registers, nil) }
    return (best.registers, (longest, npu.vectorCores * best.cells - 1))
  }

  /// One way to carry out a program, for the launches that its guards let by.
  private struct Variant {
    let name: String
    private var kernels: [MachineKernel] = []
    private var guards: [HostExpression] = []
    /// Whether a region has kernels that only this variant has.
    private var isOwn: Bool

    init(name: String, isOwn: Bool = false) { (self.name, self.isOwn) = (name, isOwn) }

    mutating func add(_ region: LaunchKernels, after before: [MachineKernel], isOwn: Bool = false) {
      kernels += before + region.kernels
      guards += region.guards.filter { !guards.contains($0) }
      self.isOwn = self.isOwn || isOwn
    }

    func plan(for machine: MachineDescription) -> PlanVariant? {
      isOwn ? PlanVariant(name: name, guards: guards, kernels: kernels.map { $0.forWarps(of: machine) }) : nil
    }
  }
}

/// Kernels of a region for some launches, and what must not be negative where they are taken.
typealias LaunchKernels = (kernels: [MachineKernel], guards: [HostExpression])
