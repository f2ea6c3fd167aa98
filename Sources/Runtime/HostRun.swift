import MachineIR
import TileIR

/// Launching with whole host tensors by name, as `Reference.run` does: for tests, tools and first steps.
extension Executable {
  /// Runs the operator on `arguments` and returns outputs and states by name. `extents` binds dimensions
  /// that no input has.
  public func run(
    _ arguments: [String: Argument], extents: [TileIR.Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let program = plan.program
    for name in arguments.keys where !program.parameters.contains(where: { $0.name == name && $0.role != .output }) {
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
    var memory: [(name: String, tensor: HostTensor, area: AlignedMemory)] = []
    func buffer(_ parameter: Parameter, _ tensor: HostTensor) throws {
      let area = try AlignedMemory(byteCount: tensor.bytes.count)
      tensor.bytes.withUnsafeBytes { bytes in
        if let base = bytes.baseAddress { area.pointer.copyMemory(from: base, byteCount: bytes.count) }
      }
      launch.append(.buffer(TensorView(tensor.element, area.pointer, shape: tensor.shape)))
      memory.append((parameter.name, tensor, area))
    }
    for parameter in program.parameters {
      switch (arguments[parameter.name], parameter.role) {
      case (_, .output):
        let shape = try parameter.axes.map { try length($0, known, arguments) }
        try buffer(parameter, HostTensor(parameter.element, shape))
      case (.tensor(let tensor)?, _): try buffer(parameter, tensor)
      case (.int(let value)?, _): launch.append(.int(value))
      case (.float(let value)?, _): launch.append(.float(value))
      case (nil, _):
        throw Diagnostic(
          "\(parameter.name): \(parameter.element.rawValue) expected, no argument given",
          at: [parameter.location])
      }
    }
    try self.launch(launch, extents: extents, threads: threads, print: prints)
    var results: [String: HostTensor] = [:]
    for (name, tensor, area) in memory {
      let role = program.parameters.first { $0.name == name }!.role
      guard role == .output || role == .state else { continue }
      let bytes = UnsafeRawBufferPointer(start: area.pointer, count: tensor.bytes.count)
      results[name] = HostTensor(tensor.element, tensor.shape, bytes: Array(bytes))
    }
    return results
  }

  private func length(
    _ dimension: TileIR.Dimension, _ known: [TileIR.Dimension: Int], _ arguments: [String: Argument]
  ) throws -> Int {
    let program = plan.program
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
}
