import MachineIR
import TileIR

/// Lanes of 16-bit elements in pairs: the even element of each 32-bit word in the first half of a vector,
/// the odd one in the second. Widening is then a shift or a mask where it would be a shuffle across the
/// register, and narrowing puts two halves together. A row norm over bf16 gains a third of its speed.
extension RegionLowering {
  /// Whether the lanes of a nest are paired: 16-bit elements outweigh what has to be shuffled for it.
  func pairsLanes(_ nest: Nest) -> Bool {
    // Narrower registers widen their halves without crossing them; a warp's lanes do not lie in registers.
    guard machine.vectorBytes >= 32, machine.cpu != nil, let vector = nest.vector, domains[vector] == nil,
      nest.lanes >= 2 * machine.lanes(of: .f32), let extent = vector.extent,
      extent % (nest.lanes * nest.group) == 0
    else { return false }
    var gain = 0
    var pending: [ValueID] = []
    var work: Set<ValueID> = []
    for item in nest.work {
      switch item {
      case .keep(let id):
        gain -= 1
        work.insert(id)
        pending.append(id)
      case .reduce(let id): pending.append(program[id].operands[0])
      case .statement(let position):
        let statement = region.statements[position]
        pending += statement.dependencies
        guard case .store(let target, let indices, _, let condition) = statement.effect, condition == nil,
          let weight = pairing(program.parameters[target].element, indices, vector)
        else { return false }
        gain += weight
      }
    }
    var seen: Set<ValueID> = []
    while let id = pending.popLast() {
      guard seen.insert(id).inserted, program[id].axes.contains(vector) else { continue }
      if analysis.anchors.contains(id), !work.contains(id) {
        gain -= 1
        continue
      }
      switch program[id].operation {
      case .load(let position, let indices):
        guard let weight = pairing(program.parameters[position].element, indices, vector) else {
          return false
        }
        gain += weight
      case .elementwise, .call: break
      default: return false
      }
      pending += analysis.dependencies(of: id)
    }
    return gain > 0
  }

  /// What an access gains by paired lanes along `vector`: 1 for 16-bit elements, -1 for a shuffle; nil where
  /// neighbouring lanes do not touch neighbouring elements.
  private func pairing(_ element: ElementType, _ indices: [Index], _ vector: Dimension) -> Int? {
    let varying = indices.filter { $0.dimensions.contains(vector) || !$0.values.isEmpty }
    if varying.isEmpty { return 0 }
    guard varying.count == 1, case .axis(vector)? = indices.last, element.bitWidth >= 8 else { return nil }
    return element.bitWidth == 16 ? 1 : -1
  }

  /// Consecutive elements as paired lanes.
  func pairedLoad(_ access: Access, _ type: MachineType) -> Expression {
    guard access.element.bitWidth == 16 else {
      return .paired(stack.define("in_order", .load(access, type, active: nil)))
    }
    let elements = Expression.load(access, MachineType(.i16, type.lanes), active: nil)
    let words = stack.define("pairs", elements.bitCast(to: .i32))
    let even = words.apply(.and, .integer(0xFFFF, words.type))
    let odd = words.apply(.shiftRightLogical, .integer(16, words.type))
    return .apply(.concatenate, [even, odd], type)
  }

  /// Paired lanes as consecutive elements of a buffer.
  func inMemoryOrder(_ value: Expression, _ element: ElementType) -> Expression {
    guard element.bitWidth == 16 else { return value.inOrder }
    let codes = stack.define("codes", value)
    let half = codes.type.with(lanes: codes.type.lanes / 2)
    let odd = Expression.apply(.highHalf, [codes], half).apply(.shiftLeft, .integer(16, half))
    return Expression.apply(.lowHalf, [codes], half).apply(.or, odd).bitCast(to: .i16)
  }
}

extension Expression {
  /// Neighbouring lanes apart: those of even number, then those of odd number.
  static func paired(_ value: Expression) -> Expression {
    let half = value.type.with(lanes: value.type.lanes / 2)
    return .apply(
      .concatenate, [.apply(.evenLanes, [value], half), .apply(.oddLanes, [value], half)], value.type)
  }

  /// Paired lanes in their own order.
  var inOrder: Expression {
    let half = type.with(lanes: type.lanes / 2)
    return .apply(
      .interleave, [.apply(.lowHalf, [self], half), .apply(.highHalf, [self], half)], type)
  }
}
