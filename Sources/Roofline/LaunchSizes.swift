import MachineIR
import TileIR

/// The numbers of a launch whose buffers are contiguous: extents of dimensions and values of scalars.
public struct LaunchSizes {
  let program: Program
  private let extents: [String: Int]

  /// `numbers` by name: extents of run-time dimensions, and integer scalars; a scalar that is not named is 0.
  public init(_ program: Program, _ numbers: [String: Int]) {
    self.program = program
    extents = numbers
  }

  func value(_ expression: HostExpression) -> Int {
    expression.evaluate(
      extent: { extent($0) },
      stride: { parameter, axis in
        program.parameters[parameter].axes.dropFirst(axis + 1).reduce(1) { $0 * extent($1) }
      },
      scalar: { scalar(program.parameters[$0].name) })
  }

  private func scalar(_ name: String) -> Int { extents[name] ?? 0 }

  func extent(_ dimension: Dimension) -> Int {
    if let extent = dimension.extent { return extent }
    if case .computed(let index)? = program.lengths[dimension] {
      guard let length = try? HostExpression(index, in: program) else { return 0 }
      return value(length)
    }
    return extents[dimension.name] ?? 0
  }

  /// The largest integer that a parameter's buffer promises to hold.
  func largest(in buffer: KernelBuffer) -> Int? {
    guard case .parameter(let number) = buffer.source else { return nil }
    return program.parameters[number].refinements.compactMap { refinement -> Int? in
      switch refinement {
      case .range(_, let upper): upper
      case .coordinate(let dimension): max(0, extent(dimension) - 1)
      case .below(let index): (try? HostExpression(index, in: program)).map { max(0, value($0) - 1) }
      case .partition, .permutation, .increasing: nil
      }
    }.min()
  }

  /// Bytes of a parameter; 0 of a scalar.
  func byteCount(_ parameter: Parameter) -> Double {
    guard parameter.role != .scalar else { return 0 }
    return parameter.axes.reduce(Double(parameter.element.bitWidth) / 8) { $0 * Double(extent($1)) }
  }
}
