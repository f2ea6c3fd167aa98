import DeviceModel
import EmitAscend
import MachineIR
import Proofs
import Schedules
import TileIR

/// What the model of pipes reports of an operator's kernels: each is a fault of the compiler, not of the
/// caller.
public struct PipeHazards: Error, CustomStringConvertible {
  public let program: String
  public let order: PipeOrder
  public let reports: [PipeReport]

  public init(program: String, order: PipeOrder, reports: [PipeReport]) {
    self.program = program
    self.order = order
    self.reports = reports
  }

  public var description: String {
    "the device model, in \(order) order, reports of \(program):\(reports.map { "\n  \($0)" }.joined())"
  }
}

/// An operator for an Ascend chip, run in the device model: the text that CANN would get runs on this
/// processor, for checking bits and finding hazards, not for speed.
public final class AscendModelExecutable: RunnableOperator {
  public let program: AscendProgram
  public var plan: Plan { program.plan }
  public var kernels: [PipeKernel] { program.kernels }
  /// When pipes go on, wherever a chip could choose.
  public var order: PipeOrder
  private let object: KernelCache.Object
  public var wasCached: Bool { object.wasCached }

  /// Throws what proofs and the compiler say; `unproved` and `kernels` as in `AscendProgram`.
  public init(
    plan: Plan, order: PipeOrder = .early, unproved reason: String? = nil, kernels given: [PipeKernel]? = nil,
    cache: KernelCache = .standard
  ) throws {
    self.order = order
    program = try AscendProgram(plan: plan, unproved: reason, kernels: given, cache: cache)
    object = try cache.ascendModel(of: program.source, kernels: program.symbols)
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

  /// As `Executable.run`, on at most 3 blocks, whatever `threads` says. Throws `PipeHazards` where the
  /// kernels have something to report.
  public func run(
    _ arguments: [String: Argument], extents: [Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let given = try HostArguments(plan.program, arguments, extents: extents)
    let launch = try program.launch(given, extents: extents, cores: .ofModel)
    var contents = launch.buffers.map(\.contents)
    let pipes = PipeProgram(file: object.file, source: program.source, kernels: program.symbols)
    let outcome = try pipes.run(
      launch.kernels.map(\.call), buffers: &contents, order: order,
      capacity: plan.machine.npu!.unifiedBufferBytes)
    guard outcome.reports.isEmpty else {
      throw PipeHazards(program: plan.program.name, order: order, reports: outcome.reports)
    }
    if let code = launch.failedCheck(in: contents) { throw plan.messages[Int(code) - 1] }
    launch.copyBack(from: contents, plan.program, to: given.launch)
    return given.results()
  }
}

extension KernelCache {
  /// A text of Ascend C kernels, compiled for the device model or found in the cache.
  public func pipeProgram(of source: String, kernels: [String]) throws -> PipeProgram {
    PipeProgram(file: try ascendModel(of: source, kernels: kernels).file, source: source, kernels: kernels)
  }

  /// The program that runs a text of Ascend C kernels in the device model. The engine has an object of its own, which
  /// all share.
  func ascendModel(of source: String, kernels: [String]) throws -> Object {
    let engine = Recipe(
      ["pipe-engine"] + PipeCompiler.engineRecipe(), suffix: "o",
      maker: .clang { clang, _, output in try PipeCompiler(clang: clang.path).compileEngine(to: output) })
    let recipe = Recipe(
      ["ascend-model", engine.key] + PipeCompiler.recipe(source, kernels: kernels), suffix: "run",
      maker: .clang { clang, _, output in
        let engine = try self.object(engine)
        _ = try PipeCompiler(clang: clang.path).compile(source, kernels: kernels, engine: engine.file, to: output)
      })
    return try object(recipe)
  }
}
