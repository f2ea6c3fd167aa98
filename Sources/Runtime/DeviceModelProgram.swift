import DeviceModel
import EmitCUDA
import Foundation
import MachineIR
import Synchronization
import TileIR

/// What the device model reports of an operator's kernels: each is a fault of the compiler, not of the caller.
public struct DeviceHazards: Error, CustomStringConvertible {
  public let program: String
  public let order: DeviceOrder
  public let reports: [DeviceReport]
  /// Of the buffers that reports number.
  let names: [String]

  public var description: String {
    let lines = reports.map { "\n  \($0.text { names[$0] })" }
    return "the device model, in \(order) order, reports of \(program):\(lines.joined())"
  }
}

/// Plans for a GPU, printed and compiled for the device model: the text that a GPU would get runs on this
/// processor, with every access checked or without.
public final class DeviceModelProgram {
  public typealias Launch = EmulatedProgram.Launch

  public let plans: [Plan]
  public let isChecked: Bool
  /// Whether the cache had the program, so that no compiler ran.
  public var wasCached: Bool { object.wasCached }
  private let hosts: [HostPlan]
  /// For each plan, its kernels as launched.
  private let kernels: [[WarpKernel]]
  private let object: KernelCache.Object
  private let program: DeviceProgram
  private let chip: DeviceChip

  /// Prints and compiles the plans, all for one GPU, to one program.
  ///
  /// Throws where a plan is for another machine, where the programs or plans are not proved, and what the
  /// compiler says. A reason given for `unproved` lets plans pass whose proof is open, not their programs: for
  /// tests that run what they check.
  public init(
    plans: [Plan], isChecked: Bool = true, unproved reason: String? = nil, cache: KernelCache = .standard
  ) throws {
    let machine = plans[0].machine
    guard let gpu = machine.gpu, plans.allSatisfy({ $0.machine == machine }) else {
      let other = plans.first { $0.machine.gpu == nil } ?? plans.first { $0.machine != machine }!
      throw RuntimeError(
        "\(other.program.name) is lowered for \(other.machine.name); the device model runs plans of one GPU target"
      )
    }
    self.plans = plans
    self.isChecked = isChecked
    chip = gpu.deviceChip
    let joined = JoinedKernels(plans)
    let compiled = try cache.deviceModel(of: joined, plans, isChecked: isChecked, unproved: reason)
    (hosts, object, program) = (compiled.hosts, compiled.object, compiled.program)
    kernels = zip(compiled.hosts, joined.numbers).map { host, numbers in
      host.all.map { WarpKernel(joined.all[numbers[$0.number]], $0, host.check) }
    }
  }

  /// Runs launches one after the other in one process; what each threw comes back in its place, `DeviceHazards`
  /// for one whose kernels have something to report. Arguments are checked as `Executable.launch` does.
  ///
  /// - Parameters:
  ///   - order: in which threads, warps and blocks go on wherever a GPU could choose.
  ///   - blocks: the most that a grid has; warps take cells in turns.
  ///   - workers: how many processes share a grid, where nothing is checked.
  public func run(
    _ launches: [Launch], order: DeviceOrder = .ascending, blocks: Int = 3, workers: Int = 1,
    print: (String) -> Void = { Swift.print($0) }
  ) throws -> [Result<Void, any Error>] {
    var results: [Result<Void, any Error>] = []
    var waiting: [(position: Int, numbers: LaunchNumbers)] = []
    for (position, launch) in launches.enumerated() {
      let host = hosts[launch.plan]
      results.append(
        Result {
          var numbers = host.check.unbound
          try host.check.bind(launch.arguments, extents: launch.extents, into: &numbers)
          if launch.checksData { try host.check.checkRefinements(launch.arguments, numbers) }
          waiting.append((position, numbers))
        })
    }
    while !waiting.isEmpty {
      var job = DeviceModelJob()
      for (position, numbers) in waiting {
        let launch = launches[position]
        try job.add(hosts[launch.plan], kernels[launch.plan], launch.arguments, numbers, blocks: blocks)
      }
      var buffers = job.buffers
      let outcome = try program.run(
        job.launches, buffers: &buffers, order: order, chip: chip, workers: workers)
      // A fault ends the run within a launch: those behind it are run again.
      let end = outcome.finished == job.launches.count ? waiting.count : job.owners[outcome.finished] + 1
      for number in 0..<end {
        let (position, numbers) = waiting[number]
        results[position] = finish(number, launches[position], numbers, job, buffers, outcome, order, print)
      }
      waiting.removeFirst(end)
    }
    return results
  }

