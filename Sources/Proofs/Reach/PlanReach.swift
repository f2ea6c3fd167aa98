import MachineIR
import TileIR

/// What a plan's kernel touches of main memory.
extension ReachWalk {
  mutating func walk(_ statements: [MachineStatement]) {
    for statement in statements {
      numbers.statement += 1
      walk(statement)
    }
  }

  private mutating func walk(_ statement: MachineStatement) {
    switch statement {
    case .note(_, let place): if let place { location = place }
    case .define(let variable, let value), .declare(let variable, let value),
      .assign(let variable, let value):
      set(variable, value)
    case .setElement(_, let indices, let value): for part in indices + [value] { note(part) }
    case .store(let access, let value, let active):
      note(value)
      store(access, value.type.lanes, active)
    case .stream(let access, let value, _):
      note(value)
      store(access, value.type.lanes, nil)
    case .scatter(let access, let places, let value, let active):
      for part in [value, places, access.offset] { note(part) }
      let count = count(value.type.lanes, active)
      touchEach(count, of: places, access.buffer, access.offset, access.element.bitWidth / 8, isWrite: true)
    case .storeRaw(let array, let offset, let value):
      for part in [offset, value] { note(part) }
      let bytes = value.type.scalar.byteCount
      touch(
        array, first: numbers.number(offset) * bytes, count: Polynomial(value.type.lanes * bytes),
        isWrite: true)
    case .multiplySlices(let product): multiply(product)
    case .loop(let loop):
      for bound in [loop.lower, loop.upper] { note(bound) }
      let (lower, upper) = (numbers.number(loop.lower), numbers.number(loop.upper))
      if loop.isUnrolled, let first = lower.constant, let last = upper.constant {
        for value in stride(from: first, to: last, by: loop.step) {
          numbers.values[loop.counter.name] = Polynomial(value)
          walk(loop.body)
        }
        return
      }
      self.loop(
        loop.counter, lower, upper, Polynomial(loop.step), assigning: Self.assigned(loop.body)
      ) { $0.walk(loop.body) }
    case .branch(let condition, let then, let otherwise):
      branch(
        condition, { $0.walk(then) }, { $0.walk(otherwise) },
        leaves: (then.last == .leave, otherwise.last == .leave))
    case .leave: leave()
    case .check(let condition, _): note(condition)
    case .startCopy, .closeCopies, .awaitCopies: fail("asynchronous copies are not followed")
    case .registers, .clear, .prefetch, .synchronise: break
    }
  }

  private mutating func store(_ access: Access, _ lanes: Int, _ active: Expression?) {
    note(access.offset)
    let count = count(lanes, active)
    // One half of a byte is put beside the other, which is read before.
    if access.element.bitWidth == 4, lanes == 1 { touch(access, count, isWrite: false) }
    touch(access, count, isWrite: true)
  }

  /// Names that statements assign to.
  static func assigned(_ statements: [MachineStatement]) -> Set<String> {
    Set(KernelWalk.assigned(statements).map(\.name))
  }
}
