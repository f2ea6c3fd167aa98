import MachineIR
import TileIR

extension Lowering {
  /// The pipe programs of a plan for an Ascend chip, a kernel each: placed in the unified buffer and synchronised.
  ///
  /// Throws a `Diagnostic` that names the kernel and what of it is not supported, or does not fit.
  public static func pipes(_ plan: Plan) throws -> [PipeKernel] { try pipes(plan, areSynchronised: true) }

  /// The same without events and barriers, which every program that has its place can get.
  static func placedPipes(_ plan: Plan) throws -> [PipeKernel] { try pipes(plan, areSynchronised: false) }

  private static func pipes(_ plan: Plan, areSynchronised: Bool) throws -> [PipeKernel] {
    guard let npu = plan.machine.npu else {
      throw Diagnostic("\(plan.machine.name) has no pipes", at: [plan.program.location])
    }
    return try plan.kernels.map { kernel in
      func lower(_ vectorCores: Int) throws -> PipeKernel {
        try PipeLowering.lower(
          kernel, for: npu, at: plan.program.location, vectorCoresOfCube: vectorCores,
          firstWorkspace: plan.workspaces.count, isSynchronised: areSynchronised)
      }
      guard !kernel.sliceProducts.isEmpty else { return try lower(0) }
      // As many cells as cube cores find a core each.
      if let cells = kernel.cells.constantValue, cells <= npu.cube.cores { return try lower(1) }
      do {
        return try lower(2)
      } catch is PipeLowering.DependsOnCell {
        return try lower(1)
      } catch let refusal as Diagnostic {
        // What two vector cores bring to the cube core may have room there for one.
        guard let one = try? lower(1) else { throw refusal }
        return one
      }
    }
  }
}

/// A numeric class that a chip does not keep, for good: an operator that names it is refused there.
public struct UnkeptClass: Error, CustomStringConvertible {
  /// The class, as the numeric contract writes it.
  public let name: String
  public let diagnostic: Diagnostic
  public var description: String { "\(diagnostic)" }
}

/// Lowers one kernel: registers become tensors in the unified buffer, integers of one lane the scalar unit's.
///
/// The state of one lowering; what makes instructions of expressions is in the extensions.
final class PipeLowering {
  let kernel: MachineKernel
  var location: SourceLocation
  var tensors: [String: LocalTensor] = [:]
  /// Where the vectors and floats of variables are; a variable that is not here is the scalar unit's.
  var locals: [String: LocalView] = [:]
  /// Tensors that are written more than once: a value read from them is copied where it is named.
  var mutable: Set<String> = []
  /// Tensors that a variable stands for, and may be asked for again.
  var named: Set<String> = []
  /// Numbers that divide the scalar unit's variables.
  var alignments: [String: Int] = [:]
  /// What stands for variables in the pipe program: constants in unrolled loops, other names.
  var renamed: [String: Expression] = [:]
  /// Variables that hold numbers without a sign alone.
  var magnitudes: Set<String> = []
  /// Arrays that have no room on chip, by their names.
  var spills: [String: PipeKernel.Spill] = [:]
  /// Blocks for lanes that lie apart in main memory, by buffer, element, lanes and way.
  var stagings: [String: LocalView] = [:]
  /// Blocks of an array's elements, one each, while a loop takes them for all lanes.
  var spreads: [String: LocalView] = [:]
  /// The product whose sums an array holds, by the array.
  var multiplied: [String: SliceProduct] = [:]
  /// Where arrays of sums that are rounded together share a tensor.
  var sharedSums: [String: SharedSums] = [:]
  /// The first product of two that are rounded together, and its sums, which leave the cube core behind both.
  var waiting: (product: SliceProduct, sums: [LocalView])?
  /// The last product, and whether it is the second of two that take turns.
  var lastProduct: SliceProduct?
  var isOtherTurn = false
  /// How many lanes of a vector hold anything, where those are less than all.
  var actives: [String: Expression] = [:]
  /// What the scalar unit's variables were defined as.
  var definitions: [String: Expression] = [:]
  /// Tensors that hold one constant throughout, and lane numbers, filled before the first cell.
  var constants: [ConstantKey: LocalView] = [:]
  private(set) var constantTensors: Set<String> = []
  private var hoistedBytes = 0
  private(set) var fills: [PipeStatement] = []
  private var limits: [PipeKernel.Limit] = []
  /// Holds the code of a check that failed, 0 where none did; nil where nothing is checked.
  var status: Variable?
  private var lists: [[PipeStatement]] = [[]]
  private var used: [String: Int] = [:]

