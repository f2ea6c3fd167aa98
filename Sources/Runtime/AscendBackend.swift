import AscendDriver
import DeviceModel
import MachineIR

/// An Ascend chip as a device of steps.
///
/// The host does not reach the chip's memory: every piece has one there and one here. Before the first kernel behind a
/// wait all that the host may have written is copied to the chip, and a wait copies it back. Weights are copied once.
final class AscendBackend: DeviceBackend {
  typealias Compile = ([AscendLibrary.Text]) throws -> AscendLibrary

  let device: AscendDevice
  private let cache: KernelCache
  private let compile: Compile
  private var pairs: [Pair] = []
  /// The codes of checks of each kernel that was asked for since the last wait, and whose it is.
  private let checks: AscendMemory
  private let checkBytes: Int
  private var asked: [HostPlan] = []
  /// Memory of a kernel alone, by its position among those of a call.
  private var scratch: [AscendMemory] = []
  private var programs = 0

  /// The same memory here and there.
  private struct Pair {
    let start: UInt
    let byteCount: Int
    weak var host: HostSide?
    let there: AscendMemory
    /// Whether neither side changes what the other must see.
    var isSettled = false
  }
  private final class HostSide {
    let area: AlignedMemory
    init(_ area: AlignedMemory) { self.area = area }
  }

  /// Kernels between two waits at most.
  private static let mostAsked = 1 << 12

  init(_ device: AscendDevice, _ cache: KernelCache, compile: Compile? = nil) throws {
    self.device = device
    self.cache = cache
    self.compile = compile ?? { try cache.ascendLibrary($0, chip: device.driver.chip) }
    try device.makeCurrent()
    checkBytes = AscendCores(of: try device.driver.target().npu!).codesOfChecks.byteCount
    checks = try device.allocate(byteCount: checkBytes * Self.mostAsked)
    try clearChecks()
  }

  private func clearChecks() throws {
    try [UInt8](repeating: 0, count: checks.byteCount).withUnsafeBytes { try checks.fill(from: $0.baseAddress!) }
  }

