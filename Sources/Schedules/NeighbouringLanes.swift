import MachineIR
import TileIR

/// What a vector core does in one piece although lanes lie apart in main memory, each of which would be a copy.
extension RegionLowering {
  /// Two stores whose lanes are every second element each, of one the even and of the other the odd ones, as one store
  /// of consecutive elements; false where they are not such.
  func lowerNeighbours(_ even: Statement, _ odd: Statement) throws -> Bool {
    guard machine.npu != nil, environment.lanes > 1, environment.active == nil,
      case .store(let position, let indices, let first, nil) = even.effect,
      case .store(position, let others, let second, nil) = odd.effect,
      program.parameters[position].element.bitWidth == 16, indices.dropLast() == others.dropLast(),
      let last = indices.last, let other = others.last, other.isNext(to: last)
    else { return false }
    let place = try place(position, indices, environment)
    guard case .strided(2) = place.lanes else { return false }
    stack.append(.note("\(program.parameters[position].name)", even.location))
    let values = try [first, second].map { widen(try emitVisible($0, environment), to: environment.lanes) }
    let whole = Expression.apply(
      .interleave, values, values[0].type.with(lanes: 2 * environment.lanes))
    let access = Access(buffer(position, written: true), program.parameters[position].element, place.base)
    stack.append(.store(access, whole, active: nil))
    return true
  }

  /// A load of which each element is there for `n` lanes, one after the other: loaded once, and spread on chip. Nil where
  /// it is not such a load.
  func loadBlocks(_ position: Int, _ indices: [Index], _ type: MachineType, _ environment: Environment) throws
    -> Expression?
  {
    guard machine.npu != nil, type.lanes > 1, case .divided(let inner, let n)? = indices.last,
      indices.allSatisfy({ $0.values.allSatisfy(isHeld) }), type.lanes % n == 0, type.lanes > n,
      program.parameters[position].element.bitWidth >= 8
    else { return nil }
    let coordinate = try coordinate(inner, environment)
    guard case .strided(1) = coordinate.lanes, coordinate.alignment % n == 0 else { return nil }
    var own = environment
    own.lanes = 1
    own.active = nil
    let outer = try place(position, indices.dropLast() + [.constant(0)], own)
    guard outer.isUniform else { return nil }
    let parameter = program.parameters[position]
    let few = type.with(lanes: type.lanes / n)
    let access = Access(buffer(position), parameter.element, outer.base + coordinate.base.divided(by: n))
    let active = environment.active.map { ($0 + .constant(n - 1)).divided(by: n) }
    let array = exactScratch("\(parameter.name)_blocks", type.scalar, Self.scratchSlack + few.lanes)
    // It is filled where its coordinates are known, as what is made of it may be found there.
    stack.append(
      .storeRaw(buffer: array, offset: .constant(0), .load(access, few, active: active)),
      at: stack.depth(binding: indices.flatMap(\.dimensions)))
    let lanes = Expression.laneNumbers(type.lanes).apply(.divideFloor(n))
    return .gather(
      Access(array, type.scalar == .f32 ? .float32 : .int32, .constant(0)), lanes: lanes, type, active: environment.active)
  }
}

extension RegionLowering {
  /// Whether a value has a register where nothing but the cell is open.
  private func isHeld(_ id: ValueID) -> Bool {
    guard stack.depth == 1, case .register? = storage[id] else { return false }
    return true
  }
}

extension Index {
  /// Whether it is another index and one.
  fileprivate func isNext(to other: Index) -> Bool {
    switch (self, other) {
    case (.sum(let a, .constant(let x)), .sum(let b, .constant(let y))): a == b && x == y + 1
    case (.sum(let a, .constant(1)), _) where a == other: true
    case (.sum(let a, let b), .sum(let c, let d)): a == c && b.isNext(to: d)
    default: false
    }
  }
}
