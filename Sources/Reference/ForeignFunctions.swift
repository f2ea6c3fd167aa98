import TileIR

/// Functions of one `float32` that the interpreter takes from elsewhere, in the place of a program's own.
///
/// A program's elementary functions are defined by their bodies, and its reciprocal roots round once. Other
/// libraries have other last bits there. Numbers that one of them made can be met bit for bit only with its
/// functions; no target computes with these.
public struct ForeignFunctions: Sendable {
  public typealias Function = @Sendable (Float) -> Float

  /// By the name of the elementary function.
  public let elementary: [String: Function]
  /// nil where the root stays correctly rounded.
  public let reciprocalSquareRoot: Function?

  /// - Parameter elementary: functions of one `float32`, by the names of those that they stand for.
  public init(_ elementary: [String: Function] = [:], reciprocalSquareRoot: Function? = nil) {
    self.elementary = elementary
    self.reciprocalSquareRoot = reciprocalSquareRoot
  }

  /// None: the meaning of a program.
  public static let none = ForeignFunctions()

  /// Whether a program has a function that is replaced.
  public func change(_ program: Program) -> Bool {
    program.nodes.contains { node in
      switch node.operation {
      case .call(let function): elementary[function.name] != nil
      case .elementwise(.reciprocalSquareRoot): reciprocalSquareRoot != nil
      default: false
      }
    }
  }

  /// What stands for an operation on `types`; nil where it keeps its own meaning.
  func substitute(for operation: Operation, _ types: [ElementType]) -> Function? {
    guard types == [.float32] else { return nil }
    switch operation {
    case .call(let function): return elementary[function.name]
    case .elementwise(.reciprocalSquareRoot): return reciprocalSquareRoot
    default: return nil
    }
  }
}
