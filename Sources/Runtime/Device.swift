import AscendDriver
import CUDADriver
import Foundation
import MachineIR
import Schedules
import Steps
import TileIR

/// A chip with the programs compiled for it: steps are loaded onto it and share what they have in common.
///
/// Not for several threads at once.
public final class Device {
  public let machine: MachineDescription
  public let pool: ThreadPool
  let backend: any DeviceBackend
  private var executables: [Program: any StepProgram] = [:]
  private var prepared: [PreparedKey: Executable.PreparedWeights] = [:]
  /// Copies of memory that lay elsewhere, by where that was.
  private var residents: [UnsafeMutableRawPointer: AlignedMemory] = [:]

  /// What a device is doing while a step is loaded.
  public enum Progress: Sendable {
    /// So many programs of so many are compiled; the one done last.
    case compiled(Int, of: Int, String)
    /// So many launches of so many have their weights laid out.
    case laidOut(Int, of: Int)
  }

  /// Weights laid out anew belong to a program and the memory that they were read from.
  private struct PreparedKey: Hashable {
    let executable: ObjectIdentifier
    let weights: [UnsafeMutableRawPointer?]
  }

  /// This computer's processor, or one of the targets that it runs.
  public convenience init(
    machine: MachineDescription? = nil, cache: KernelCache = .standard, pool: ThreadPool = .shared
  ) throws {
    try self.init(.processor(machine ?? .host), cache: cache, pool: pool)
  }

  /// A target, where it runs here. In the device model `pool` says how many processes share a grid.
  public init(_ target: RunTarget, cache: KernelCache = .standard, pool: ThreadPool = .shared) throws {
    machine = try target.machine
    self.pool = pool
    switch target {
    case .processor: backend = HostBackend(cache, pool)
    case .deviceModel: backend = try DeviceModelBackend(cache, processes: pool.threads)
    case .ascendModel: backend = try AscendModelBackend(cache)
    case .cuda(let number):
      backend = try CUDABackend(CUDADevice(number, of: CUDADriver.standard.get()), cache)
    case .ascend(let number):
      backend = try AscendBackend(AscendDevice(number, of: AscendDriver.standard.get()), cache)
    }
  }

  /// A GPU, with machine code that was compiled elsewhere: `code` gives that of a plan for the GPU's target.
  ///
  /// Throws where no target fits the GPU.
  public convenience init(
    _ gpu: CUDADevice, code: @escaping (Plan) throws -> Data, pool: ThreadPool = .shared
  ) throws {
    let backend = try CUDABackend(gpu, .standard) { plans, _ in try plans.map { (try code($0), true) } }
    try self.init(backend, machine: gpu.driver.target(of: gpu.facts.number), pool: pool)
  }

  init(_ backend: any DeviceBackend, machine: MachineDescription, pool: ThreadPool) {
    self.backend = backend
    self.machine = machine
    self.pool = pool
  }

  /// Compiles (or finds in the cache) what `programs` still lack, several at once.
  ///
  /// Throws what lowering, clang or the loader say about the first that fails.
  public func compile(
    _ programs: [Program], progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws {
    let missing = programs.filter { executables[$0] == nil }
    let machine = machine
    let plans = try concurrently(missing.count) { try Lowering.plan(missing[$0], for: machine) }.map { try $0.get() }
    let loaded = try backend.load(plans) {
      progress(.compiled($0.done, of: $0.total, $0.name))
    }
    for (program, executable) in zip(missing, loaded) { executables[program] = executable }
  }

  /// The compiled form of a program that `compile` was given.
  func executable(_ program: Program) -> any StepProgram { executables[program]! }

  /// Memory that both this process and the device reach.
  public func memory(_ byteCount: Int) throws -> AlignedMemory { try backend.memory(byteCount) }

  /// A view of memory that the device reaches: the view itself, or one of a copy, made once for all steps.
  ///
  /// Throws where the device is to write what lies out of its reach.
  func resident(_ view: TensorView, isWritten: Bool, _ name: String) throws -> TensorView {
    guard let pointer = view.pointer else { return view }
    if backend.reaches(pointer) {
      try backend.bind(pointer, isWritten: isWritten)
      return view
    }
    guard !isWritten else {
      throw RuntimeError("\(name) is written and does not lie in memory that the device gave")
    }
    var byteCount = 0
    view.visitRows { byte, count in byteCount = max(byteCount, byte + count) }
    if let known = residents[pointer], known.byteCount >= byteCount {
      return TensorView(view.element, known.pointer, shape: view.shape, strides: view.strides)
    }
    let copy = try memory(byteCount)
    copy.pointer.copyMemory(from: pointer, byteCount: byteCount)
    try backend.bind(copy.pointer, isWritten: false)
    residents[pointer] = copy
    return TensorView(view.element, copy.pointer, shape: view.shape, strides: view.strides)
  }

  /// The weights of a launch laid out for it, once for all steps.
  func prepare(_ executable: any StepProgram, _ arguments: [LaunchArgument]) throws -> Executable
    .PreparedWeights?
  {
    guard !executable.plan.preparations.isEmpty else { return nil }
    let weights = zip(executable.plan.program.parameters, arguments).map {
      (parameter, argument) -> UnsafeMutableRawPointer? in
      guard parameter.role == .weight, case .buffer(let view) = argument else { return nil }
      return view.pointer
    }
    let key = PreparedKey(executable: ObjectIdentifier(executable), weights: weights)
    if let known = prepared[key] { return known }
    let fresh = try executable.prepare(arguments, threads: nil)
    prepared[key] = fresh
    return fresh
  }
}
