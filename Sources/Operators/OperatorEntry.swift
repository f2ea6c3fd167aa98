import Tiles

/// An operator of the library as the command line lists it and the tests run it.
public struct OperatorEntry: Sendable {
  /// The plain name, such as `rms_norm`.
  public let name: String
  /// What it promises, in one sentence.
  public let contract: String
  /// Instances at constants that matter: model sizes first, then small ones for tests.
  public let instances: [OperatorInstance]

  public init(_ name: String, _ contract: String, _ instances: [OperatorInstance]) {
    self.name = name
    self.contract = contract
    self.instances = instances
  }

  /// The numeric classes that its instances name, in order of appearance.
  public func numericClasses() throws(Diagnostic) -> [String] {
    var classes: [String] = []
    for instance in instances {
      for name in try instance.kernel().program().numericClasses where !classes.contains(name) {
        classes.append(name)
      }
    }
    return classes
  }

  /// The instance of a name, or nil.
  public func instance(_ name: String) -> OperatorInstance? { instances.first { $0.name == name } }

  /// Extents of an instance of a model's sizes at which it is timed: a dense product of rows with a weight at the
  /// rows of decode steps and of a prefill, others at their default.
  public func timedExtents(of instance: OperatorInstance) -> [[String: Int]] {
    guard isDenseProduct else { return [instance.shapes.first ?? [:]] }
    return [1, 4, 16, 4096].map { instance.shapes[0].merging(["rows": $0]) { $1 } }
  }

  /// Whether it multiplies rows with one weight and nothing else.
  public var isDenseProduct: Bool { ["matmul", "linear_fp4", "linear_fp8"].contains(name) }
}

/// An operator with its constants chosen.
public struct OperatorInstance: Sendable {
  /// What the constants are, such as `v4-flash wq_a`.
  public let name: String
  /// Extents of the symbolic dimensions, by name: the default first; those of small instances include
  /// empty and ragged ones.
  public let shapes: [[String: Int]]
  /// Whether it is small enough to be interpreted in a test.
  public let isSmall: Bool
  private let arrange: Arrangement?
  private let make: @Sendable () -> Kernel

  /// Makes random arguments fit one another where an operator asks for more than refinements say.
  public typealias Arrangement = @Sendable (inout [String: HostTensor], _ extents: [String: Int]) -> Void

  /// An instance at a model's sizes.
  public init(
    _ name: String, _ extents: [String: Int], arranged arrange: Arrangement? = nil,
    _ make: @escaping @Sendable () -> Kernel
  ) {
    self.name = name
    shapes = [extents]
    isSmall = false
    self.arrange = arrange
    self.make = make
  }

  /// An instance for tests, at each of `shapes`.
  public init(
    small name: String, _ shapes: [[String: Int]], arranged arrange: Arrangement? = nil,
    _ make: @escaping @Sendable () -> Kernel
  ) {
    self.name = name
    self.shapes = shapes
    isSmall = true
    self.arrange = arrange
    self.make = make
  }

  /// Traces the operator.
  public func kernel() -> Kernel { make() }

  /// Random arguments that a launch admits (`Program.randomArguments`), arranged so that they fit.
  public func randomArguments(
    extents: [String: Int], kind: InputKind = .ordinary, seed: UInt64 = 1
  ) throws(Diagnostic) -> [String: HostTensor] {
    var arguments = try kernel().program().randomArguments(extents: extents, kind: kind, seed: seed)
    arrange?(&arguments, extents)
    return arguments
  }
}
