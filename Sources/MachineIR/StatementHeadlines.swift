import TileIR

extension MachineStatement {
  /// The statement on one line, without what lies inside it.
  var headline: String {
    switch self {
    case .define(let variable, let value), .declare(let variable, let value), .assign(let variable, let value):
      "\(variable.name) = \(value)"
    case .registers(let array): "registers \(array.name)"
    case .setElement(let array, let indices, let value): "\(array.name)[\(Expression.list(indices))] = \(value)"
    case .store(let access, let value, let active):
      "\(access.buffer)[\(Expression.place(access.offset, value.type.lanes, active))] = \(value)"
    case .stream(let access, let value, _):
      "\(access.buffer)[\(Expression.place(access.offset, value.type.lanes, nil))] = \(value)"
    case .scatter(let access, let lanes, let value, let active):
      "\(access.buffer)[\(access.offset); \(lanes)\(Expression.first(active))] = \(value)"
    case .storeRaw(let buffer, let offset, let value):
      "@\(buffer)[\(Expression.place(offset, value.type.lanes, nil))] = \(value)"
    case .clear(let buffer, let offset, let count): "clear @\(buffer)[\(offset); \(count)]"
    case .prefetch(let buffer, let offset): "prefetch \(buffer)[\(offset)]"
    case .multiplySlices(let product): product.description
    case .startCopy(let copy):
      "start copy @\(copy.target)[\(Expression.place(copy.offset, copy.count, nil))] = "
        + "\(copy.source.buffer)[\(Expression.place(copy.source.offset, copy.count, nil))]"
        + (copy.barriers.map { " at \($0)" } ?? "")
    case .closeCopies: "close the group of copies"
    case .awaitCopies(let groups): "await copies, all but \(groups) groups"
    case .loop(let loop): "for \(loop.counter.name) in \(loop.lower) ..< \(loop.upper)"
    case .leave: "leave the loop"
    case .branch(let condition, _, _): "if \(condition)"
    case .synchronise(let group): "synchronise the \(group.rawValue)"
    case .check(let condition, let code): "check \(condition), else message \(code)"
    case .note(let text, _): text
    }
  }
}