  /// As `PipeKernel` has them.
  let vectorCoresOfCube: Int
  /// Of cells in pairs what each has of its own.
  let ownOfCells: OwnOfCells?
  /// Whether it keeps less on chip than would save time, and what arrays may take there.
  let isSparing: Bool
  let arrayBytes: Int

  private init(
    _ kernel: MachineKernel, at location: SourceLocation, vectorCoresOfCube: Int, isSparing: Bool, arrayBytes: Int
  ) {
    self.arrayBytes = arrayBytes
    self.kernel = kernel
    self.vectorCoresOfCube = vectorCoresOfCube
    ownOfCells = vectorCoresOfCube == 2 ? OwnOfCells(kernel) : nil
    self.isSparing = isSparing
    self.location = location
    let given =
      kernel.buffers.map(\.name) + kernel.scalars.map(\.name) + kernel.floatNames
      + [
        kernel.cell, PipeKernel.block, PipeKernel.blocks, PipeKernel.cells, PipeKernel.pair,
        PipeKernel.firstPair,
        PipeKernel.pairStep, PipeKernel.subCore, CellGroups.groups, CellGroups.group, CellGroups.firstLeft,
      ].map(\.name)
    for name in given { used[name] = 1 }
    // Counters keep their names.
    for statement in kernel.body {
      statement.forEach { if case .loop(let loop) = $0 { used[loop.counter.name] = 1 } }
    }
  }

  /// A kernel by itself, of vector cores or of groups with one of them, to see whether it fits.
  @discardableResult
  static func lower(_ kernel: MachineKernel, for npu: Ascend, isSynchronised: Bool = true) throws -> PipeKernel {
    try lower(
      kernel, for: npu, at: SourceLocation(file: "", line: 0),
      vectorCoresOfCube: kernel.sliceProducts.isEmpty ? 0 : 1, firstWorkspace: 0,
      isSynchronised: isSynchronised)
  }

  /// The kernel, sparing of what is kept on chip where it does not fit otherwise.
  static func lower(
    _ kernel: MachineKernel, for npu: Ascend, at location: SourceLocation, vectorCoresOfCube: Int,
    firstWorkspace: Int, isSynchronised: Bool
  ) throws -> PipeKernel {
    func lower(isSparing: Bool, arrayBytes: Int) throws -> PipeKernel {
      try PipeLowering(
        kernel, at: location, vectorCoresOfCube: vectorCoresOfCube, isSparing: isSparing, arrayBytes: arrayBytes
      ).lower(for: npu, firstWorkspace: firstWorkspace, isSynchronised: isSynchronised)
    }
    let ways = [(false, Self.mostArrays), (false, Self.manyArrays), (true, Self.manyArrays), (false, Self.fewArrays)]
    for (isSparing, arrayBytes) in ways {
      if let lowered = try unlessRefused({ try lower(isSparing: isSparing, arrayBytes: arrayBytes) }) { return lowered }
    }
    return try lower(isSparing: true, arrayBytes: Self.fewArrays)
  }

  /// What `body` gives; nil where a diagnostic says that it does not fit.
  private static func unlessRefused(_ body: () throws -> PipeKernel) throws -> PipeKernel? {
    do { return try body() } catch is Diagnostic { return nil }
  }

