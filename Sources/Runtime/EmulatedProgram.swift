import EmitC
import Foundation
import MachineIR
import TileIR

/// Plans for another processor, compiled and linked into one program that an emulator runs: slow, and the
/// same bits. Every buffer of a launch lies against a page that cannot be touched, inputs cannot be
/// written, and memory that a launch has not written holds odd bytes; so a kernel that a processor would
/// let pass fails here.
public final class EmulatedProgram {
  public let plans: [Plan]
  /// Whether the cache had the program, so that no compiler ran.
  public var wasCached: Bool { program.wasCached }
  private let hosts: [HostPlan]
  /// For each plan, the numbers of its kernels in the program.
  private let kernels: [[Int]]
  private let program: KernelCache.Object
  private let emulator: Emulator

  /// One launch of the plan of this position.
  public struct Launch {
    public let plan: Int
    public let arguments: [LaunchArgument]
    public let extents: [TileIR.Dimension: Int]
    public let checksData: Bool

    public init(
      plan: Int, _ arguments: [LaunchArgument], extents: [TileIR.Dimension: Int] = [:],
      checksData: Bool = true
    ) {
      self.plan = plan
      self.arguments = arguments
      self.extents = extents
      self.checksData = checksData
    }
  }

  /// Compiles the plans, all for one machine, each operator once and equal kernels once, with one compiler
  /// a core at once.
  ///
  /// Throws where the emulator, the compiler or its linker is missing, and what the compiler says.
  public init(plans: [Plan], cache: KernelCache = .standard) throws {
    precondition(Set(plans.map(\.machine)).count == 1, "plans of one machine")
    let machine = plans[0].machine
    emulator = try Emulator.find(for: machine)
    for plan in plans { try cache.requireProof(of: plan.program) }
    self.plans = plans
    hosts = try plans.map { try HostPlan($0) }
    let joined = JoinedKernels(plans)
    kernels = joined.numbers
    let sources = try joined.parts.map {
      try EmitC.source(kernels: $0.kernels, machine: machine, program: $0.program)
    } + [EmulatedMain.source(kernels: joined.all.map(EmitC.symbol))]
    program = try cache.program(of: sources, for: machine)
  }

  /// Runs launches one after the other, all in one start of the emulator; what each threw comes back in
  /// its place. Arguments are checked as `Executable.launch` does.
  public func run(
    _ launches: [Launch], print: (String) -> Void = { Swift.print($0) }
  ) throws -> [Result<Void, any Error>] {
    var job = EmulatedJob()
    var results: [Result<Void, any Error>] = []
    var running: [(position: Int, numbers: LaunchNumbers)] = []
    for (position, launch) in launches.enumerated() {
      let host = hosts[launch.plan]
      results.append(
        Result {
          var numbers = host.check.unbound
          try host.check.bind(launch.arguments, extents: launch.extents, into: &numbers)
          if launch.checksData { try host.check.checkRefinements(launch.arguments, numbers) }
          try job.add(host, kernels: kernels[launch.plan], launch.arguments, numbers)
          running.append((position, numbers))
        })
    }
    let folder = try TemporaryFolder()
    let file = folder.file("job")
    try job.write(to: file)
    var next = 0
    while next < running.count {
      let outcome = try emulator.run(program.file, input: file, output: folder.file("messages"))
      let answer = try EmulatedJob.answer(in: file)
      // A launch that was begun and not followed by another ended the program, unless all is well.
      let crashed = outcome.status == 0 ? nil : max(next, answer.begun - 1)
      for number in next..<(crashed ?? running.count) {
        let (position, numbers) = running[number]
        let host = hosts[launches[position].plan]
        if let failure = host.failure(answer.status(of: number)) { results[position] = .failure(failure) }
        var printed: [Int: [UInt8]] = [:]
        job.copyBack(answer, launch: number, to: launches[position].arguments) { workspace, bytes in
          let size = host.workspaceSizes[workspace].value(numbers)
          printed[workspace] = Array(UnsafeRawBufferPointer(start: bytes, count: size))
        }
        guard case .success = results[position] else { continue }
        for tile in host.prints {
          (printed[tile.workspace] ?? []).withUnsafeBytes { tile.write(numbers, $0.baseAddress, print) }
        }
      }
      guard let crashed else { break }
      results[running[crashed].position] = .failure(
        RuntimeError(
          "\(plans[launches[running[crashed].position].plan].program.name) ended the emulated program with "
            + "\(Self.cause(outcome.status)): \(outcome.text.prefix(500))"))
      next = crashed + 1
      try EmulatedJob.goOn(at: next, in: file)
    }
    return results
  }

  private static func cause(_ status: Int32) -> String {
    switch status {
    case -SIGSEGV: "a memory fault (it touched memory outside of its buffers, or wrote an input)"
    case ..<0: "signal \(-status)"
    default: "status \(status)"
    }
  }
}

extension KernelCache {
  /// A program that runs alone, linked from several C texts.
  func program(of sources: [String], for machine: MachineDescription) throws -> Object {
    let recipe = Recipe(
      ["program"] + sources, for: machine, Clang.freestandingOptions, suffix: "run"
    ) { clang, folder, output in
      let objects = try concurrently(sources.count) { position in
        let object = Recipe(
          ["object", sources[position]], for: machine, Clang.freestandingOptions, suffix: "o"
        ) { clang, folder, output in
          try clang.compile(
            sources[position], for: machine, Clang.freestandingOptions, to: output, in: folder)
        }
        return try self.object(object)
      }.map { try $0.get() }
      try clang.link(objects.map(\.file), for: machine, to: output, in: folder)
    }
    return try object(recipe)
  }
}
