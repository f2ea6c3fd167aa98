import CFamily
import MachineIR
import TileIR

/// Prints one kernel as a C function over a range of cells.
struct KernelPrinter {
  let kernel: MachineKernel
  let program: Program
  private var statements: StatementPrinter<Prelude>

  init(_ kernel: MachineKernel, program: Program, prelude: Prelude) {
    self.kernel = kernel
    self.program = program
    statements = StatementPrinter(ExpressionPrinter(prelude))
  }

  private var prelude: Prelude { statements.printer.dialect }

  mutating func print() throws -> String {
    prelude.streams = false
    declareArguments()
    let cell = statements.printer.names.identifier(kernel.cell.name)
    statements.add("for (i64 \(cell) = first_cell; \(cell) < last_cell; \(cell)++) {")
    try statements.block(kernel.body)
    statements.add("}")
    if prelude.streams { statements.add("__builtin_ia32_sfence();") }
    return """
      void \(CNames.symbol(kernel.name))(const tessera_launch *launch, i64 first_cell, i64 last_cell, u8 *scratch) {
      \(statements.lines.joined(separator: "\n"))
      }
      """
  }

  /// Names for what the launch passes.
  private mutating func declareArguments() {
    let sources = Dictionary(grouping: kernel.buffers, by: \.source)
    for (position, buffer) in kernel.buffers.enumerated() {
      let scalar = prelude.vector(buffer.element.cStorage, 1)
      statements.printer.memory[buffer.name] = scalar
      let qualifier = sources[buffer.source]!.count == 1 ? "restrict " : ""
      let name = statements.printer.names.identifier(buffer.name)
      statements.add(
        "\(buffer.isWritten ? "" : "const ")\(scalar) *\(qualifier)\(name) = launch->buffers[\(position)];")
    }
    for (position, scalar) in kernel.scalars.enumerated() {
      statements.add("const i64 \(statements.printer.names.identifier(scalar.name)) = launch->integers[\(position)];")
    }
    for (position, parameter) in kernel.floats.enumerated() {
      let name = statements.printer.names.identifier(program.parameters[parameter].name)
      statements.add("const f32 \(name) = launch->floats[\(position)];")
    }
    for (position, array) in kernel.scratch.enumerated() {
      let scalar = prelude.type(MachineType(array.type))
      statements.printer.memory[array.name] = scalar
      let name = statements.printer.names.identifier(array.name)
      let offset = "launch->integers[\(kernel.scalars.count + position)]"
      statements.add("\(scalar) *restrict \(name) = (\(scalar) *)(scratch + \(offset));")
    }
  }
}

/// Stores, and what else touches memory.
extension Prelude: CStatements {
  func turns(of loop: CountedLoop) throws -> (first: String, step: String) {
    throw Refusal("rounds of \(loop.counter.name) are shared out, and a cell has one agent")
  }

  func pragma(before loop: CountedLoop) -> String? {
    if loop.isUnrolled { return "#pragma clang loop unroll(full)" }
    // Its body is as large as is good; copies of it would only take time to compile.
    return loop.body.contains(where: \.hasUnrolledLoop) ? "#pragma clang loop unroll(disable)" : nil
  }

