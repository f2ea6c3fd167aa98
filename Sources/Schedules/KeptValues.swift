import MachineIR
import TileIR

/// What a cell keeps of a value: a register, or an array on chip.
extension RegionLowering {
  /// Puts the value at hand into the array (or register) of an anchor.
  func keep(_ value: Expression, _ id: ValueID) throws {
    let axes = analysis.innerAxes(id)
    let stored = value.type.scalar == .mask && !axes.isEmpty ? value.converted(to: .i32) : value
    guard !axes.isEmpty else {
      storage[id] = .register(stack.define(name(of: id), stored))
      return
    }
    let name: String
    if case .array(let known, _, _)? = storage[id] {
      name = known
    } else {
      name = array(for: id, stored.type.scalar, axes)
    }
    let place = try place(in: axes, environment)
    switch place.lanes {
    case .strided(1):
      stack.append(.storeRaw(buffer: name, offset: place.base, stored))
    case .paired:
      stack.append(.storeRaw(buffer: name, offset: place.base, stored.inOrder))
    case .uniform:
      stack.append(.storeRaw(buffer: name, offset: place.base, stored))
    default:
      stack.append(
        .scatter(
          Access(name, stored.type.scalar == .f32 ? .float32 : .int32, place.base),
          lanes: laneValues(place, environment.lanes), stored, active: environment.active))
    }
  }

  /// An on-chip array for an anchor.
  func array(for id: ValueID, _ scalar: MachineScalar, _ axes: [Dimension]) -> String {
    let count = axes.reduce(HostExpression.constant(1)) { $0 * most($1) }
    let name = scratch(name(of: id), scalar, count: count)
    storage[id] = .array(name, scalar, axes)
    return name
  }
}
