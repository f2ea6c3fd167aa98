import MachineIR

/// What the proofs of a target's plans suppose of the machine that no public document of its maker states, by the
/// name that `Documentation/device-model.md` gives it.
///
/// What the device model supposes beyond these is not leaned on: the plans' matrix products are of integers, and
/// only waits order memory.
public enum MachineAssumption: String, Hashable, Sendable, CaseIterable {
  case subnormals

  public var sentence: String {
    switch self {
    case .subnormals: "arithmetic of float32 keeps subnormal numbers, as compiled with -ftz=false"
    }
  }
}

extension Plan {
  /// What its proof supposes.
  public var assumptions: Set<MachineAssumption> {
    guard machine.gpu != nil else { return [] }
    var computesFloats = false
    for statement in kernels.flatMap(\.body) where !computesFloats {
      statement.forEach { part in
        if !computesFloats, part.expressions.contains(where: \.computesFloats) { computesFloats = true }
      }
    }
    return computesFloats ? [.subnormals] : []
  }
}

extension Expression {
  /// Whether an instruction in it computes a `float32`.
  fileprivate var computesFloats: Bool {
    switch self {
    case .variable, .integer, .float, .laneNumbers, .table: return false
    case .apply(let instruction, let operands, let type):
      switch instruction {
      case .add, .subtract, .multiply, .divide, .fusedMultiplyAdd, .squareRoot, .reciprocalSquareRoot, .call:
        if type.scalar == .f32 { return true }
      default: break
      }
      return operands.contains(where: \.computesFloats)
    case .broadcast(let value, _): return value.computesFloats
    case .load(let access, _, let active):
      return access.offset.computesFloats || active?.computesFloats == true
    case .gather(let access, let lanes, _, let active):
      return access.offset.computesFloats || lanes.computesFloats || active?.computesFloats == true
    case .element(_, let indices): return indices.contains(where: \.computesFloats)
    case .raw(_, let offset, _): return offset.computesFloats
    case .gatherRaw(_, let offset, let lanes, _): return offset.computesFloats || lanes.computesFloats
    case .conditional(let condition, let a, let b):
      return [condition, a, b].contains(where: \.computesFloats)
    }
  }
}
