import MachineIR
import TileIR

/// The host's part of a plan: the check of a launch's arguments and the numbers that its kernels are
/// given, ready to be evaluated. Where the kernels run is not known here.
struct HostPlan {
  let plan: Plan
  let check: ArgumentCheck
  let preparations: [HostKernel]
  let variants: [(guards: [CompiledNumber], kernels: [HostKernel])]
  let workspaceSizes: [CompiledNumber]
  let prints: [PrintedTile]

  init(_ plan: Plan, narrowSpans: Set<Int> = []) throws {
    self.plan = plan
    let check = try ArgumentCheck(plan.program, narrowSpans: narrowSpans)
    self.check = check
    func compiled(_ expression: HostExpression) -> CompiledNumber { check.compiled(expression) }
    var number = 0
    func kernel(_ kernel: MachineKernel) -> HostKernel {
      defer { number += 1 }
      return HostKernel(
        number: number, buffers: kernel.buffers.map(\.source), floats: kernel.floats,
        scalars: kernel.scalars.map { compiled($0.value) },
        scratch: kernel.scratch.map { (compiled($0.count), $0.type.byteCount) },
        cells: compiled(kernel.cells))
    }
    preparations = plan.preparations.map(kernel)
    variants = plan.variants.map { ($0.guards.map(compiled), $0.kernels.map(kernel)) }
    workspaceSizes = plan.workspaces.map { compiled($0.byteCount) }
    prints = plan.workspaces.enumerated().compactMap { position, workspace in
      workspace.prints.map {
        PrintedTile(tile: $0, workspace: position, extents: $0.extents.map(compiled))
      }
    }
  }

  /// The kernels of the variant that covers a launch.
  func kernels(_ numbers: borrowing LaunchNumbers) throws -> [HostKernel] {
    for variant in variants where variant.guards.allSatisfy({ $0.value(numbers) >= 0 }) {
      return variant.kernels
    }
    throw RuntimeError("no variant of \(plan.program.name) covers this launch")
  }

  /// The author's message for a status that kernels raised; nil for 0.
  func failure(_ status: Int32) -> Diagnostic? {
    status == 0 ? nil : plan.messages[Int(status) - 1]
  }
}

extension ArgumentCheck {
  /// An expression ready to be evaluated over the numbers of launches that this checks.
  func compiled(_ expression: HostExpression) -> CompiledNumber {
    CompiledNumber(expression, dimensions: dimensionNumbers, strideBase: strideBase)
  }
}

/// What the host computes for one kernel.
struct HostKernel {
  /// Its position in `Plan.kernels`.
  let number: Int
  let buffers: [BufferSource]
  /// Parameters whose values are its floats, in order.
  let floats: [Int]
  let scalars: [CompiledNumber]
  let scratch: [(count: CompiledNumber, elementBytes: Int)]
  let cells: CompiledNumber

  /// Appends the integers of a launch: scalars, then where each scratch array begins. Returns the bytes
  /// of scratch memory that a thread needs.
  func appendIntegers(_ numbers: borrowing LaunchNumbers, to integers: inout [Int64]) -> Int {
    for scalar in scalars { integers.append(Int64(scalar.value(numbers))) }
    var bytes = 0
    for (count, elementBytes) in scratch {
      integers.append(Int64(bytes))
      bytes += (count.value(numbers) * elementBytes + 63) / 64 * 64
    }
    return bytes
  }
}