  /// What came of one launch, its results brought back.
  private func finish(
    _ number: Int, _ launch: Launch, _ numbers: LaunchNumbers, _ job: DeviceModelJob,
    _ buffers: [DeviceBuffer],
    _ outcome: DeviceOutcome, _ order: DeviceOrder, _ print: (String) -> Void
  ) -> Result<Void, any Error> {
    let (host, plan) = (hosts[launch.plan], plans[launch.plan])
    job.copyBack(number, from: buffers, plan.program, to: launch.arguments)
    let own = job.owners.indices.filter { job.owners[$0] == number }
    let failed = own.first { outcome.statuses[$0] != 0 }
    // What follows a failed assertion would not have run, and may do anything.
    let reports = outcome.reports.filter { own.contains($0.launch) && $0.launch <= failed ?? .max }
    guard reports.isEmpty else {
      return .failure(
        DeviceHazards(program: plan.program.name, order: order, reports: reports, names: job.names))
    }
    if let failed, let failure = host.failure(outcome.statuses[failed]) { return .failure(failure) }
    for tile in host.prints {
      job.workspace(tile.workspace, of: number, in: buffers).withUnsafeBytes {
        tile.write(numbers, $0.baseAddress, print)
      }
    }
    return .success(())
  }
}

extension HostPlan {
  /// Every kernel, as `Plan.kernels` has them.
  var all: [HostKernel] { preparations + variants.flatMap(\.kernels) }
}

extension GPU {
  /// What the device model has to know of it.
  var deviceChip: DeviceChip { architecture == "sm_80" ? .sm80 : .sm90 }
}

extension KernelCache {
  /// One compiler for a path, since its first text costs it the engine.
  private static let deviceCompilers = Mutex<[String: DeviceCompiler]>([:])

  private static func deviceCompiler(_ clang: String) -> DeviceCompiler {
    deviceCompilers.withLock { compilers in
      let compiler = compilers[clang] ?? DeviceCompiler(clang: clang)
      compilers[clang] = compiler
      return compiler
    }
  }

  /// Plans compiled for the device model.
  struct DeviceModelPlans {
    let hosts: [HostPlan]
    let object: Object
    let program: DeviceProgram
  }

  /// Plans as one program of the device model, refused where they are not proved; `progress` is told how many are.
  func deviceModel(
    of joined: JoinedKernels, _ plans: [Plan], isChecked: Bool, unproved reason: String? = nil,
    progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> DeviceModelPlans {
    let done = Mutex(0)
    let spans = concurrently(plans.count) { number in
      try requireProof(of: plans[number].program)
      let narrow = reason == nil ? try requireProof(of: plans[number], plans[number].stableHash) : []
      done.withLock { done in
        done += 1
        progress(done)
      }
      return narrow
    }
    let hosts = try zip(plans, spans).map { try HostPlan($0, narrowSpans: try $1.get()) }
    let texts = try joined.parts.map {
      DeviceText(
        try EmitCUDA.source(kernels: $0.kernels, machine: plans[0].machine, program: $0.program),
        kernels: $0.kernels.map(EmitCUDA.symbol))
    }
    let object = try deviceModelProgram(of: texts, isChecked: isChecked)
    let program = DeviceProgram(
      file: object.file, texts: texts, isChecked: isChecked, clang: clangPath ?? "clang")
    return DeviceModelPlans(hosts: hosts, object: object, program: program)
  }

  /// The program that runs texts of kernels in the device model. Each text has an object of its own, so that
  /// models share what they have in common, and all processors compile.
  private func deviceModelProgram(of texts: [DeviceText], isChecked: Bool) throws -> Object {
    let recipes = texts.map { text in
      Recipe(
        ["device-text"] + DeviceCompiler.recipe(text, isChecked: isChecked), suffix: "o",
        maker: .clang { clang, _, output in
          try Self.deviceCompiler(clang.path).compile(text, isChecked: isChecked, toObject: output)
        })
    }
    return try object(
      Recipe(
        ["device-model"] + recipes.map(\.key) + DeviceCompiler.linkRecipe(), suffix: "run",
        maker: .clang { clang, _, output in
          let objects = try concurrently(recipes.count) { try self.object(recipes[$0]) }.map { try $0.get() }
          try Self.deviceCompiler(clang.path).link(objects.map(\.file), to: output)
        }))
  }
}
