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
    } else if let dying = dyingOperand(of: id, stored.type.scalar, axes) {
      name = dying
      storage[id] = .array(name, stored.type.scalar, axes)
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

  /// The array of a value that this one is computed of, element by element, and nothing after it: beside products on a cube
  /// core, which leave little memory, the result takes its place.
  private func dyingOperand(of id: ValueID, _ scalar: MachineScalar, _ axes: [Dimension]) -> String? {
    // A vector that ends behind its row would write over what the next row is made of.
    guard multipliesCubes, let at = analysis.items.firstIndex(of: .anchor(id)), let last = axes.last,
      let pitch = most(last).constantValue, pitch % environment.lanes == 0
    else { return nil }
    func reached(from roots: [ValueID]) -> [ValueID: Bool] {
      // Anchors, and whether one is read at other coordinates.
      var found: [ValueID: Bool] = [:]
      var pending = roots.map { ($0, false) }
      while let (next, isMoved) = pending.popLast() {
        if analysis.anchors.contains(next) {
          found[next] = found[next, default: false] || isMoved
          continue
        }
        var moves = isMoved
        switch program[next].operation {
        case .sample, .join: moves = true
        default: break
        }
        pending += analysis.dependencies(of: next).map { ($0, moves) }
      }
      return found
    }
    switch program[id].operation {
    case .elementwise, .call: break
    default: return nil
    }
    var later: Set<ValueID> = []
    for item in analysis.items[(at + 1)...] {
      switch item {
      case .anchor(let other): later.formUnion(reached(from: analysis.dependencies(of: other)).keys)
      case .statement(let position): later.formUnion(reached(from: region.statements[position].dependencies).keys)
      case .loop: return nil
      }
    }
    let own = reached(from: analysis.dependencies(of: id))
    for (operand, isMoved) in own.sorted(by: { $0.key < $1.key }) where !isMoved && !later.contains(operand) {
      if case .array(let name, scalar, axes)? = storage[operand] { return name }
    }
    return nil
  }

  /// An on-chip array for an anchor.
  func array(for id: ValueID, _ scalar: MachineScalar, _ axes: [Dimension]) -> String {
    let count = axes.reduce(HostExpression.constant(1)) { $0 * most($1) }
    let name = scratch(name(of: id), scalar, count: count)
    storage[id] = .array(name, scalar, axes)
    return name
  }
}
