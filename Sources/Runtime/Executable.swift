import CTesseraShims
import DynamicLibrary
import EmitC
import Foundation
import MachineIR
import Schedules
import TileIR

/// A plan compiled and loaded: an operator that can be launched.
///
/// Not for several threads at once: workspaces and per-thread memory are kept between launches, so
/// that launching allocates nothing once they have grown.
public final class Executable {
  public let plan: Plan
  /// Whether the cache had the compiled kernels, so that no compiler ran.
  public let wasCached: Bool
  private let check: ArgumentCheck
  private let library: DynamicLibrary
  private let preparations: [LoadedKernel]
  private let variants: [(guards: [CompiledNumber], kernels: [LoadedKernel])]
  private let workspaceSizes: [CompiledNumber]
  private let pool: ThreadPool
  private var workspaces: [AlignedMemory?]
  private var scratch: [AlignedMemory]
  private var integers: [Int64] = []

  /// Lowers a program for `machine`, the best target of this processor unless given, and compiles it.
  ///
  /// Throws as `Lowering.plan` and `init(plan:)` do.
  public convenience init(
    _ program: Program, for machine: MachineDescription? = nil, schedule: Schedule = Schedule(),
    cache: KernelCache = .standard, pool: ThreadPool = .shared
  ) throws {
    let plan = try Lowering.plan(
      program, for: try machine ?? MachineDescription.host, schedule: schedule)
    try self.init(plan: plan, cache: cache, pool: pool)
  }

  /// A kernel's function and what the host computes for it.
  private struct LoadedKernel {
    let function: tessera_kernel
    let buffers: [BufferSource]
    let scalars: [CompiledNumber]
    let scratchCounts: [(count: CompiledNumber, bytes: Int)]
    let cells: CompiledNumber
  }

  /// Compiles (or finds in the cache) and loads every kernel of the plan.
  ///
  /// Throws where this processor cannot run the plan's machine, and what the compiler or loader says.
  public init(
    plan: Plan, cache: KernelCache = .standard, pool: ThreadPool = .shared
  ) throws {
    guard plan.machine.runsHere else {
      throw RuntimeError("\(plan.program.name) is compiled for \(plan.machine.name), which this processor cannot run")
    }
    self.plan = plan
    self.pool = pool
    let check = try ArgumentCheck(plan.program)
    self.check = check
    let source = try EmitC.source(
      kernels: plan.kernels, machine: plan.machine, program: plan.program)
    let (library, wasCached) = try cache.library(of: source, for: plan.machine)
    self.library = library
    self.wasCached = wasCached
    func compiled(_ expression: HostExpression) -> CompiledNumber {
      CompiledNumber(
        expression, dimensions: check.dimensionNumbers, strideBase: check.strideBase)
    }
    func load(_ kernel: MachineKernel) throws -> LoadedKernel {
      LoadedKernel(
        function: try library.symbol(EmitC.symbol(of: kernel), as: tessera_kernel.self),
        buffers: kernel.buffers.map(\.source), scalars: kernel.scalars.map { compiled($0.value) },
        scratchCounts: kernel.scratch.map { (compiled($0.count), $0.type.byteCount) },
        cells: compiled(kernel.cells))
    }
    preparations = try plan.preparations.map(load)
    variants = try plan.variants.map { ($0.guards.map(compiled), try $0.kernels.map(load)) }
    workspaceSizes = plan.workspaces.map { compiled($0.byteCount) }
    workspaces = plan.workspaces.map { _ in nil }
    scratch = []
  }

  /// Weights laid out anew for this operator, once for many launches. Valid while the weights' buffers
  /// keep their place and contents.
  public final class PreparedWeights {
    fileprivate let memory: [AlignedMemory?]
    fileprivate init(_ memory: [AlignedMemory?]) { self.memory = memory }
  }

  /// Lays out the weights among `arguments`, which are a launch's.
  public func prepare(_ arguments: [LaunchArgument], threads: Int? = nil) throws -> PreparedWeights {
    let numbers = try check.bind(arguments)
    var memory: [AlignedMemory?] = []
    for (size, workspace) in zip(workspaceSizes, plan.workspaces) {
      memory.append(
        workspace.prepares == nil ? nil : try AlignedMemory(byteCount: size.value(numbers)))
    }
    for kernel in preparations { try run(kernel, arguments, numbers, memory, threads) }
    return PreparedWeights(memory)
  }

  /// Runs the operator: one argument for each parameter of the program, in order, outputs and states
  /// included.
  ///
  /// The arguments are checked first: a refused launch has run nothing. With `checksData`, integers
  /// with a declared refinement are checked too, which reads those buffers. Throws the message of a
  /// failed `assert` after the launch.
  public func launch(
    _ arguments: [LaunchArgument], extents: [TileIR.Dimension: Int] = [:], prepared: PreparedWeights? = nil,
    threads: Int? = nil, checksData: Bool = true, print: (String) -> Void = { Swift.print($0) }
  ) throws {
    let numbers = try check.bind(arguments, extents: extents)
    if checksData { try check.checkRefinements(arguments, numbers) }
    for position in workspaces.indices where prepared?.memory[position] == nil {
      let size = workspaceSizes[position].value(numbers)
      if (workspaces[position]?.byteCount ?? -1) < size {
        workspaces[position] = try AlignedMemory(byteCount: size)
      }
    }
    let memory = workspaces.indices.map { prepared?.memory[$0] ?? workspaces[$0] }
    if prepared == nil {
      for kernel in preparations { try run(kernel, arguments, numbers, memory, threads) }
    }
    let fitting = variants.first { variant in variant.guards.allSatisfy { $0.value(numbers) >= 0 } }
    guard let fitting else {
      throw RuntimeError("no variant of \(plan.program.name) covers this launch")
    }
    var status: Int32 = 0
    for kernel in fitting.kernels {
      status = try run(kernel, arguments, numbers, memory, threads)
      if status != 0 { throw plan.messages[Int(status) - 1] }
    }
    try printTiles(numbers, memory, print)
  }

