import MachineIR
import TileIR

/// Loops that carry values: what the body sees lives in registers or arrays; what it computes is put
/// aside until the round is done.
extension RegionLowering {
  func lower(loop number: Int) throws {
    let loop = program.loops[number]
    for (carried, initial) in zip(loop.carried, loop.initial) {
      try copy(from: initial, to: carried, declaring: true)
    }
    let counter = stack.variable("round", .index)
    rounds[number] = .variable(counter)
    let count = try coordinate(loop.count, environment).base
    let before = storage
    let operandsBefore = fixedOperands
    stack.open()
    stack.append(.note("round", loop.location))
    try lower(items: analysis.loopItems[number] ?? [])
    var asides: [Storage] = []
    for (next, carried) in zip(loop.next, loop.carried) {
      asides.append(try aside(next, like: carried))
    }
    for (aside, carried) in zip(asides, loop.carried) { try restore(aside, to: carried) }
    let body = stack.close()
    storage = before
    fixedOperands = operandsBefore
    stack.append(.loop(CountedLoop(counter, from: .constant(0), to: count, body)))
    for (position, carried) in loop.carried.enumerated() {
      for id in program.nodes.indices.map(ValueID.init) {
        if case .loopResult(number, position) = program[id].operation {
          storage[id] = storage[carried]
        }
      }
    }
  }

  /// Writes `source` where `target` lives, over the axes of `target`.
  private func copy(from source: ValueID, to target: ValueID, declaring: Bool) throws {
    let axes = analysis.innerAxes(target)
    guard !axes.isEmpty else {
      let value = try emit(source, environment)
      let variable = stack.variable("carried", value.type)
      stack.append(.declare(variable, value))
      storage[target] = .register(.variable(variable))
      return
    }
    let scalar: MachineScalar = program[target].type == .bool ? .i32 : program[target].type.register
    _ = array(for: target, scalar, axes)
    try over(axes, roots: [source]) { try self.keep(try self.emitWide(source, self.environment), target) }
  }

  /// Puts a value of this round aside.
  private func aside(_ value: ValueID, like carried: ValueID) throws -> Storage {
    let axes = analysis.innerAxes(carried)
    guard !axes.isEmpty else {
      return .register(stack.define("next", try emit(value, environment)))
    }
    let scalar: MachineScalar = program[carried].type == .bool ? .i32 : program[carried].type.register
    let count = axes.reduce(HostExpression.constant(1)) { $0 * most($1) }
    let aside = Storage.array(scratch("next", scalar, count: count), scalar, axes)
    let known = storage[carried]
    try over(axes, roots: [value]) {
      let result = try self.emitWide(value, self.environment)
      let named = self.stack.define("next_value", result)
      self.storage[carried] = aside
      try self.keep(named, carried)
      self.storage[carried] = known
    }
    return aside
  }

  private func restore(_ aside: Storage, to carried: ValueID) throws {
    switch (aside, storage[carried]!) {
    case (.register(let value), .register(.variable(let variable))):
      stack.append(.assign(variable, value))
    case (.array(let from, let scalar, let axes), .array(let to, _, _)):
      try over(axes, roots: [carried]) {
        let place = try self.place(in: axes, self.environment)
        let value: Expression = place.isUniform
          ? .raw(buffer: from, offset: place.base, MachineType(scalar))
          : self.lanes(of: from, scalar, place.base, self.environment)
        self.stack.append(.storeRaw(buffer: to, offset: place.base, value))
      }
    default: preconditionFailure("a carried value stays where it is")
    }
  }

  /// Loops over axes with lanes along the last of them.
  private func over(
    _ axes: [Dimension], roots: [ValueID], _ body: @escaping () throws -> Void
  ) throws {
    let vector = chooseVector([axes.last!], roots: roots, work: nil)
    let lanes = vector.map { self.lanes(along: $0, limit: nil) } ?? 1
    let nest = Nest(loops: axes, vector: lanes > 1 ? vector : nil, lanes: lanes, group: 1, work: [])
    try open(axes[...], nest, body)
  }
}