  /// `firstWorkspace` is the number of the first workspace that the plan does not know: arrays that are spilled, and
  /// behind them the codes of checks that fail. Not synchronised it is placed alone, a cell at a time.
  private func lower(for npu: Ascend, firstWorkspace: Int, isSynchronised: Bool) throws -> PipeKernel {
    if let ownOfCells, ownOfCells.decidesProducts { throw DependsOnCell() }
    spill(from: firstWorkspace)
    findMagnitudes()
    let staged = kernel.sliceProducts.map(\.right.buffer)
    shareSums()
    for array in kernel.scratch where spills[array.name] == nil && sharedSums[array.name] == nil {
      staged.contains(array.name) ? try placeLines(array) : try place(array)
    }
    var body = try collect { try lower(kernel.body) }.withEarlyCopies
    if !isSparing { body = body.sideBySide }
    let spilled = spills.values.sorted { $0.buffer.name < $1.buffer.name }
    var source = kernel.adding(spilled.map(\.buffer), spilled.map(\.count))
    let name = status == nil ? nil : unique("status_of_cores")
    if isSynchronised, name == nil, spilled.isEmpty, vectorCoresOfCube == 0,
      let grouped = group(body, source, for: npu)
    {
      return grouped
    }
    var whole = fills + [.loop(cellLoop(body))]
    if let status, let name {
      let place = BufferSource.workspace(firstWorkspace + spilled.count)
      source = source.adding([KernelBuffer(name, place, .int32, isWritten: true)], [])
      whole = [.declare(status, .integer(0, status.type))] + whole + [leaveStatus(status, in: name)]
    }
    var lowered = PipeKernel(
      source: source, tensors: tensors, body: whole, limits: limits, spills: spilled, status: name)
    lowered.vectorCoresOfCube = vectorCoresOfCube
    try lowered.placeTensors(within: npu.unifiedBufferBytes, at: location)
    try lowered.placeMatrices(within: npu, at: location)
    guard isSynchronised else { return lowered }
    let placed = lowered
    var merged = lowered
    let short = lowered.synchronise()
    if short.isEmpty { return lowered }
    let left = merged.synchronise(merging: true)
    var best = left.isEmpty || short.contains(.cube) && !left.contains(.cube) ? merged : lowered
    for (var many, merging) in [(placed, false)] + (placed.usesCubes ? [(placed.withPhases, true)] : []) {
      many.synchronise(merging: merging, isLimited: false)
      best.bodiesOfManyEvents.append(many.body)
    }
    return best
  }

  /// Names of the kernel's buffers, numbers and variables.
  private var givenNames: Set<String> {
    var names = Set(kernel.buffers.map(\.name) + kernel.scalars.map(\.name) + kernel.floatNames)
    for statement in kernel.body {
      statement.forEach {
        switch $0 {
        case .define(let variable, _), .declare(let variable, _), .assign(let variable, _):
          names.insert(variable.name)
        case .loop(let loop): names.insert(loop.counter.name)
        default: break
        }
      }
    }
    return names
  }

  /// The kernel with cells in groups, as large as fit and as there are events for; nil where none is.
  private func group(_ body: [PipeStatement], _ source: MachineKernel, for npu: Ascend) -> PipeKernel? {
    // The numbers of groups have names that a kernel may have given to its own.
    let own = [CellGroups.groups, CellGroups.group, CellGroups.firstLeft].map(\.name)
    guard givenNames.isDisjoint(with: own) else { return nil }
    let grouping = CellGrouping(kernel.cell, body, tensors, except: constantTensors)
    for count in CellGrouping.counts where grouping.isWorthwhile(count) {
      guard let (loops, groups, own) = grouping.grouped(by: count, unique) else { return nil }
      var grouped = PipeKernel(
        source: source, tensors: tensors.merging(own) { $1 }, body: fills + loops, limits: limits)
      grouped.groups = groups
      guard (try? grouped.placeTensors(within: npu.unifiedBufferBytes, at: location)) != nil else { continue }
      var merged = grouped
      if grouped.synchronise().isEmpty { return grouped }
      // Where there is little but copies, groups of fewer cells with events of their own are better.
      if grouping.isOfWork, merged.synchronise(merging: true).isEmpty { return merged }
    }
    return nil
  }

