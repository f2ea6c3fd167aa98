import CFamily
import MachineIR
import TileIR

/// Prints one kernel as a CUDA function whose warps take cells in turns.
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
    statements.add("const i32 lane = threadIdx.x % 32;")
    try declareScratch()
    try declareCopies()
    let cells = statements.printer.names.own("cells")
    let warp = "(i64)blockIdx.x * \(launch.warpsPerBlock) + threadIdx.x / 32"
    let cell = statements.printer.names.identifier(kernel.cell.name)
    statements.add("const i64 warps = (i64)gridDim.x * \(launch.warpsPerBlock);")
    statements.add("for (i64 \(cell) = \(warp); \(cell) < \(cells); \(cell) += warps) {")
    try statements.block(kernel.body)
    statements.add("}")
    return """
      extern "C" __global__ void __launch_bounds__(\(launch.threadsPerBlock), 1)
      \(head)
      \(statements.lines.joined(separator: "\n"))
      }
      """
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

  /// The kernel's own memory, in its warp's part.
  private mutating func declareScratch() throws {
    guard !kernel.scratch.isEmpty else { return }
    let spaces = Set(kernel.scratch.map(\.space))
    if spaces.contains(.onChip) {
      statements.add("extern __shared__ __align__(\(WarpLaunch.alignment)) unsigned char tessera_shared[];")
      statements.add(
        "u8 *const shared = tessera_shared + threadIdx.x / 32 * \(text(launch.sharedBytesPerWarp));")
    }
    if spaces.contains(.device) {
      let warp = "((i64)blockIdx.x * \(launch.warpsPerBlock) + threadIdx.x / 32)"
      statements.add("u8 *const spilled = spill + \(warp) * \(text(launch.deviceBytesPerWarp));")
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
