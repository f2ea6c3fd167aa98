import MachineIR
import TileIR

/// The arguments of a launch from whole host tensors by name, which keep their memory; outputs are made for the
/// extents that the inputs give.
public struct HostArguments {
  /// One for each parameter, in order.
  public let launch: [LaunchArgument]
  private let memory: [(parameter: Parameter, tensor: HostTensor, area: AlignedMemory)]

  /// Copies the tensors. `extents` binds dimensions that no input has.
  ///
  /// Throws a `Diagnostic` for an argument that `program` does not take or that is missing. Types and
  /// shapes are the launch's to check.
  public init(
    _ program: Program, _ arguments: [String: Argument], extents: [Dimension: Int] = [:]
  ) throws {
    for name in arguments.keys.sorted()
    where !program.parameters.contains(where: { $0.name == name && $0.role != .output }) {
      throw Diagnostic("\(program.name) takes no argument \(name)", at: [program.location])
    }
    var known = extents
    for parameter in program.parameters {
      guard case .tensor(let tensor)? = arguments[parameter.name],
        tensor.shape.count == parameter.axes.count
      else { continue }
      for (axis, extent) in zip(parameter.axes, tensor.shape) where known[axis] == nil {
        known[axis] = extent
      }
    }
    var launch: [LaunchArgument] = []
    var memory: [(Parameter, HostTensor, AlignedMemory)] = []
    for parameter in program.parameters {
      let tensor: HostTensor
      switch (arguments[parameter.name], parameter.role) {
      case (_, .output):
        let shape = try parameter.axes.map { try Self.length($0, in: program, known, arguments) }
        tensor = HostTensor(parameter.element, shape)
      case (.tensor(let given)?, _): tensor = given
      case (.int(let value)?, _):
        launch.append(.int(value))
        continue
      case (.float(let value)?, _):
        launch.append(.float(value))
        continue
      case (nil, _):
        throw Diagnostic(
          "\(parameter.name): \(parameter.element.rawValue) expected, no argument given",
          at: [parameter.location])
      }
      let area = try AlignedMemory(byteCount: tensor.bytes.count)
      tensor.bytes.withUnsafeBytes { bytes in
        if let base = bytes.baseAddress { area.pointer.copyMemory(from: base, byteCount: bytes.count) }
      }
      launch.append(.buffer(TensorView(tensor.element, area.pointer, shape: tensor.shape, owner: area)))
      memory.append((parameter, tensor, area))
    }
    self.launch = launch
    self.memory = memory
  }

  /// The extent of an output's axis: an input's, or what the program computes it to be.
  private static func length(
    _ dimension: Dimension, in program: Program, _ known: [Dimension: Int],
    _ arguments: [String: Argument]
  ) throws -> Int {
    if let extent = dimension.extent ?? known[dimension] { return extent }
    guard case .computed(let index)? = program.lengths[dimension] else {
      throw Diagnostic(
        "no argument has dimension \(dimension.name); give its extent", at: [program.location])
    }
    return try HostExpression(index, in: program).evaluate(
      extent: { known[$0] ?? 0 }, stride: { _, _ in 1 },
      scalar: { position in
        if case .int(let value)? = arguments[program.parameters[position].name] { Int(value) } else { 0 }
      })
  }

  /// What outputs and states hold now, by name.
  public func results() -> [String: HostTensor] {
    var results: [String: HostTensor] = [:]
    for (parameter, tensor, area) in memory where parameter.role == .output || parameter.role == .state {
      let bytes = UnsafeRawBufferPointer(start: area.pointer, count: tensor.bytes.count)
      results[parameter.name] = HostTensor(tensor.element, tensor.shape, bytes: Array(bytes))
    }
    return results
  }
}

/// Launching with whole host tensors by name, as `Reference.run` does: for tests, tools and first steps.
extension Executable {
  /// Runs the operator on `arguments` and returns outputs and states by name. `extents` binds dimensions
  /// that no input has.
  public func run(
    _ arguments: [String: Argument], extents: [Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let host = try HostArguments(plan.program, arguments, extents: extents)
    try launch(host.launch, extents: extents, threads: threads, print: prints)
    return host.results()
  }
}