  /// Copies the code of a check that failed, if one did, to the core's place.
  private func leaveStatus(_ status: Variable, in buffer: String) -> PipeStatement {
    let view = fresh("status_out", .int32, count: 8)
    let copy = PipeCopy(
      buffer: buffer, .int32, offset: .variable(PipeKernel.block), local: view, count: .constant(1), most: 1)
    return .branch(
      Expression.variable(status).compared(.notEqual, .integer(0, status.type)),
      [
        .vector(VectorInstruction(.duplicate, view, count: 1, scalar: .variable(status))), .copyOut(copy),
      ], [])
  }

  /// What a tensor of constants is known by.
  struct ConstantKey: Hashable {
    let bits: Expression
    let lanes: Int
  }

  /// A tensor that holds what `fill` puts there throughout the kernel. Never written again.
  func constant(
    _ key: ConstantKey, _ name: String, _ type: MachineType, _ fill: (LocalView) -> VectorInstruction
  ) throws -> LocalView {
    if let known = constants[key] { return known }
    let view = try tensor(name, type)
    fills.append(.vector(fill(view)))
    constants[key] = view
    constantTensors.insert(view.tensor)
    return view
  }

  /// Whether an instruction on constants alone is carried out once, before the first cell: its result is one as well.
  func isHoisted(_ instruction: VectorInstruction) -> Bool {
    switch instruction.operation {
    case .copy, .maskedCopy, .broadcastBlocks, .repeatBlock: return false
    default: break
    }
    let result = instruction.destination
    guard !instruction.sources.isEmpty, instruction.sources.allSatisfy({ constantTensors.contains($0.tensor) }),
      result.offset.constantValue == 0, !mutable.contains(result.tensor), !named.contains(result.tensor),
      let tensor = tensors[result.tensor], hoistedBytes + tensor.byteCount <= Self.mostHoisted
    else { return false }
    switch instruction.scalar {
    case nil, .integer, .float: break
    default: return false
    }
    hoistedBytes += tensor.byteCount
    constantTensors.insert(result.tensor)
    fills.append(.vector(instruction))
    return true
  }
  private static let mostHoisted = 48 << 10

  /// Whether a view is of one constant in all lanes.
  func isConstant(_ view: LocalView) -> Bool {
    view.offset.constantValue == 0 && constants.contains { key, own in
      guard own.tensor == view.tensor else { return false }
      if case .laneNumbers = key.bits { return false }
      return true
    }
  }

  /// What cannot be lowered, by name.
  func refusal(_ message: String) -> Diagnostic {
    Diagnostic("\(kernel.name) on Ascend: \(message)", at: [location])
  }

  // MARK: Building

  func append(_ statement: PipeStatement) { lists[lists.count - 1].append(statement) }

  func collect(_ body: () throws -> Void) rethrows -> [PipeStatement] {
    lists.append([])
    do { try body() } catch {
      lists.removeLast()
      throw error
    }
    return lists.removeLast()
  }

  /// The last statement, replaced where `change` gives another.
  func changeLast(_ change: (PipeStatement) -> PipeStatement?) -> Bool {
    guard let last = lists[lists.count - 1].last, let changed = change(last) else { return false }
    lists[lists.count - 1][lists[lists.count - 1].count - 1] = changed
    return true
  }

  /// Takes a name that the kernel has given.
  func take(_ name: String) { used[name] = 1 }