  /// Checks arguments as a launch does, and nothing else.
  public func checkArguments(_ arguments: [LaunchArgument]) throws {
    _ = try check.bind(arguments)
  }

  @discardableResult
  private func run(
    _ kernel: LoadedKernel, _ arguments: [LaunchArgument], _ numbers: LaunchNumbers,
    _ memory: [AlignedMemory?], _ limit: Int?
  ) throws -> Int32 {
    let cells = kernel.cells.value(numbers)
    guard cells > 0 else { return 0 }
    integers.removeAll(keepingCapacity: true)
    for number in kernel.scalars { integers.append(Int64(number.value(numbers))) }
    var scratchBytes = 0
    for (count, bytes) in kernel.scratchCounts {
      integers.append(Int64(scratchBytes))
      scratchBytes += (count.value(numbers) * bytes + 63) / 64 * 64
    }
    let threads = min(limit ?? pool.threads, pool.threads)
    while scratch.count < threads { scratch.append(try AlignedMemory(byteCount: 0)) }
    for thread in 0..<threads where scratch[thread].byteCount < scratchBytes {
      scratch[thread] = try AlignedMemory(byteCount: scratchBytes)
    }
    var status: Int32 = 0
    return try withUnsafeTemporaryAllocation(
      of: UnsafeMutableRawPointer?.self, capacity: max(1, kernel.buffers.count)
    ) { pointers in
      for (position, source) in kernel.buffers.enumerated() {
        switch source {
        case .parameter(let parameter):
          guard case .buffer(let view) = arguments[parameter] else {
            throw RuntimeError("\(plan.program.parameters[parameter].name) is not a buffer")
          }
          pointers.initializeElement(at: position, to: view.pointer)
        case .workspace(let workspace):
          pointers.initializeElement(at: position, to: memory[workspace]?.pointer)
        }
      }
      return withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, arguments.count)) { floats in
        for (position, argument) in arguments.enumerated() {
          if case .float(let value) = argument {
            floats.initializeElement(at: position, to: value)
          } else {
            floats.initializeElement(at: position, to: 0)
          }
        }
        return withUnsafeTemporaryAllocation(
          of: UnsafeMutablePointer<UInt8>?.self, capacity: threads
        ) { areas in
          for thread in 0..<threads {
            areas.initializeElement(
              at: thread, to: scratch[thread].pointer.assumingMemoryBound(to: UInt8.self))
          }
          integers.withUnsafeBufferPointer { integers in
            withUnsafeMutablePointer(to: &status) { statusPointer in
              var launch = tessera_launch(
                buffers: UnsafePointer(pointers.baseAddress), integers: integers.baseAddress,
                floats: floats.baseAddress, status: statusPointer)
              // A few chunks a thread keep the threads busy to the end.
              let chunk = max(1, cells / (threads * 8))
              pool.run(
                kernel.function, &launch, cells: cells, chunk: chunk, threads: threads,
                scratch: areas.baseAddress!)
            }
          }
          return status
        }
      }
    }
  }

  /// Prints as the reference does: one line for each line of a tile along its last axis.
  private func printTiles(
    _ numbers: LaunchNumbers, _ memory: [AlignedMemory?], _ print: (String) -> Void
  ) throws {
    for (position, workspace) in plan.workspaces.enumerated() {
      guard let tile = workspace.prints, let area = memory[position] else { continue }
      let shape = tile.extents.map {
        CompiledNumber($0, dimensions: check.dimensionNumbers, strideBase: check.strideBase)
          .value(numbers)
      }
      let count = shape.reduce(1, *)
      if count == 0 { print("\(tile.label): empty") }
      let row = shape.last ?? 1
      for start in stride(from: 0, to: count, by: max(row, 1)) {
        var rest = start / max(row, 1)
        var named: [String] = []
        for axis in shape.indices.dropLast().reversed() {
          named.insert("\(tile.axes[axis].name)=\(rest % shape[axis])", at: 0)
          rest /= shape[axis]
        }
        if let last = tile.axes.last { named.append("\(last.name)=...") }
        let place = named.isEmpty ? "" : " [\(named.joined(separator: ", "))]"
        let values = (start..<start + row).map { at -> String in
          if tile.element == .float32 {
            return "\(area.pointer.load(fromByteOffset: 4 * at, as: Float.self))"
          }
          let value = area.pointer.load(fromByteOffset: 4 * at, as: Int32.self)
          return tile.isTruth ? (value == 0 ? "false" : "true") : "\(value)"
        }
        print("\(tile.label)\(place) \(values.joined(separator: " "))")
      }
    }
  }
}
