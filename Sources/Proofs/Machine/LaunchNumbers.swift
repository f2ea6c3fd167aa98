import MachineIR
import TileIR

/// The numbers that a launch brings, as symbols with what the argument check promises of them: extents
/// within their declarations, strides at least as long as what they step over, scalars in their ranges.
struct LaunchNumbers {
  let program: Program
  private var extents: [Dimension: Polynomial] = [:]
  private var strides: [[Polynomial]] = []
  private var scalars: [Polynomial] = []
  private var strideParameters: [Symbol: Int] = [:]

  /// No buffer spans more elements: the argument check refuses it.
  static let mostElements = 1 << 56

  init(_ program: Program, _ prover: inout BoundElimination) {
    self.program = program
    for parameter in program.parameters {
      var range = Int(Int32.min)...Int(Int32.max)
      for case .range(let lower, let upper) in parameter.refinements { range = lower...upper }
      guard parameter.role == .scalar, parameter.element == .int32 else {
        scalars.append(.invalid)
        continue
      }
      scalars.append(Polynomial(prover.with { $0.add(parameter.name, range) }))
    }
    for dimension in program.dimensions where program.lengths[dimension] == .buffer {
      extents[dimension] =
        dimension.extent.map { Polynomial($0) }
        ?? Polynomial(prover.with { $0.add(dimension.name, dimension.range) })
    }
    for dimension in program.dimensions where extents[dimension] == nil {
      if let extent = dimension.extent {
        extents[dimension] = Polynomial(extent)
      } else if case .computed(let index)? = program.lengths[dimension],
        let length = try? HostExpression(index, in: program)
      {
        extents[dimension] = value(length, &prover)
      } else {
        extents[dimension] = Polynomial(prover.with { $0.add(dimension.name, dimension.range) })
      }
    }
    for (number, parameter) in program.parameters.enumerated() {
      var steps: [Polynomial] = []
      for (position, axis) in parameter.axes.enumerated() {
        if position == parameter.axes.count - 1 {
          steps.append(Polynomial(1))
          continue
        }
        // Rows of half bytes begin at whole bytes: such a stride is twice a number.
        let isPacked = parameter.element.bitWidth < 8
        let name = "\(parameter.name).stride(\(axis.name))"
        let symbol = prover.with {
          $0.add(
            isPacked ? "half of \(name)" : name, 0...(isPacked ? Self.mostElements / 2 : Self.mostElements))
        }
        steps.append(Polynomial(symbol) * (isPacked ? 2 : 1))
        strideParameters[symbol] = number
      }
      strides.append(steps)
    }
    for constraint in program.constraints {
      guard let lower = try? HostExpression(constraint.lower, in: program),
        let upper = try? HostExpression(constraint.upper, in: program)
      else { continue }
      prover.push(value(upper, &prover) - value(lower, &prover))
    }
  }

  func extent(_ dimension: Dimension) -> Polynomial {
    extents[dimension] ?? dimension.extent.map { Polynomial($0) } ?? .invalid
  }
  func stride(_ parameter: Int, _ axis: Int) -> Polynomial { strides[parameter][axis] }

  /// The parameter that a symbol is a stride of.
  func parameter(ofStride symbol: Symbol) -> Int? { strideParameters[symbol] }

  /// What the host computes.
  func value(_ expression: HostExpression, _ prover: inout BoundElimination) -> Polynomial {
    switch expression {
    case .constant(let x): Polynomial(x)
    case .extent(let dimension): extent(dimension)
    case .stride(let parameter, let axis): stride(parameter, axis)
    case .scalar(let parameter): scalars[parameter]
    case .sum(let a, let b): value(a, &prover) + value(b, &prover)
    case .product(let a, let b): value(a, &prover) * value(b, &prover)
    case .divided(let a, let n):
      floor(value(a, &prover), n, &prover)
    case .remainder(let a, let n):
      remainder(value(a, &prover), n, &prover)
    case .maximum(let a, let b): extremum(value(a, &prover), value(b, &prover), false, &prover)
    case .minimum(let a, let b): extremum(value(a, &prover), value(b, &prover), true, &prover)
    }
  }

  private func floor(_ a: Polynomial, _ n: Int, _ prover: inout BoundElimination) -> Polynomial {
    prover.with { $0.floor(a, by: n) }
  }
  private func remainder(_ a: Polynomial, _ n: Int, _ prover: inout BoundElimination) -> Polynomial {
    a - prover.with { $0.floor(a, by: n) } * n
  }
  private func extremum(
    _ a: Polynomial, _ b: Polynomial, _ isMinimum: Bool, _ prover: inout BoundElimination
  ) -> Polynomial {
    prover.with { $0.extremum(a, b, isMinimum: isMinimum) }
  }
}
