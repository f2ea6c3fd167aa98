import AscendDriver
import CUDADriver
import MachineIR
import Schedules
import TileIR

/// An operator that can be run on whole host tensors, wherever its kernels run.
public protocol RunnableOperator: AnyObject {
  var plan: Plan { get }
  /// Whether the cache had the compiled kernels, so that no compiler ran.
  var wasCached: Bool { get }

  /// Runs the operator on `arguments` and returns outputs and states by name. `extents` binds dimensions
  /// that no input has; `threads` are the most to use, where threads are used; `prints` takes each line
  /// that a print statement writes.
  func run(
    _ arguments: [String: Argument], extents: [Dimension: Int], threads: Int?, prints: (String) -> Void
  ) throws -> [String: HostTensor]
}

extension Executable: RunnableOperator {}

extension RunTarget {
  /// An operator compiled for this target and ready to run: under an emulator where the processor is another, with
  /// every access checked in the device model.
  ///
  /// Throws what lowering, proofs, compilers and drivers say.
  public func load(
    _ program: Program, schedule: Schedule = Schedule(), cache: KernelCache = .standard,
    pool: ThreadPool = .shared
  ) throws -> any RunnableOperator {
    switch self {
    case .processor(let machine) where !machine.runsHere && Emulator.emulates(machine):
      try EmulatedExecutable(plan: Lowering.plan(program, for: machine, schedule: schedule), cache: cache)
    case .processor(let machine):
      try Executable(program, for: machine, schedule: schedule, cache: cache, pool: pool)
    case .deviceModel(let machine):
      try DeviceModelExecutable(program, for: machine, schedule: schedule, cache: cache)
    case .ascendModel(let machine):
      // What is asked for of other machines need not fit the unified buffer.
      try AscendModelExecutable(
        program, for: machine, schedule: schedule == Schedule() ? nil : schedule, cache: cache)
    case .cuda(let number):
      try CUDAExecutable(
        program, on: CUDADevice(number, of: CUDADriver.standard.get()), schedule: schedule, cache: cache)
    case .ascend(let number):
      try AscendExecutable(program, on: AscendDevice(number, of: AscendDriver.standard.get()), cache: cache)
    }
  }

  /// Whether operators run here at the chip's own speed, so that large ones may be tried.
  public var isQuick: Bool {
    switch self {
    case .processor(let machine): machine.runsHere
    case .deviceModel, .ascendModel: false
    case .cuda, .ascend: true
    }
  }
}

/// An operator for another processor, run under an emulator: for checking bits, not for speed.
public final class EmulatedExecutable: RunnableOperator {
  public let plan: Plan
  private let program: EmulatedProgram
  public var wasCached: Bool { program.wasCached }

  /// Throws where the emulator, the compiler or its linker is missing, and what the compiler says.
  public init(plan: Plan, cache: KernelCache = .standard) throws {
    self.plan = plan
    program = try EmulatedProgram(plans: [plan], cache: cache)
  }

  /// As `Executable.run`, on one thread.
  public func run(
    _ arguments: [String: Argument], extents: [Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let host = try HostArguments(plan.program, arguments, extents: extents)
    try program.run([.init(plan: 0, host.launch, extents: extents)], print: prints)[0].get()
    return host.results()
  }
}
