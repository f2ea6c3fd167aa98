import Reference
import Runtime
import TileIR

/// What results are compared of: a target, or the reference interpreter, which says what is right.
public enum AlignmentTarget: Hashable, Sendable, CustomStringConvertible {
  case reference
  case target(RunTarget)

  public var description: String {
    switch self {
    case .reference: "reference"
    case .target(let target): target.description
    }
  }

  /// Every one that has a name; of GPUs the first stands for all.
  public static let all = [reference] + RunTarget.all.map(target)

  /// The one of a name that `description` gives.
  public static func named(_ name: String) -> AlignmentTarget? {
    name == "reference" ? .reference : RunTarget.named(name).map(target)
  }

  /// An operator, ready to run here.
  public func load(_ program: Program, pool: ThreadPool = .shared) throws -> OperatorRunner {
    switch self {
    case .reference:
      return OperatorRunner(name: description) { arguments, extents in
        try Reference.run(program, arguments, extents: extents)
      }
    case .target(let target):
      let executable = try target.load(program, pool: pool)
      return OperatorRunner(name: description) { arguments, extents in
        try executable.run(arguments, extents: extents, threads: nil, prints: { _ in })
      }
    }
  }
}

/// An operator on one side of a comparison.
public struct OperatorRunner {
  public let name: String
  /// What it returns by name, for arguments and the extents of dimensions that none of them has.
  public let run: ([String: Argument], [Dimension: Int]) throws -> [String: HostTensor]

  public init(
    name: String, run: @escaping ([String: Argument], [Dimension: Int]) throws -> [String: HostTensor]
  ) {
    self.name = name
    self.run = run
  }
}
