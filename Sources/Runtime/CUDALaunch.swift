import CUDADriver
import MachineIR
import TileIR

/// A launch of a plan on a GPU whose arguments are there: it can be asked for again and again.
final class CUDALaunch {
  private let executable: CUDAExecutable
  private let numbers: LaunchNumbers
  /// The device's copy of each parameter's buffer; nil of a scalar.
  private let buffers: [CUDAMemory?]
  private let workspaces: [CUDAMemory]
  /// A word for each kernel that is launched.
  private let statuses: CUDAMemory
  private let preparations: [Bound]
  private let bound: [Bound]

  /// A kernel with everything that it is launched with.
  private final class Bound {
    let kernel: CUDAExecutable.Kernel
    let size: WarpKernel.Size
    let spill: CUDAMemory?
    let arguments: UnsafeMutableRawPointer
    let offsets: [Int]

    init(_ kernel: CUDAExecutable.Kernel, _ size: WarpKernel.Size, _ spill: CUDAMemory?, _ words: [Word]) {
      self.kernel = kernel
      self.size = size
      self.spill = spill
      // Every argument has a word of its own, whatever its width.
      arguments = .allocate(byteCount: 8 * max(1, words.count), alignment: 8)
      offsets = words.indices.map { 8 * $0 }
      for (position, word) in words.enumerated() {
        switch word {
        case .address(let address):
          arguments.storeBytes(of: address, toByteOffset: 8 * position, as: UInt64.self)
        case .integer(let value): arguments.storeBytes(of: value, toByteOffset: 8 * position, as: Int64.self)
        case .float(let value): arguments.storeBytes(of: value, toByteOffset: 8 * position, as: Float.self)
        }
      }
    }

    deinit { arguments.deallocate() }

    func enqueue() throws {
      try kernel.function.launch(
        blocks: size.blocks, threads: kernel.warp.launch.threadsPerBlock, sharedBytes: size.sharedBytes,
        arguments: arguments, at: offsets)
    }
  }

  private enum Word {
    case address(UInt64)
    case integer(Int64)
    case float(Float)
  }

  /// Checks the arguments as `Executable.launch` does, and copies them to the device.
  init(_ executable: CUDAExecutable, _ arguments: [LaunchArgument], extents: [TileIR.Dimension: Int]) throws {
    let (host, device) = (executable.host, executable.device)
    var numbers = host.check.unbound
    try host.check.bind(arguments, extents: extents, into: &numbers)
    try host.check.checkRefinements(arguments, numbers)
    try device.makeCurrent()
    var buffers: [CUDAMemory?] = []
    for (position, argument) in arguments.enumerated() {
      guard case .buffer(let view) = argument else {
        buffers.append(nil)
        continue
      }
      let bytes = UnsafeRawBufferPointer(start: view.pointer, count: numbers.memory[position].count)
      let memory = try device.allocate(byteCount: bytes.count)
      // Outputs too: between their rows may lie what is another's.
      try memory.write(bytes)
      buffers.append(memory)
    }
    var workspaces: [CUDAMemory] = []
    for size in host.workspaceSizes { workspaces.append(try device.allocate(byteCount: size.value(numbers))) }
    let chosen = try host.kernels(numbers)
    let statuses = try device.allocate(byteCount: 4 * (host.preparations.count + chosen.count))
    try statuses.fill(0)

    func bind(_ kernel: HostKernel, _ number: Int) throws -> Bound {
      let kernel = executable.kernels[kernel.number]
      let size = try kernel.size(numbers, on: device)
      let spill = size.deviceBytes > 0 ? try device.allocate(byteCount: size.deviceBytes) : nil
      var words: [Word] = kernel.warp.host.buffers.map { source in
        switch source {
        case .parameter(let parameter): .address(buffers[parameter]!.address)
        case .workspace(let workspace): .address(workspaces[workspace].address)
        }
      }
      words += size.integers.map { .integer(Int64($0)) }
      for parameter in kernel.warp.host.floats {
        if case .float(let value) = arguments[parameter] { words.append(.float(value)) }
      }
      words.append(.address(statuses.address + UInt64(4 * number)))
      if kernel.warp.launch.usesDeviceMemory { words.append(.address(spill?.address ?? 0)) }
      return Bound(kernel, size, spill, words)
    }
    preparations = try host.preparations.enumerated().map { try bind($1, $0) }
    bound = try chosen.enumerated().map { try bind($1, host.preparations.count + $0) }
    self.executable = executable
    self.numbers = numbers
    self.buffers = buffers
    self.workspaces = workspaces
    self.statuses = statuses
    for tile in host.prints {
      let memory = workspaces[tile.workspace]
      try Self.staged(memory.byteCount) { bytes in
        tile.clear(numbers, bytes.baseAddress)
        try memory.write(UnsafeRawBufferPointer(bytes))
      }
    }
  }

  /// Asks for every kernel, with those that lay weights out where `preparing`.
  func enqueue(preparing: Bool) throws {
    if preparing { for kernel in preparations { try kernel.enqueue() } }
    for kernel in bound { try kernel.enqueue() }
  }

  /// Waits, and copies outputs and states to `arguments`. Throws the message of a failed assertion, as
  /// `Executable.launch` does.
  func finish(_ arguments: [LaunchArgument], prints: (String) -> Void) throws {
    var status = [Int32](repeating: 0, count: statuses.byteCount / 4)
    try status.withUnsafeMutableBytes { try statuses.read(into: $0) }
    let program = executable.plan.program
    for (position, argument) in arguments.enumerated() {
      guard [.output, .state].contains(program.parameters[position].role), case .buffer(let view) = argument,
        let pointer = view.pointer, let memory = buffers[position]
      else { continue }
      try memory.read(into: UnsafeMutableRawBufferPointer(start: pointer, count: memory.byteCount))
    }
    if let failed = status.first(where: { $0 != 0 }), let failure = executable.host.failure(failed) {
      throw failure
    }
    for tile in executable.host.prints {
      let memory = workspaces[tile.workspace]
      try Self.staged(memory.byteCount) { bytes in
        try memory.read(into: bytes)
        tile.write(numbers, UnsafeRawPointer(bytes.baseAddress), prints)
      }
    }
  }

  /// Host memory for a moment.
  private static func staged(_ byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws
  {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, byteCount), alignment: 8)
    defer { bytes.deallocate() }
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
    try body(UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount]))
  }
}
