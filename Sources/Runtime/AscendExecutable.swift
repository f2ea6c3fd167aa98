import AscendDriver
import DeviceModel
import MachineIR
import TileIR

/// An operator on an Ascend chip.
///
/// Not for several threads at once.
public final class AscendExecutable: RunnableOperator {
  private let program: AscendProgram
  private let device: AscendDevice
  private let library: AscendLibrary
  public var plan: Plan { program.plan }
  public var wasCached: Bool { library.wasCached }

  /// Lowers and proves the program, and has CANN compile it (or finds that in the cache).
  ///
  /// Throws what lowering, proofs, CANN and AscendCL say.
  public convenience init(_ program: Program, on device: AscendDevice, cache: KernelCache = .standard) throws {
    try self.init(program, on: device, cache: cache) { try cache.ascendLibrary($0, chip: device.driver.chip) }
  }

  init(
    _ program: Program, on device: AscendDevice, cache: KernelCache,
    compile: ([AscendLibrary.Text]) throws -> AscendLibrary
  ) throws {
    self.program = try AscendProgram(program, for: device.driver.target(), cache: cache)
    self.device = device
    library = try compile([AscendLibrary.Text(program: self.program, suffix: "")])
  }

  /// As `Executable.run`; `threads` has no meaning here. Everything is copied to the device and back.
  public func run(
    _ arguments: [String: Argument], extents: [Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let given = try HostArguments(plan.program, arguments, extents: extents)
    let launch = try program.launch(given, extents: extents, cores: AscendCores(of: plan.machine.npu!))
    try device.makeCurrent()
    let memory = try launch.buffers.map { try device.allocate(byteCount: $0.byteCount) }
    for (buffer, memory) in zip(launch.buffers, memory) where buffer.purpose != .workspace {
      try buffer.contents.bytes.withUnsafeBytes { if let base = $0.baseAddress { try memory.fill(from: base) } }
    }
    do {
      for kernel in launch.kernels {
        let words = AscendLibrary.arguments(of: kernel.call) { memory[$0].address }
        try library.launch(kernel.call.kernel, blocks: kernel.call.blocks, words, on: device)
      }
    } catch {
      // What was asked for before is done before its memory is given back.
      try? device.synchronise()
      throw error
    }
    try device.synchronise()
    let contents = try zip(launch.buffers, memory).map { buffer, memory -> DeviceBuffer in
      var found = buffer.contents
      guard buffer.purpose != .workspace else { return found }
      try found.bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { try memory.read(to: base) } }
      return found
    }
    if let code = launch.failedCheck(in: contents) { throw plan.messages[Int(code) - 1] }
    launch.copyBack(from: contents, plan.program, to: given.launch)
    return given.results()
  }
}
