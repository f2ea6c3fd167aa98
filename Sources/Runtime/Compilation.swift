import DynamicLibrary
import EmitC
import Foundation
import MachineIR
import Proofs
import Synchronization
import TileIR

/// The kernels of a plan, ready to be called.
struct LoadedPlan: Sendable {
  let library: DynamicLibrary
  /// Whether no compiler had to run.
  let wasCached: Bool
  /// Buffers that its proof wants to span less than 2^31 elements.
  let narrowSpans: Set<Int>
}

extension KernelCache {
  /// The library of a plan's kernels. Refuses what is not proved; a reason given for `unproved` lets a plan
  /// whose proof is open pass, if its program is proved.
  func library(of plan: Plan, unproved reason: String? = nil) throws -> LoadedPlan {
    guard plan.machine.runsHere else {
      throw RuntimeError(
        "\(plan.program.name) is compiled for \(plan.machine.name), which this processor cannot run")
    }
    try requireProof(of: plan.program)
    let hash = plan.stableHash
    let narrowSpans = reason == nil ? try requireProof(of: plan, hash) : []
    let loaded = try library(ofTextWithDigest: digest(of: plan, hash), for: plan.machine) {
      try EmitC.source(kernels: plan.kernels, machine: plan.machine, program: plan.program)
    }
    return LoadedPlan(library: loaded.library, wasCached: loaded.wasCached, narrowSpans: narrowSpans)
  }

  /// The digest of a plan's text. An executable prints a plan in one way, so what it has printed before need
  /// not be printed again to find its object.
  private func digest(of plan: Plan, _ hash: StableHash) throws -> String {
    let notes = VerdictCache(below: folder)
    if let known = notes.digest(of: hash) { return known }
    let source = try EmitC.source(kernels: plan.kernels, machine: plan.machine, program: plan.program)
    let digest = ContentHash.digest(Array(source.utf8))
    notes.keepDigest(digest, of: hash)
    return digest
  }
}

/// How far the compilation of several plans has come.
public struct CompilationProgress: Sendable {
  public let done: Int
  public let total: Int
  /// How many of those done were compiled, not found in the cache.
  public let compiled: Int
  /// The operator that was done last.
  public let name: String
}

extension Executable {
  /// Executables of several plans, in order, with one compiler a core at once.
  ///
  /// `progress` is called after each, on the thread that did it, one call at a time. Throws the first
  /// plan's error, in order; then some others may have been compiled into the cache.
  public static func load(
    _ plans: [Plan], cache: KernelCache = .standard, pool: ThreadPool = .shared,
    progress: @Sendable (CompilationProgress) -> Void = { _ in }
  ) throws -> [Executable] {
    let libraries = compiling(plans, progress) { plan in
      let loaded = try cache.library(of: plan)
      return (loaded, loaded.wasCached)
    }
    return try zip(plans, libraries).map { plan, result in
      try Executable(plan: plan, try result.get(), pool: pool)
    }
  }
}

/// What `body` gives or throws for each plan, and whether the cache had it, several at once; `progress` is called after
/// each, one call at a time.
func compiling<Value: Sendable>(
  _ plans: [Plan], _ progress: @Sendable (CompilationProgress) -> Void,
  _ body: @Sendable (Plan) throws -> (value: Value, wasCached: Bool)
) -> [Result<Value, any Error>] {
  let state = Mutex((done: 0, compiled: 0))
  return concurrently(plans.count) { number in
    let (value, wasCached) = try body(plans[number])
    state.withLock { state in
      state.done += 1
      if !wasCached { state.compiled += 1 }
      progress(
        CompilationProgress(
          done: state.done, total: plans.count, compiled: state.compiled, name: plans[number].program.name))
    }
    return value
  }
}

/// What `body` gives or throws for 0 ..< count, on all cores; after an error no more are begun.
public func concurrently<Value: Sendable>(
  _ count: Int, _ body: @Sendable (Int) throws -> Value
) -> [Result<Value, any Error>] {
  let results = Mutex<[Result<Value, any Error>?]>(Array(repeating: nil, count: count))
  let hasFailed = Mutex(false)
  DispatchQueue.concurrentPerform(iterations: count) { position in
    if hasFailed.withLock({ $0 }) { return }
    let result = Result { try body(position) }
    if case .failure = result { hasFailed.withLock { $0 = true } }
    results.withLock { $0[position] = result }
  }
  let found = results.withLock { $0 }
  let error = found.lazy.compactMap { result -> (any Error)? in
    if case .failure(let error)? = result { error } else { nil }
  }.first
  return found.map { $0 ?? .failure(error!) }
}
