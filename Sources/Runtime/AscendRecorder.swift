import DeviceModel
import MachineIR
import TileIR

/// A device that carries nothing out: it notes what an Ascend chip would be asked for, by steps that are loaded onto
/// it and run, so that the chip can be asked elsewhere.
///
/// What buffers hold while a step runs is not what the chip would leave there; `HostLaunch.replace` puts that there.
/// Not for several threads at once.
public final class AscendRecorder {
  /// A piece of memory, as steps and their weights have it before anything runs.
  public struct Place: Hashable, Sendable {
    /// By position in `areas`.
    public let area: Int
    /// In bytes.
    public let offset: Int
  }

  public enum Argument: Hashable, Sendable {
    case memory(Place)
    /// So many bytes that the kernel alone uses.
    case scratch(Int)
    /// The codes of checks that failed, an `int32` for each vector core, 0 before.
    case checks
    case integer(Int64)
    case float(Float)
  }

  /// A kernel on so many blocks.
  public struct Call: Sendable {
    public let kernel: String
    public let blocks: Int
    public let arguments: [Argument]
    /// The operator's messages for codes of checks, from 1 on.
    public let messages: [String]
  }

  /// An operator's kernels as Ascend C; no two texts of a recorder have a function of the same name.
  public struct Text: Sendable {
    public let program: String
    public let source: String
    public let kernels: [PipeKernel]
    /// What the names of its functions end in.
    public let suffix: String
  }

  /// What steps are loaded onto.
  public let device: Device
  private let backend: RecordingBackend

  public init(for machine: MachineDescription = .ascend910b, cache: KernelCache = .standard) throws {
    guard machine.npu != nil else { throw RuntimeError("\(machine.name) is no Ascend chip") }
    backend = RecordingBackend(machine, cache)
    device = Device(backend, machine: machine, pool: .shared)
  }

  /// The kernels of all programs that were loaded.
  public var texts: [Text] { backend.texts }

  /// The memory that was asked for.
  public var areas: [UnsafeRawBufferPointer] {
    backend.areas.map { UnsafeRawBufferPointer(start: $0.pointer, count: $0.byteCount) }
  }

  /// The codes of checks of a launch.
  public var checksByteCount: Int { backend.cores.codesOfChecks.byteCount }

  /// What was asked for since it was last taken, in order: the kernels that lay weights out when steps were loaded,
  /// then those of runs.
  public func takeCalls() -> [Call] {
    defer { backend.calls = [] }
    return backend.calls
  }

  /// Where a step's inputs lie and what they hold.
  public func inputs(of run: StepRun) -> [(name: String, place: Place, bytes: UnsafeRawBufferPointer)] {
    run.executable.step.buffers.filter { $0.kind == .input }.map { buffer in
      let memory = UnsafeRawBufferPointer(run.executable.input(buffer.name))
      return (buffer.name, backend.place(of: memory.baseAddress!)!, memory)
    }
  }

  /// Where a tensor lies that a launch wrote; nil where its rows do not follow one another.
  public func place(of view: TensorView) -> Place? {
    guard let pointer = view.pointer, view.strides == TensorView(view.element, nil, shape: view.shape).strides
    else { return nil }
    return backend.place(of: pointer)
  }
}

private final class RecordingBackend: DeviceBackend {
  let machine: MachineDescription
  let cores: AscendCores
  private let cache: KernelCache
  var areas: [AlignedMemory] = []
  var texts: [AscendRecorder.Text] = []
  var calls: [AscendRecorder.Call] = []

  init(_ machine: MachineDescription, _ cache: KernelCache) {
    self.machine = machine
    self.cache = cache
    cores = AscendCores(of: machine.npu!)
  }

  func memory(_ byteCount: Int) throws -> AlignedMemory {
    let area = try AlignedMemory(byteCount: byteCount)
    area.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    areas.append(area)
    return area
  }

  func reaches(_ pointer: UnsafeRawPointer) -> Bool { place(of: pointer) != nil }

  func place(of pointer: UnsafeRawPointer) -> AscendRecorder.Place? {
    for (number, area) in areas.enumerated() {
      let offset = pointer - UnsafeRawPointer(area.pointer)
      // An empty tensor may begin where its area ends.
      if 0...area.byteCount ~= offset { return AscendRecorder.Place(area: number, offset: offset) }
    }
    return nil
  }

  func load(
    _ plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [any StepProgram] {
    let (cache, first) = (cache, texts.count)
    let loaded = compiling(plans, progress) { plan in
      (try AscendProgram(plan: plan, cache: cache), true)
    }
    return try loaded.enumerated().map { number, result in
      let program = try result.get()
      let suffix = "_\(first + number)"
      texts.append(
        AscendRecorder.Text(
          program: program.plan.program.name, source: try program.source(suffix: suffix),
          kernels: program.kernels, suffix: suffix))
      return RecordedProgram(program, suffix, self)
    }
  }
}

/// An operator of a step whose kernels are noted.
private final class RecordedProgram: StepProgram {
  private let program: AscendProgram
  private let suffix: String
  private unowned let backend: RecordingBackend
  var plan: Plan { program.plan }
  var host: HostPlan { program.host }
  var wasCached: Bool { true }

  init(_ program: AscendProgram, _ suffix: String, _ backend: RecordingBackend) {
    self.program = program
    self.suffix = suffix
    self.backend = backend
  }

  func scratchBytes(_: borrowing LaunchNumbers) -> Int { 0 }

  func run(
    _ kernel: HostKernel, _ bound: borrowing KernelArguments, _ numbers: borrowing LaunchNumbers
  ) throws -> Int32 {
    try program.requireRoom(numbers)
    var memory = bound.buffers.map { pointer -> AscendRecorder.Argument in
      // A buffer that a launch does not have is one of no bytes.
      pointer.map { .memory(backend.place(of: $0)!) } ?? .scratch(0)
    }
    let checks = memory.count
    memory.append(.checks)
    guard
      let call = program.kernels[kernel.number].call(
        kernel, host.check, numbers, buffers: Array(kernel.buffers.indices), bound.floats, checks: checks,
        cores: backend.cores,
        spill: { _, size in
          memory.append(.scratch(size))
          return memory.count - 1
        })
    else { return 0 }
    let arguments = call.arguments.map { argument -> AscendRecorder.Argument in
      switch argument {
      case .buffer(let number): memory[number]
      case .integer(let value): .integer(value)
      case .float(let value): .float(value)
      }
    }
    backend.calls.append(
      AscendRecorder.Call(
        kernel: call.kernel + suffix, blocks: call.blocks, arguments: arguments,
        messages: plan.messages.map(\.description)))
    return 0
  }

  func prepare(_ arguments: [LaunchArgument], threads: Int?) throws -> Executable.PreparedWeights {
    try prepared(arguments, memory: backend.memory)
  }
}