  func load(
    _ plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [any StepProgram] {
    guard !plans.isEmpty else { return [] }
    let (cache, first) = (cache, programs)
    programs += plans.count
    let proved = try compiling(plans, progress) { plan in
      (try AscendProgram(plan: plan, cache: cache), true)
    }.map { try $0.get() }
    let texts = proved.enumerated().map { AscendLibrary.Text(program: $1, suffix: "_\(first + $0)") }
    let library = try compile(texts)
    return texts.map { AscendStepProgram($0, library, self) }
  }

  // MARK: Memory

  func memory(_ byteCount: Int) throws -> AlignedMemory {
    try device.makeCurrent()
    let host = HostSide(try AlignedMemory(byteCount: byteCount))
    let pair = Pair(
      start: UInt(bitPattern: host.area.pointer), byteCount: byteCount, host: host,
      there: try device.allocate(byteCount: byteCount))
    pairs.removeAll { $0.host == nil }
    pairs.insert(pair, at: pairs.firstIndex { $0.start > pair.start } ?? pairs.count)
    return AlignedMemory(host.area.pointer, byteCount: byteCount, of: host)
  }

  func reaches(_ pointer: UnsafeRawPointer) -> Bool { pair(of: pointer) != nil }

  private func pair(of pointer: UnsafeRawPointer) -> Int? {
    let address = UInt(bitPattern: pointer)
    var (low, high) = (0, pairs.count)
    while low < high {
      let middle = (low + high) / 2
      if pairs[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, pairs[low - 1].host != nil,
      address - pairs[low - 1].start <= UInt(pairs[low - 1].byteCount)
    else { return nil }
    return low - 1
  }

  /// Where the chip has what is here at `pointer`.
  fileprivate func address(of pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    let pair = pairs[pair(of: pointer)!]
    return pair.there.address + Int(UInt(bitPattern: pointer) - pair.start)
  }

  func bind(_ pointer: UnsafeRawPointer, isWritten: Bool) throws {
    guard let own = pair(of: pointer), pairs[own].isSettled == isWritten else { return }
    // What kernels are making now is there already.
    if !isWritten, asked.isEmpty, let side = pairs[own].host {
      try device.makeCurrent()
      try pairs[own].there.fill(from: side.area.pointer)
    }
    pairs[own].isSettled = !isWritten
  }

  fileprivate func scratch(_ number: Int, _ byteCount: Int) throws -> UnsafeMutableRawPointer {
    if number < scratch.count, scratch[number].byteCount >= byteCount { return scratch[number].address }
    // What is under way uses the memory that there was.
    try device.synchronise()
    let fresh = try device.allocate(byteCount: byteCount)
    if number < scratch.count { scratch[number] = fresh } else { scratch.append(fresh) }
    return fresh.address
  }

  // MARK: Runs

  /// Asks for a kernel of `host`, whose arguments are those for codes of checks at an address.
  fileprivate func ask(
    _ library: AscendLibrary, _ kernel: String, blocks: Int, of host: HostPlan,
    _ arguments: (_ checks: UnsafeMutableRawPointer) -> [AscendLibrary.Argument]
  ) throws {
    if asked.count == Self.mostAsked { try finish() }
    if asked.isEmpty {
      try device.makeCurrent()
      for pair in pairs where !pair.isSettled {
        if let side = pair.host { try pair.there.fill(from: side.area.pointer) }
      }
    }
    let own = arguments(checks.address + checkBytes * asked.count)
    asked.append(host)
    try library.launch(kernel, blocks: blocks, own, on: device)
  }

  func run(_: AnyObject, _: [Int], _ enqueue: () throws -> Void) throws {
    do {
      try enqueue()
    } catch {
      // What was asked for before is done before anybody frees what it uses.
      try? finish()
      throw error
    }
    try finish()
  }

  func finish() throws {
    guard !asked.isEmpty else { return }
    let hosts = asked
    asked = []
    try device.makeCurrent()
    try device.synchronise()
    for pair in pairs where !pair.isSettled {
      if let side = pair.host { try pair.there.read(to: side.area.pointer) }
    }
    var codes = [Int32](repeating: 0, count: checks.byteCount / 4)
    try codes.withUnsafeMutableBytes { try checks.read(to: $0.baseAddress!) }
    guard let failed = codes.firstIndex(where: { $0 != 0 }) else { return }
    try clearChecks()
    if let failure = hosts[4 * failed / checkBytes].failure(codes[failed]) { throw failure }
  }
}

/// An operator on an Ascend chip, as steps launch it.
private final class AscendStepProgram: StepProgram {
  private let text: AscendLibrary.Text
  private let library: AscendLibrary
  private let backend: AscendBackend
  var plan: Plan { text.program.plan }
  var host: HostPlan { text.program.host }
  var wasCached: Bool { library.wasCached }

  init(_ text: AscendLibrary.Text, _ library: AscendLibrary, _ backend: AscendBackend) {
    self.text = text
    self.library = library
    self.backend = backend
  }

  func scratchBytes(_: borrowing LaunchNumbers) -> Int { 0 }

  /// Asks for the kernel; the codes of its checks are seen when the backend waits.
  func run(
    _ kernel: HostKernel, _ bound: borrowing KernelArguments, _ numbers: borrowing LaunchNumbers
  ) throws -> Int32 {
    try text.program.requireRoom(numbers)
    var memory = bound.buffers.map { $0.map(backend.address) }
    let checks = memory.count
    memory.append(nil)
    var sizes: [Int] = []
    guard
      let call = text.program.kernels[kernel.number].call(
        kernel, host.check, numbers, buffers: Array(kernel.buffers.indices), bound.floats, checks: checks,
        cores: AscendCores(of: plan.machine.npu!),
        spill: { _, size in
          sizes.append(size)
          return checks + sizes.count
        })
    else { return 0 }
    for (number, size) in sizes.enumerated() { memory.append(try backend.scratch(number, size)) }
    try backend.ask(library, call.kernel + text.suffix, blocks: call.blocks, of: host) { codes in
      memory[checks] = codes
      return AscendLibrary.arguments(of: call) { memory[$0] }
    }
    return 0
  }

  func prepare(_ arguments: [LaunchArgument], threads: Int?) throws -> Executable.PreparedWeights {
    let prepared: Executable.PreparedWeights
    do {
      prepared = try self.prepared(arguments, memory: backend.memory)
    } catch {
      try? backend.finish()
      throw error
    }
    for memory in prepared.memory.compactMap({ $0 }) { try backend.bind(memory.pointer, isWritten: false) }
    try backend.finish()
    return prepared
  }
}