  func lines(of statement: MachineStatement, _ printer: inout Printer) throws -> [Layout] {
    switch statement {
    case .store(let access, let value, let active):
      let storage = Storage(access.element, as: value.type.scalar)
      return [try store(storage, Place(access.buffer, access.offset), value, active, &printer)]
    case .storeRaw(let buffer, let offset, let value):
      return [try store(.plain(value.type.scalar.cName), Place(buffer, offset), value, nil, &printer)]
    case .stream(let access, let value, let when):
      let storage = Storage(access.element, as: value.type.scalar)
      try storage.requireLanes(of: value, in: access.buffer)
      let arguments = try printer.arguments(Place(access.buffer, access.offset), storage, isConst: false)
        + [try printer.printWide(value), try printer.print(when)]
      streams = true
      return [call(try stream(storage, lanes: value.type.lanes), arguments)]
    case .scatter(let access, let lanes, let value, let active):
      return [try scatter(access, lanes, value, active, &printer)]
    case .clear(let buffer, let offset, let count):
      return [try clear(Place(buffer, offset), count, &printer)]
    case .prefetch(let buffer, let offset):
      let place = try printer.arguments(
        Place(buffer, offset), .plain(printer.memory[buffer] ?? "u8"), isConst: true)
      // To be read, and into the second cache: the first is full of what is worked on.
      return [call("__builtin_prefetch", place + [CExpression("0"), CExpression("2")])]
    case .check(let condition, let code): return [try check(condition, code, &printer)]
    case .synchronise: return []
    case .startCopy, .closeCopies, .awaitCopies: throw Refusal("the machine has no asynchronous copies")
    case .multiplySlices: throw Refusal("the machine has no matrix unit of whole tiles")
    default: preconditionFailure("a statement about memory")
    }
  }

  private func call(_ function: String, _ arguments: [CExpression]) -> Layout {
    .sequence([CExpression.call(function, arguments).layout, .text(";")])
  }

  private func store(
    _ storage: Storage, _ place: Place, _ value: Expression, _ active: Expression?, _ printer: inout Printer
  ) throws -> Layout {
    try storage.requireLanes(of: value, in: place.buffer)
    let lanes = value.type.lanes
    if lanes == 1 {
      let printed = try printer.print(value)
      if storage.isPacked {
        let arguments = try printer.arguments(place, storage, isConst: false)
        return call(store(storage, lanes: 1), arguments + [printed])
      }
      let pointer = try printer.pointer(place.buffer, storage.memory, isConst: false)
      let target = CExpression.subscripted(pointer, try printer.print(place.offset))
      let stored = storage.memory == storage.register ? printed : .cast(storage.memory, printed)
      return .sequence([target.layout, .text(" = "), stored.layout, .text(";")])
    }
    var arguments = try printer.arguments(place, storage, isConst: false)
    arguments.append(try printer.printWide(value))
    guard let active else { return call(store(storage, lanes: lanes), arguments) }
    arguments.append(try printer.print(active))
    return call(storeActive(storage, lanes: lanes), arguments)
  }

  private func scatter(
    _ access: Access, _ lanes: Expression, _ value: Expression, _ active: Expression?, _ printer: inout Printer
  ) throws -> Layout {
    let storage = Storage(access.element)
    guard value.type.lanes > 1 else {
      let offset = access.offset + lanes.converted(to: .i64)
      return try store(storage, Place(access.buffer, offset), value, nil, &printer)
    }
    try storage.requireLanes(of: value, in: access.buffer)
    var arguments = try printer.arguments(Place(access.buffer, access.offset), storage, isConst: false)
    arguments += [try printer.printWide(lanes), try printer.printWide(value)]
    if let active { arguments.append(try printer.print(active)) }
    return call(scatter(storage, lanes: value.type.lanes, isPartial: active != nil), arguments)
  }

  private func clear(_ place: Place, _ count: Expression, _ printer: inout Printer) throws -> Layout {
    guard let scalar = printer.memory[place.buffer] else { throw Refusal("it names no memory \(place.buffer)") }
    let arguments = try printer.arguments(place, .plain(scalar), isConst: false)
    let size = CExpression.binary(
      try printer.print(count), "*", CExpression("sizeof(\(scalar))"), .product)
    return call("__builtin_memset", arguments + [CExpression("0"), size])
  }

  private func check(_ condition: Expression, _ code: Int, _ printer: inout Printer) throws -> Layout {
    var holds = try printer.print(condition)
    if condition.type.lanes > 1 { holds = .call(allLanes(condition.type.lanes), [holds]) }
    let raise = raiseStatus()
    return .sequence([
      .text("if ("), CExpression.prefix("!", holds).layout, .text(") \(raise)(launch, \(code));"),
    ])
  }
}
