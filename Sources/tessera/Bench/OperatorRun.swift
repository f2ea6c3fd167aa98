import Operators
import Runtime
import Schedules
import TileIR

/// An operator ready to be launched again and again: compiled, with buffers and prepared weights.
final class OperatorRun {
  let executable: Executable
  /// Bytes of the buffers of one launch: what it has to read and write at least once.
  let bytes: Int
  /// How many sets of buffers there are.
  var copies: Int { sets.count }
  private var sets: [(host: HostArguments, prepared: Executable.PreparedWeights)] = []
  private var next = 0

  /// Random buffers at the instance's first shape.
  ///
  /// - Parameters:
  ///   - bytesInTurn: how much all sets of buffers hold together at least; launches take them in turn, so
  ///     with several times the last-level cache every launch finds its own in memory.
  ///   - arguments: given in place of random ones.
  init(
    _ instance: OperatorInstance, bytesInTurn: Int = 0, arguments given: [String: Argument] = [:],
    schedule: Schedule
  ) throws {
    let program = try instance.kernel().program()
    let extents = instance.shapes.first ?? [:]
    executable = try Executable(program, schedule: schedule)
    let arguments = program.arguments(try instance.randomArguments(extents: extents)).merging(given) { $1 }
    let bound = program.bound(extents)
    var bytes = 0
    repeat {
      let host = try HostArguments(program, arguments, extents: bound)
      sets.append((host, try executable.prepare(host.launch)))
      bytes = host.launch.reduce(0) { sum, argument in
        guard case .buffer(let view) = argument else { return sum }
        return sum + HostTensor.byteCount(of: view.element, view.shape)
      }
    } while bytes * sets.count < bytesInTurn
    self.bytes = bytes
  }

  /// One launch on the next set of buffers.
  func launch(threads: Int) throws {
    let set = sets[next]
    next = (next + 1) % sets.count
    try executable.launch(set.host.launch, prepared: set.prepared, threads: threads, checksData: false)
  }

  /// A launch on every set of buffers.
  func launchAll(threads: Int) throws {
    for _ in sets { try launch(threads: threads) }
  }

  /// The arguments of the first set.
  var arguments: [LaunchArgument] { sets[0].host.launch }

  /// The memory of a buffer of the first set, by its place among the parameters.
  func memory<Element>(_ parameter: Int, as type: Element.Type) -> UnsafeMutablePointer<Element> {
    guard case .buffer(let view) = arguments[parameter], let pointer = view.pointer else {
      preconditionFailure("parameter \(parameter) of \(executable.plan.program.name) has no memory")
    }
    return pointer.assumingMemoryBound(to: type)
  }
}

extension OperatorLibrary {
  /// An instance that a benchmark measures.
  static func instance(_ name: String, of operatorName: String) throws -> OperatorInstance {
    guard let instance = named(operatorName)?.instance(name) else {
      throw Refusal("the library has no instance \(name) of \(operatorName)")
    }
    return instance
  }
}
