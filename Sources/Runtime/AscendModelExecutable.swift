import DeviceModel
import EmitAscend
import MachineIR
import Proofs
import Schedules
import TileIR

/// What the model of pipes reports of an operator's kernels: each is a fault of the compiler, not of the caller.
public struct PipeHazards: Error, CustomStringConvertible {
  public let program: String
  public let order: PipeOrder
  public let reports: [PipeReport]

  public var description: String {
    "the device model, in \(order) order, reports of \(program):\(reports.map { "\n  \($0)" }.joined())"
  }
}

/// An operator for an Ascend chip, run in the device model: the text that CANN would get runs on this processor, for
/// checking bits and finding hazards, not for speed.
public final class AscendModelExecutable: RunnableOperator {
  public let plan: Plan
  /// The kernels as they are printed.
  public let kernels: [PipeKernel]
  public let source: String
  /// When pipes go on, wherever a chip could choose.
  public var order: PipeOrder
  private let host: HostPlan
  private let object: KernelCache.Object
  private let program: PipeProgram
  public var wasCached: Bool { object.wasCached }

  /// Throws what lowering, proofs and the compiler say. A reason given for `unproved` lets a plan pass whose proof is
  /// open, not its program: for tests that run what they check.
  public init(
    plan: Plan, order: PipeOrder = .early, unproved reason: String? = nil, cache: KernelCache = .standard
  ) throws {
    self.plan = plan
    self.order = order
    guard plan.machine.npu != nil else {
      throw RuntimeError("\(plan.program.name) is lowered for \(plan.machine.name), which is no Ascend chip")
    }
    try cache.requireProof(of: plan.program)
    let narrow = reason == nil ? try cache.requireProof(of: plan, plan.stableHash) : []
    host = try HostPlan(plan, narrowSpans: narrow)
    guard host.prints.isEmpty else {
      throw RuntimeError("\(plan.program.name) prints tiles, which is not supported on Ascend")
    }
    kernels = try Lowering.pipes(plan).map { $0.withoutNeedlessEvents() }
    for kernel in kernels { try PipeProof(kernel).require() }
    source = try EmitAscend.source(kernels: kernels, machine: plan.machine, program: plan.program)
    let symbols = plan.kernels.map(EmitAscend.symbol)
    object = try cache.ascendModel(of: source, kernels: symbols)
    program = PipeProgram(file: object.file, source: source, kernels: symbols)
  }

  /// Lowers a program for an Ascend chip.
  public convenience init(
    _ program: Program, for machine: MachineDescription = .ascend910b, schedule: Schedule? = nil,
    order: PipeOrder = .early, unproved reason: String? = nil, cache: KernelCache = .standard
  ) throws {
    try self.init(
      plan: try Lowering.plan(program, for: machine, schedule: schedule), order: order, unproved: reason,
      cache: cache)
  }

  /// As `Executable.run`, on at most 3 vector cores, whatever `threads` says. Throws `PipeHazards` where the kernels
  /// have something to report.
  public func run(
    _ arguments: [String: Argument], extents: [Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let given = try HostArguments(plan.program, arguments, extents: extents)
    var numbers = host.check.unbound
    try host.check.bind(given.launch, extents: extents, into: &numbers)
    try host.check.checkRefinements(given.launch, numbers)
    for kernel in kernels {
      for limit in kernel.limits {
        let count = host.check.compiled(limit.count).value(numbers)
        guard count <= limit.most else {
          throw RuntimeError(
            "\(plan.program.name): this launch keeps \(count) elements of \(limit.name) on chip, of which "
              + "\(plan.machine.name) has room for \(limit.most)")
        }
      }
    }
    let job = try AscendJob(host, kernels, given.launch, numbers, blocks: 3)
    var buffers = job.buffers
    let outcome = try program.run(
      job.launches, buffers: &buffers, order: order, capacity: plan.machine.npu!.unifiedBufferBytes)
    guard outcome.reports.isEmpty else {
      throw PipeHazards(program: plan.program.name, order: order, reports: outcome.reports)
    }
    if let code = job.failedCheck(in: buffers), let failure = host.failure(code) { throw failure }
    job.copyBack(from: buffers, plan.program, to: given.launch)
    return given.results()
  }
}

extension KernelCache {
  /// The program that runs a text of Ascend C kernels in the device model.
  func ascendModel(of source: String, kernels: [String]) throws -> Object {
    let recipe = Recipe(
      ["ascend-model"] + PipeCompiler.recipe(source, kernels: kernels), suffix: "run",
      maker: .clang { clang, _, output in
        _ = try PipeCompiler(clang: clang.path).compile(source, kernels: kernels, to: output)
      })
    return try object(recipe)
  }
}
