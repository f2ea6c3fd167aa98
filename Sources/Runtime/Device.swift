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
  private let cache: KernelCache
  private var executables: [Program: Executable] = [:]
  private var prepared: [PreparedKey: Executable.PreparedWeights] = [:]

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
  public init(
    machine: MachineDescription? = nil, cache: KernelCache = .standard, pool: ThreadPool = .shared
  ) throws {
    self.machine = try machine ?? .host
    self.cache = cache
    self.pool = pool
  }

  /// Compiles (or finds in the cache) what `programs` still lack, several at once.
  ///
  /// Throws what lowering, clang or the loader say about the first that fails.
  public func compile(
    _ programs: [Program], progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) throws {
    let missing = programs.filter { executables[$0] == nil }
    let plans = try missing.map { try Lowering.plan($0, for: machine) }
    let loaded = try Executable.load(plans, cache: cache, pool: pool) {
      progress(.compiled($0.done, of: $0.total, $0.name))
    }
    for (program, executable) in zip(missing, loaded) { executables[program] = executable }
  }

  /// The compiled form of a program that `compile` was given.
  func executable(_ program: Program) -> Executable { executables[program]! }

  /// The weights of a launch laid out for it, once for all steps.
  func prepare(_ executable: Executable, _ arguments: [LaunchArgument]) throws -> Executable.PreparedWeights? {
    guard !executable.plan.preparations.isEmpty else { return nil }
    let weights = zip(executable.plan.program.parameters, arguments).map {
      (parameter, argument) -> UnsafeMutableRawPointer? in
      guard parameter.role == .weight, case .buffer(let view) = argument else { return nil }
      return view.pointer
    }
    let key = PreparedKey(executable: ObjectIdentifier(executable), weights: weights)
    if let known = prepared[key] { return known }
    let fresh = try executable.prepare(arguments)
    prepared[key] = fresh
    return fresh
  }
}
