import CFamily
import MachineIR
import TileIR

/// Prints one kernel as a CUDA function whose agents, warps or blocks, take cells in turns.
struct KernelPrinter {
  let kernel: MachineKernel
  let program: Program
  let launch: WarpLaunch
  private var statements: StatementPrinter<CUDADialect>

  init(_ kernel: MachineKernel, program: Program, dialect: CUDADialect) {
    self.kernel = kernel
    self.program = program
    launch = WarpLaunch(kernel)
    let names = CNames(taken: CUDADialect.kernelNames)
    statements = StatementPrinter(ExpressionPrinter(dialect, names: names))
  }

  private var dialect: CUDADialect { statements.printer.dialect }

  mutating func print() throws -> String {
    let parameters = Layout.group(
      open: "(", items: self.parameters().map(Layout.text), separator: ",", close: ") {")
    let head = Layout.sequence([.text(CNames.symbol(kernel.name)), parameters]).broken(at: 0, indent: 4)
    dialect.sharingWarps = kernel.sharesLoops ? kernel.agentWarps : nil
    statements.add("const i32 lane = \(dialect.ownThread);")
    if kernel.sharesLoops { statements.add("const i32 warp = threadIdx.x / 32;") }
    try declareScratch()
    try declareCopies()
    let cells = statements.printer.names.own("cells")
    let cell = statements.printer.names.identifier(kernel.cell.name)
    let (agents, count) =
      kernel.agentWarps > 1 ? ("blocks", "gridDim.x") : ("warps", "(i64)gridDim.x * \(launch.agentsPerBlock)")
    statements.add("const i64 \(agents) = \(count);")
    statements.add("for (i64 \(cell) = \(agent); \(cell) < \(cells); \(cell) += \(agents)) {")
    try statements.block(kernel.body)
    statements.add("}")
    return """
      extern "C" __global__ void __launch_bounds__(\(launch.threadsPerBlock), 1)
      \(head)
      \(statements.lines.joined(separator: "\n"))
      }
      """
  }

  /// The agent's number in the grid.
  private var agent: String {
    kernel.agentWarps > 1 ? "blockIdx.x" : "(i64)blockIdx.x * \(launch.agentsPerBlock) + threadIdx.x / 32"
  }

  /// The parameters, named for what follows.
  private mutating func parameters() -> [String] {
    var list: [String] = []
    let sources = Dictionary(grouping: kernel.buffers, by: \.source)
    let read = kernel.readBuffers
    for buffer in kernel.buffers {
      let scalar = dialect.declare(buffer.element.cStorage)
      statements.printer.memory[buffer.name] = scalar
      // What threads tell each other through memory may not be held in registers.
      let isShared = sources[buffer.source]!.count > 1 || buffer.isWritten && read.contains(buffer.name)
      let qualifier = isShared ? "" : "__restrict__ "
      let name = statements.printer.names.identifier(buffer.name)
      list.append("\(buffer.isWritten ? "" : "const ")\(scalar) *\(qualifier)\(name)")
    }
    for scalar in kernel.scalars { list.append("i64 \(statements.printer.names.identifier(scalar.name))") }
    for scalar in launch.numbers.dropFirst(kernel.scalars.count) {
      list.append("i64 \(statements.printer.names.own(scalar.name))")
    }
    for parameter in kernel.floats {
      list.append("f32 \(statements.printer.names.identifier(program.parameters[parameter].name))")
    }
    list.append("i32 *status")
    if launch.usesDeviceMemory { list.append("u8 *spill") }
    return list
  }

  /// The kernel's own memory, in its agent's part.
  private mutating func declareScratch() throws {
    guard !kernel.scratch.isEmpty else { return }
    let spaces = Set(kernel.scratch.map(\.space))
    if spaces.contains(.onChip) {
      statements.add("extern __shared__ __align__(\(WarpLaunch.alignment)) unsigned char tessera_shared[];")
      let part = kernel.agentWarps > 1 ? "" : " + threadIdx.x / 32 * \(text(launch.sharedBytesPerAgent))"
      statements.add("u8 *const shared = tessera_shared\(part);")
    }
    if spaces.contains(.device) {
      let part = kernel.agentWarps > 1 ? "(i64)\(agent)" : "(\(agent))"
      statements.add("u8 *const spilled = spill + \(part) * \(text(launch.deviceBytesPerAgent));")
    }
    for (array, offset) in zip(kernel.scratch, launch.offsets) {
      let scalar = dialect.type(MachineType(array.type))
      statements.printer.memory[array.name] = scalar
      let name = statements.printer.names.identifier(array.name)
      let base = array.space == .onChip ? "shared" : "spilled"
      let place = offset == .constant(0) ? base : "(\(base) + \(text(offset)))"
      statements.add("\(scalar) *const \(name) = (\(scalar) *)\(place);")
    }
  }

  /// Asynchronous copies: their targets, and the groups of bulk copies.
  private mutating func declareCopies() throws {
    dialect.bulk = nil
    if kernel.agentWarps > 1, !kernel.copies.isEmpty {
      throw Refusal("asynchronous copies of an agent of several warps")
    }
    for copy in kernel.copies
    where !kernel.scratch.contains(where: { $0.name == copy.target && $0.space == .onChip }) {
      throw Refusal("a copy to \(copy.target), which is not in shared memory")
    }
    for copy in kernel.copies where !kernel.fits(copy) {
      throw Refusal(
        "a copy of \(copy.source.element.rawValue) to \(copy.target), whose elements are not as wide")
    }
    let barriers = kernel.copyBarriers
    if barriers.count > 1 { throw Refusal("copies that arrive at different barriers, or at none") }
    guard case .some(.some(let array)) = barriers.first else { return }
    guard let count = kernel.barrierCount(array) else { throw Refusal("\(array) is no array of barriers") }
    let bulk = BulkCopies(groups: statements.printer.names.own("copies"), count: count)
    statements.add(dialect.openBulkCopies(bulk, statements.printer.names.identifier(array)))
    dialect.bulk = bulk
  }

  private mutating func text(_ offset: WarpLaunch.Offset) -> String {
    switch offset {
    case .constant(let bytes): "\(bytes)"
    case .number(let name): statements.printer.names.own(name)
    }
  }
}

extension MachineKernel {
  /// Names of the memory that it reads.
  fileprivate var readBuffers: Set<String> {
    var found: Set<String> = []
    for statement in body {
      statement.forEach { found.formUnion($0.expressions.flatMap(\.reads).map(\.memory)) }
    }
    return found
  }
}
