import CTesseraShims
import DynamicLibrary
import EmitC
import Foundation
import MachineIR
import Schedules
import TileIR

/// A plan compiled and loaded: an operator that can be launched on this processor.
///
/// Not for several threads at once: workspaces and per-thread memory are kept between launches, so
/// that launching allocates nothing once they have grown.
public final class Executable {
  public let plan: Plan
  /// Whether the cache had the compiled kernels, so that no compiler ran.
  public let wasCached: Bool
  let host: HostPlan
  private let library: DynamicLibrary
  /// By the kernels' positions in `Plan.kernels`.
  let functions: [tessera_kernel]
  let pool: ThreadPool

  // Memory of launches, kept for the next.
  private var numbers: LaunchNumbers
  private var workspaces: [AlignedMemory?]
  private var scratch: [AlignedMemory] = []
  private var workspacePointers: [UnsafeMutableRawPointer?] = []
  private var scratchPointers: [UnsafeMutablePointer<UInt8>?] = []
  private var buffers: [UnsafeMutableRawPointer?] = []
  private var integers: [Int64] = []
  private var floats: [Float] = []

  /// Lowers a program for `machine`, the best target of this processor unless given, and compiles it.
  ///
  /// Throws as `Lowering.plan` and `init(plan:)` do.
  public convenience init(
    _ program: Program, for machine: MachineDescription? = nil, schedule: Schedule = Schedule(),
    unproved reason: String? = nil, cache: KernelCache = .standard, pool: ThreadPool = .shared
  ) throws {
    let plan = try Lowering.plan(
      program, for: try machine ?? MachineDescription.host, schedule: schedule)
    try self.init(plan: plan, unproved: reason, cache: cache, pool: pool)
  }

  /// Compiles (or finds in the cache) and loads every kernel of the plan.
  ///
  /// Throws where this processor cannot run the plan's machine, where the program or the plan is not proved, and
  /// what the compiler or loader says. A reason given for `unproved` lets a plan pass whose proof is open, not
  /// its program: for tests that run what they check.
  public convenience init(
    plan: Plan, unproved reason: String? = nil, cache: KernelCache = .standard, pool: ThreadPool = .shared
  ) throws {
    try self.init(plan: plan, try cache.library(of: plan, unproved: reason), pool: pool)
  }

  init(plan: Plan, _ loaded: LoadedPlan, pool: ThreadPool) throws {
    self.plan = plan
    self.pool = pool
    let library = loaded.library
    self.library = library
    wasCached = loaded.wasCached
    host = try HostPlan(plan, narrowSpans: loaded.narrowSpans)
    functions = try plan.kernels.map {
      try library.symbol(EmitC.symbol(of: $0), as: tessera_kernel.self)
    }
    numbers = host.check.unbound
    workspaces = plan.workspaces.map { _ in nil }
    let kernels = host.all
    integers.reserveCapacity(kernels.map { $0.scalars.count + $0.scratch.count }.max() ?? 0)
  }

  /// Weights laid out anew for this operator, once for many launches. Valid while the weights' buffers
  /// keep their place and contents.
  public final class PreparedWeights {
    let memory: [AlignedMemory?]
    init(_ memory: [AlignedMemory?]) { self.memory = memory }
  }

  /// Lays out the weights among `arguments`, which are a launch's.
  public func prepare(_ arguments: [LaunchArgument], threads: Int? = nil) throws -> PreparedWeights {
    try host.check.bind(arguments, into: &numbers)
    var memory: [AlignedMemory?] = []
    for (size, workspace) in zip(host.workspaceSizes, plan.workspaces) {
      memory.append(
        workspace.prepares == nil ? nil : try AlignedMemory(byteCount: size.value(numbers)))
    }
    let prepared = PreparedWeights(memory)
    usePointers(prepared)
    for kernel in host.preparations { try run(kernel, arguments, threads) }
    return prepared
  }

  /// Runs the operator: one argument for each parameter of the program, in order, outputs and states
  /// included.
  ///
  /// The arguments are checked first: a refused launch has run nothing. With `checksData`, integers
  /// with a declared refinement are checked too, which reads those buffers. Throws the message of a
  /// failed `assert` after the launch, whose outputs and states are then unspecified.
  public func launch(
    _ arguments: [LaunchArgument], extents: [TileIR.Dimension: Int] = [:], prepared: PreparedWeights? = nil,
    threads: Int? = nil, checksData: Bool = true, print: (String) -> Void = { Swift.print($0) }
  ) throws {
    try host.check.bind(arguments, extents: extents, into: &numbers)
    if checksData { try host.check.checkRefinements(arguments, numbers) }
    let kernels = try host.kernels(numbers)
    for position in workspaces.indices where prepared?.memory[position] == nil {
      let size = host.workspaceSizes[position].value(numbers)
      if (workspaces[position]?.byteCount ?? -1) < size {
        workspaces[position] = nil
        workspaces[position] = try AlignedMemory(byteCount: size)
      }
    }
    usePointers(prepared)
    for tile in host.prints { tile.clear(numbers, workspacePointers[tile.workspace]) }
    if prepared == nil {
      for kernel in host.preparations { try run(kernel, arguments, threads) }
    }
    for kernel in kernels {
      if let failure = host.failure(try run(kernel, arguments, threads)) { throw failure }
    }
    for tile in host.prints { tile.write(numbers, workspacePointers[tile.workspace], print) }
  }

