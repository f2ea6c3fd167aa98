import Steps
import TileIR

/// A launch of a step with everything found ahead: where buffers lie, which numbers change from run to
/// run, room for what its kernels are given. Running it allocates nothing.
final class BoundLaunch {
  let executable: any StepProgram
  private var numbers: LaunchNumbers
  private let extents: [(position: Int, size: CompiledSize)]
  private let strides: [(position: Int, size: CompiledSize)]
  private let scalars: [(position: Int, size: CompiledSize)]
  /// By the kernels' positions in the plan.
  private let kernels: [Int: BoundKernel]

  /// What a kernel is called with; buffers whose place depends on run numbers are set anew in every run.
  private final class BoundKernel {
    var arguments: KernelArguments
    let moving: [(position: Int, base: UnsafeMutableRawPointer, offset: CompiledSize)]

    init(
      _ arguments: consuming KernelArguments,
      moving: [(position: Int, base: UnsafeMutableRawPointer, offset: CompiledSize)]
    ) {
      self.arguments = arguments
      self.moving = moving
    }
  }

  /// Where one argument lies: its memory at the start of the buffer, and how far from there.
  struct Place {
    let view: TensorView
    /// In bytes from `view.pointer`; 0 unless it depends on run numbers.
    let offset: CompiledSize
  }

  /// - Parameters:
  ///   - launch: of `step`, whose run numbers are at most `largest`.
  ///   - places: of the arguments that are views, by parameter.
  ///   - workspaces: of the plan, by position.
  init(
    _ launch: StepLaunch, of step: Step, _ executable: any StepProgram, largest: [Int],
    places: [Place?], workspaces: [UnsafeMutableRawPointer?]
  ) throws {
    self.executable = executable
    let host = executable.host
    numbers = try Self.numbers(launch, step, executable, largest, places)
    extents = host.check.program.dimensions.enumerated().compactMap { position, dimension in
      guard let size = launch.extents[dimension], size.fixed == nil else { return nil }
      return (position, CompiledSize(size, step.numbers))
    }
    var strides: [(position: Int, size: CompiledSize)] = []
    var scalars: [(position: Int, size: CompiledSize)] = []
    for (position, argument) in launch.arguments.enumerated() {
      switch argument {
      case .view(let view):
        var stride = Size(1)
        for axis in view.shape.indices.reversed() {
          if stride.fixed == nil {
            strides.append((host.check.strideBase[position] + axis, CompiledSize(stride, step.numbers)))
          }
          stride = stride * view.shape[axis]
        }
      case .integer(let size):
        if size.fixed == nil { scalars.append((position, CompiledSize(size, step.numbers))) }
      case .float: break
      }
    }
    (self.strides, self.scalars) = (strides, scalars)
    var kernels: [Int: BoundKernel] = [:]
    for kernel in host.variants.flatMap(\.kernels) {
      let floats = kernel.floats.map { position -> Float in
        if case .float(let value) = launch.arguments[position] { value } else { 0 }
      }
      kernels[kernel.number] = Self.bind(kernel, places, workspaces, floats)
    }
    self.kernels = kernels
  }

  private static func bind(
    _ kernel: HostKernel, _ places: [Place?], _ workspaces: [UnsafeMutableRawPointer?], _ floats: [Float]
  ) -> BoundKernel {
    var moving: [(position: Int, base: UnsafeMutableRawPointer, offset: CompiledSize)] = []
    var pointers = [UnsafeMutableRawPointer?](repeating: nil, count: kernel.buffers.count)
    for (position, source) in kernel.buffers.enumerated() {
      switch source {
      case .workspace(let workspace): pointers[position] = workspaces[workspace]
      case .parameter(let parameter):
        guard let place = places[parameter] else { continue }
        pointers[position] = place.view.pointer
        if !place.offset.isFixed, let base = place.view.pointer {
          moving.append((position, base, place.offset))
        }
      }
    }
    return BoundKernel(KernelArguments(buffers: pointers, floats: floats), moving: moving)
  }

  /// A launch's numbers at given run numbers, its arguments checked.
  static func numbers(
    _ launch: StepLaunch, _ step: Step, _ executable: any StepProgram, _ values: [Int], _ places: [Place?]
  ) throws -> LaunchNumbers {
    let check = executable.host.check
    var numbers = check.unbound
    let bound = launch.extents.filter { check.program.lengths[$0.key] == .buffer }
    try check.bind(
      arguments(launch, step, values, places),
      extents: bound.mapValues { CompiledSize($0, step.numbers).value(values) }, checksRelations: false,
      into: &numbers)
    return numbers
  }

  /// The arguments of a launch at given run numbers, for the checks of a launch on its own.
  static func arguments(
    _ launch: StepLaunch, _ step: Step, _ values: [Int], _ places: [Place?]
  ) -> [LaunchArgument] {
    launch.arguments.enumerated().map { position, argument in
      switch argument {
      case .view: .buffer(places[position]!.view)
      case .integer(let size): .int(Int32(CompiledSize(size, step.numbers).value(values)))
      case .float(let value): .float(value)
      }
    }
  }

  /// Bytes of every thread's memory that any kernel of any variant needs at the numbers it was bound with.
  func scratchBytes() -> Int { executable.scratchBytes(numbers) }

  /// Runs the kernels of the variant that fits.
  func run(_ values: [Int], threads: Int, scratch: ThreadScratch) throws {
    for (position, size) in extents { numbers.extents[position] = size.value(values) }
    for (position, size) in strides { numbers.strides[position] = size.value(values) }
    for (position, size) in scalars { numbers.scalars[position] = size.value(values) }
    let host = executable.host
    try host.check.checkRelations(numbers)
    for kernel in try host.kernels(numbers) {
      let bound = kernels[kernel.number]!
      for (position, base, offset) in bound.moving {
        bound.arguments.buffers[position] = base + offset.value(values)
      }
      bound.arguments.threads = threads
      bound.arguments.scratch = scratch
      if let failure = host.failure(try executable.run(kernel, bound.arguments, numbers)) { throw failure }
    }
  }
}