  /// A name that the kernel does not use yet.
  func unique(_ name: String) -> String {
    var candidate = name
    while used[candidate] != nil {
      used[name]! += 1
      candidate = "\(name)_\(used[name]!)"
    }
    used[candidate] = 1
    return candidate
  }

  /// A fresh tensor for lanes of a register type; whole repeats, which comparisons need.
  func tensor(_ name: String, _ type: MachineType) throws -> LocalView {
    switch type.scalar {
    case .f32: fresh(name, .float32, count: VectorInstruction.wholeRepeats(type.lanes))
    case .i32: fresh(name, .int32, count: VectorInstruction.wholeRepeats(type.lanes))
    // A bit a lane.
    case .mask: fresh(name, .uint8, count: (VectorInstruction.wholeRepeats(type.lanes) / 8 + 31) / 32 * 32)
    case .f64, .i64, .i8, .u8, .i16: throw refusal("vectors of \(type.scalar.rawValue) are not supported")
    }
  }

  func fresh(_ name: String, _ element: LocalElement, count: Int) -> LocalView {
    let name = unique(name)
    let perBlock = Ascend.block / element.byteCount
    let whole = (count + perBlock - 1) / perBlock * perBlock
    tensors[name] = LocalTensor(name, element, count: whole, byteAddress: 0)
    return LocalView(name, element)
  }

  private func place(_ array: ScratchArray) throws {
    let count: Int
    if case .constant(let known) = array.count {
      count = known
    } else {
      // A launch that needs more is refused, or has kernels of its own.
      count = kernel.room(for: array)
      limits.append(PipeKernel.Limit(name: array.name, count: array.count, most: count))
    }
    let element: LocalElement
    switch array.type {
    case .f32: element = .float32
    case .i32: element = .int32
    case .i64, .f64: element = .int64
    default: throw refusal("arrays of \(array.type.rawValue), such as \(array.name), are not supported")
    }
    // Whole repeats, and one more: a vector that begins near the end is read whole.
    take(array.name)
    tensors[array.name] = LocalTensor(
      array.name, element, count: VectorInstruction.wholeRepeats(count) + 64, byteAddress: 0)
    mutable.insert(array.name)
  }

  /// Launches whose rows of a buffer lie further apart are refused.
  func limit(rowsOf buffer: String, _ stride: HostExpression, to most: Int) {
    let limit = PipeKernel.Limit(name: buffer, count: stride, most: most, isOfRows: true)
    if !limits.contains(limit) { limits.append(limit) }
  }

  // MARK: Alignment

  /// A power of two that divides an integer of the scalar unit.
  func alignment(of expression: Expression) -> Int {
    switch expression {
    case .integer(let value, _): value == 0 ? 1 << 30 : 1 << min(30, Int(value).trailingZeroBitCount)
    case .variable(let variable):
      renamed[variable.name].map(alignment) ?? alignments[variable.name, default: 1]
    case .apply(.subtract, let operands, _) where operands[1].isRemainder(of: operands[0]) != nil:
      alignment(of: .constant(operands[1].isRemainder(of: operands[0])!))
    case .apply(.add, let operands, _), .apply(.subtract, let operands, _):
      operands.map(alignment).reduce(1 << 30, Self.common)
    case .apply(.multiply, let operands, _): min(1 << 30, operands.map(alignment).reduce(1, *))
    default: 1
    }
  }

  static func common(_ a: Int, _ b: Int) -> Int {
    let bits = a | b
    return bits == 0 ? 1 << 30 : bits & -bits
  }
}

extension HostExpression {
  /// What an array has beside its elements.
  var slack: Int {
    if case .sum(_, .constant(let more)) = self { more } else { 0 }
  }
}

extension Expression {
  /// The constant by which it is the remainder of `whole`; nil where it is none.
  fileprivate func isRemainder(of whole: Expression) -> Int? {
    if case .apply(.remainderFloor(let n), let operands, _) = self, operands[0] == whole { n } else { nil }
  }
}
