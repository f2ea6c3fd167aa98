import TileIR

/// A number that the host computes before a launch from the launch's lengths, strides and scalars:
/// cell counts, workspace sizes and the integers that a kernel is given.
public indirect enum HostExpression: Hashable, Sendable {
  case constant(Int)
  case extent(Dimension)
  /// Elements between neighbours along an axis of a parameter.
  case stride(parameter: Int, axis: Int)
  case scalar(parameter: Int)
  case sum(HostExpression, HostExpression)
  case product(HostExpression, HostExpression)
  case divided(HostExpression, Int)
  case remainder(HostExpression, Int)
  case maximum(HostExpression, HostExpression)
  case minimum(HostExpression, HostExpression)

  /// The value of a constant.
  public var constantValue: Int? { if case .constant(let value) = self { value } else { nil } }

  public static func + (a: HostExpression, b: HostExpression) -> HostExpression {
    switch (a, b) {
    case (.constant(let x), .constant(let y)): .constant(x + y)
    case (.constant(0), let x), (let x, .constant(0)): x
    default: .sum(a, b)
    }
  }
  public static func * (a: HostExpression, b: HostExpression) -> HostExpression {
    switch (a, b) {
    case (.constant(let x), .constant(let y)): .constant(x * y)
    case (.constant(1), let x), (let x, .constant(1)): x
    default: .product(a, b)
    }
  }
  /// The least integer not below the quotient.
  public func dividedUp(by n: Int) -> HostExpression {
    if case .constant(let x) = self { return .constant((x + n - 1) / n) }
    return n == 1 ? self : .divided(.sum(self, .constant(n - 1)), n)
  }
  public func roundedUp(to n: Int) -> HostExpression { dividedUp(by: n) * .constant(n) }

  /// The value under an environment.
  public func evaluate(
    extent: (Dimension) -> Int, stride: (Int, Int) -> Int, scalar: (Int) -> Int
  ) -> Int {
    func value(_ e: HostExpression) -> Int {
      switch e {
      case .constant(let x): x
      case .extent(let dimension): extent(dimension)
      case .stride(let parameter, let axis): stride(parameter, axis)
      case .scalar(let parameter): scalar(parameter)
      case .sum(let a, let b): value(a) + value(b)
      case .product(let a, let b): value(a) * value(b)
      case .divided(let a, let n): Int((Double(value(a)) / Double(n)).rounded(.down))
      case .remainder(let a, let n): ((value(a) % n) + n) % n
      case .maximum(let a, let b): max(value(a), value(b))
      case .minimum(let a, let b): min(value(a), value(b))
      }
    }
    return value(self)
  }
}

extension HostExpression {
  /// The extent of a dimension that is constant or bound by a launch's buffers.
  public init(extentOf dimension: Dimension) {
    self = dimension.extent.map { .constant($0) } ?? .extent(dimension)
  }

  /// An index of lengths, scalars and constants. Throws where it reads a tile.
  public init(_ index: Index, in program: Program) throws(Diagnostic) {
    switch index {
    case .constant(let x): self = .constant(x)
    case .scalar(let parameter): self = .scalar(parameter: parameter)
    case .extent(let dimension):
      if case .computed(let length)? = program.lengths[dimension] {
        self = try HostExpression(length, in: program)
      } else {
        self = dimension.extent.map { .constant($0) } ?? .extent(dimension)
      }
    case .sum(let a, let b):
      self = try HostExpression(a, in: program) + HostExpression(b, in: program)
    case .scaled(let a, let n): self = try HostExpression(a, in: program) * .constant(n)
    case .divided(let a, let n): self = .divided(try HostExpression(a, in: program), n)
    case .remainder(let a, let n): self = .remainder(try HostExpression(a, in: program), n)
    case .axis, .value:
      throw Diagnostic("a launch number of \(program.name) reads a tile", at: [program.location])
    }
  }
}
