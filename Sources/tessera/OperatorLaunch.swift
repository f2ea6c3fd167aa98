import Alignment
import Foundation
import Operators
import Reference
import Runtime
import Schedules
import TileIR

/// A launch of an operator: its program, the sizes it runs at and what it is given.
struct OperatorLaunch {
  let program: Program
  /// Extents of the run-time dimensions, by name.
  let extents: [String: Int]
  var arguments: [String: Argument]

  /// Where inputs come from.
  enum Inputs {
    case random(InputKind, seed: UInt64)
    case file(InputFile)
  }

  /// A launch at a shape of the instance, its first unless given, changed by `settings` and by the shapes that a
  /// file gives.
  init(
    _ instance: OperatorInstance, settings: [Setting], inputs: Inputs, shape: [String: Int]? = nil
  ) throws {
    let program = try instance.kernel().program()
    let numbers = try RunTimeNumbers(settings, of: program)
    var extents = (shape ?? instance.shapes.first ?? [:]).merging(numbers.extents) { $1 }
    self.program = program
    switch inputs {
    case .random(let kind, let seed):
      try program.refuseIfTooLarge(extents)
      arguments = program.arguments(try instance.randomArguments(extents: extents, kind: kind, seed: seed))
      for (name, value) in numbers.scalars { arguments[name] = .int(value) }
    case .file(let file):
      arguments = try file.arguments(of: program, numbers: numbers.scalars)
      for parameter in program.parameters {
        guard case .tensor(let tensor)? = arguments[parameter.name],
          tensor.shape.count == parameter.axes.count
        else { continue }
        for (axis, extent) in zip(parameter.axes, tensor.shape) where numbers.extents[axis.name] == nil {
          if axis.extent == nil, program.lengths[axis] == .buffer { extents[axis.name] = extent }
        }
      }
      try program.refuseIfTooLarge(extents)
    }
    self.extents = extents
  }

  /// What a launch returned, and how long its parts took.
  struct Run {
    let target: RunTarget
    /// Outputs and states by name.
    let results: [String: HostTensor]
    let wasCached: Bool
    /// Lowering, compiling or finding in the cache, and loading.
    let load: Duration
    /// On this processor the launch alone: weights were laid out before. Elsewhere with all that is needed to
    /// bring it there and back.
    let launch: Duration
  }

  /// Runs it once, on every thread of `pool` where the target is this processor.
  func run(
    on target: RunTarget, schedule: Schedule = Schedule(), pool: ThreadPool, threads: Int? = nil,
    prints: (String) -> Void = { print($0) }
  ) throws -> Run {
    let clock = ContinuousClock()
    let start = clock.now
    let loaded = try target.load(program, schedule: schedule, pool: pool)
    let load = clock.now - start
    guard let executable = loaded as? Executable else {
      let begin = clock.now
      let results = try loaded.run(arguments, extents: boundExtents, threads: threads, prints: prints)
      return Run(
        target: target, results: results, wasCached: loaded.wasCached, load: load, launch: clock.now - begin)
    }
    let host = try HostArguments(program, arguments, extents: boundExtents)
    let prepared = executable.plan.preparations.isEmpty ? nil : try executable.prepare(host.launch)
    let begin = clock.now
    try executable.launch(
      host.launch, extents: boundExtents, prepared: prepared, threads: threads, print: prints)
    let launch = clock.now - begin
    return Run(
      target: target, results: host.results(), wasCached: executable.wasCached, load: load, launch: launch)
  }

  /// What the reference interpreter returns.
  func reference() throws -> [String: HostTensor] {
    try Reference.run(program, arguments, extents: boundExtents)
  }

  /// A line for each result that is not the reference's, bit for bit.
  func differences(of results: [String: HostTensor]) throws -> [String] {
    try Divergence.all(expected: reference(), found: results, of: program).map {
      "\($0.buffer): \($0.text(expectedBy: "the reference"))"
    }
  }

  var boundExtents: [TileIR.Dimension: Int] { program.bound(extents) }
}

/// What `--set` gave, told apart by the program.
struct RunTimeNumbers {
  var extents: [String: Int] = [:]
  var scalars: [String: Int32] = [:]

  init(_ settings: [Setting], of program: Program) throws {
    let dimensions = program.dimensions.filter { program.lengths[$0] == .buffer && $0.extent == nil }
    let numbers = program.parameters.filter { $0.role == .scalar && $0.element == .int32 }
    for setting in settings {
      if let dimension = dimensions.first(where: { $0.name == setting.name }) {
        guard dimension.range.contains(setting.value) else {
          throw Refusal("--set \(setting.name)=\(setting.value): \(dimension) expected")
        }
        extents[setting.name] = setting.value
      } else if numbers.contains(where: { $0.name == setting.name }) {
        guard let value = Int32(exactly: setting.value) else {
          throw Refusal("--set \(setting.name)=\(setting.value): an int32 expected")
        }
        scalars[setting.name] = value
      } else {
        throw unknown(
          "run-time number of \(program.name)", setting.name,
          among: dimensions.map(\.name) + numbers.map(\.name))
      }
    }
  }
}

extension Program {
  /// Refuses sizes whose buffers would not fit into this machine's memory twice, as a launch needs.
  fileprivate func refuseIfTooLarge(_ extents: [String: Int]) throws {
    var bytes = 0.0
    for parameter in parameters {
      let elements = parameter.axes.reduce(1.0) { $0 * Double($1.extent ?? extents[$1.name] ?? 1) }
      bytes += elements * Double(parameter.element.bitWidth) / 8
    }
    let memory = Double(ProcessInfo.processInfo.physicalMemory)
    guard 2 * bytes <= memory else {
      throw Refusal(
        String(
          format: "\(name) at \(settings(extents)) takes %.1f GB twice; this machine has %.1f GB",
          bytes / 1e9, memory / 1e9))
    }
  }
}