  /// Checks arguments as a launch does, and nothing else.
  public func checkArguments(_ arguments: [LaunchArgument]) throws {
    try host.check.bind(arguments, into: &numbers)
  }

  private func usePointers(_ prepared: PreparedWeights?) {
    workspacePointers.removeAll(keepingCapacity: true)
    for position in workspaces.indices {
      workspacePointers.append((prepared?.memory[position] ?? workspaces[position])?.pointer)
    }
  }

  /// Runs one kernel over its cells and returns the status that they raised.
  @discardableResult
  private func run(
    _ kernel: HostKernel, _ arguments: [LaunchArgument], _ limit: Int?
  ) throws -> Int32 {
    let cells = kernel.cells.value(numbers)
    guard cells > 0 else { return 0 }
    integers.removeAll(keepingCapacity: true)
    let scratchBytes = kernel.appendIntegers(numbers, to: &integers)
    buffers.removeAll(keepingCapacity: true)
    for source in kernel.buffers {
      switch source {
      case .workspace(let workspace): buffers.append(workspacePointers[workspace])
      case .parameter(let parameter):
        guard case .buffer(let view) = arguments[parameter] else {
          throw RuntimeError("\(plan.program.parameters[parameter].name) is not a buffer")
        }
        buffers.append(view.pointer)
      }
    }
    floats.removeAll(keepingCapacity: true)
    for parameter in kernel.floats {
      if case .float(let value) = arguments[parameter] { floats.append(value) }
    }
    let threads = min(max(1, limit ?? pool.threads), pool.threads)
    try growScratch(threads, scratchBytes)
    return call(kernel, cells, buffers, integers, floats, threads, scratchPointers)
  }

  private func call(
    _ kernel: HostKernel, _ cells: Int, _ buffers: [UnsafeMutableRawPointer?], _ integers: [Int64],
    _ floats: [Float], _ threads: Int, _ scratch: [UnsafeMutablePointer<UInt8>?]
  ) -> Int32 {
    var status: Int32 = 0
    buffers.withUnsafeBufferPointer { buffers in
      integers.withUnsafeBufferPointer { integers in
        floats.withUnsafeBufferPointer { floats in
          scratch.withUnsafeBufferPointer { scratch in
            withUnsafeMutablePointer(to: &status) { status in
              var launch = tessera_launch(
                buffers: buffers.baseAddress, integers: integers.baseAddress,
                floats: floats.baseAddress, status: status)
              // A few chunks a thread keep the threads busy to the end.
              pool.run(
                functions[kernel.number], &launch, cells: cells, chunk: max(1, cells / (threads * 8)),
                threads: threads, scratch: scratch.baseAddress!)
            }
          }
        }
      }
    }
    return status
  }

  private func growScratch(_ threads: Int, _ byteCount: Int) throws {
    for thread in 0..<threads {
      if thread == scratch.count {
        scratch.append(try AlignedMemory(byteCount: byteCount))
        scratchPointers.append(nil)
      } else if scratch[thread].byteCount < byteCount {
        scratch[thread] = try AlignedMemory(byteCount: byteCount)
      }
      scratchPointers[thread] = scratch[thread].pointer.assumingMemoryBound(to: UInt8.self)
    }
  }
}

extension Executable: StepProgram {
  func scratchBytes(_ numbers: borrowing LaunchNumbers) -> Int {
    var most = 0
    for kernel in host.variants.flatMap(\.kernels) {
      var bytes = 0
      for (count, elementBytes) in kernel.scratch {
        bytes += (count.value(numbers) * elementBytes + 63) / 64 * 64
      }
      most = max(most, bytes)
    }
    return most
  }

  func run(_ kernel: HostKernel, _ bound: borrowing KernelArguments, _ numbers: borrowing LaunchNumbers)
    throws -> Int32
  {
    let cells = kernel.cells.value(numbers)
    guard cells > 0 else { return 0 }
    integers.removeAll(keepingCapacity: true)
    guard kernel.appendIntegers(numbers, to: &integers) <= bound.scratch.byteCount else {
      throw RuntimeError("\(plan.program.name) needs more memory a thread than its largest run")
    }
    return call(
      kernel, cells, bound.buffers, integers, bound.floats, bound.threads, bound.scratch.pointers)
  }
}
