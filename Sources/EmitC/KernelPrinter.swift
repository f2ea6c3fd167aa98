import MachineIR
import TileIR

/// Prints one kernel as a C function over a range of cells.
struct KernelPrinter {
  let kernel: MachineKernel
  let program: Program
  private var printer: ExpressionPrinter
  private var lines: [String] = []
  private var depth = 1
  /// Whether the kernel has streaming stores, which other processors see only after a fence.
  private var streams = false

  init(_ kernel: MachineKernel, program: Program, prelude: Prelude) {
    self.kernel = kernel
    self.program = program
    printer = ExpressionPrinter(prelude: prelude)
  }

  private var prelude: Prelude { printer.prelude }

  mutating func print() throws -> String {
    declareArguments()
    let cell = printer.names.identifier(kernel.cell.name)
    add("for (i64 \(cell) = first_cell; \(cell) < last_cell; \(cell)++) {")
    try block(kernel.body)
    add("}")
    if streams { add("__builtin_ia32_sfence();") }
    return """
      void \(CNames.symbol(kernel.name))(const tessera_launch *launch, i64 first_cell, i64 last_cell, u8 *scratch) {
      \(lines.joined(separator: "\n"))
      }
      """
  }

  /// Names for what the launch passes.
  private mutating func declareArguments() {
    let sources = Dictionary(grouping: kernel.buffers, by: \.source)
    for (position, buffer) in kernel.buffers.enumerated() {
      let scalar = prelude.vector(Prelude.storageName(buffer.element), 1)
      printer.memory[buffer.name] = scalar
      let qualifier = sources[buffer.source]!.count == 1 ? "restrict " : ""
      let name = printer.names.identifier(buffer.name)
      add(
        "\(buffer.isWritten ? "" : "const ")\(scalar) *\(qualifier)\(name) = launch->buffers[\(position)];")
    }
    for (position, scalar) in kernel.scalars.enumerated() {
      add("const i64 \(printer.names.identifier(scalar.name)) = launch->integers[\(position)];")
    }
    for (position, parameter) in kernel.floats.enumerated() {
      let name = printer.names.identifier(program.parameters[parameter].name)
      add("const f32 \(name) = launch->floats[\(position)];")
    }
    for (position, array) in kernel.scratch.enumerated() {
      let scalar = prelude.type(MachineType(array.type))
      printer.memory[array.name] = scalar
      let name = printer.names.identifier(array.name)
      let offset = "launch->integers[\(kernel.scalars.count + position)]"
      add("\(scalar) *restrict \(name) = (\(scalar) *)(scratch + \(offset));")
    }
  }

  // MARK: Lines

  private mutating func add(_ text: String) {
    lines.append(String(repeating: " ", count: 2 * depth) + text)
  }

  private mutating func add(_ layout: Layout) {
    lines.append(
      String(repeating: " ", count: 2 * depth)
        + layout.broken(at: 2 * depth, indent: 2 * depth + 4))
  }

  private mutating func block(_ statements: [MachineStatement]) throws {
    depth += 1
    defer { depth -= 1 }
    for statement in statements { try add(statement) }
  }

  // MARK: Statements

  private mutating func add(_ statement: MachineStatement) throws {
    switch statement {
    case .define(let variable, let value): try declare(variable, value, isConst: true)
    case .declare(let variable, let value): try declare(variable, value, isConst: false)
    case .assign(let variable, let value):
      try assign(printer.names.identifier(variable.name), .variable(variable), value)
    case .registers(let array):
      let extents = array.extents.map { "[\($0)]" }.joined()
      add("\(prelude.type(array.type)) \(printer.names.identifier(array.name))\(extents);")
    case .setElement(let array, let indices, let value):
      try assign(try printer.element(array, indices), .element(array, indices), value)
    case .store(let access, let value, let active):
      try store(Storage(access.element, as: value.type.scalar), access.buffer, access.offset, value, active)
    case .stream(let access, let value, let when):
      let storage = Storage(access.element, as: value.type.scalar)
      try checkStored(storage, value, access.buffer)
      let arguments = try printer.place(storage, access.buffer, access.offset, isConst: false)
        + [try printer.printWide(value), try printer.print(when)]
      let call = CExpression.call(try prelude.stream(storage, lanes: value.type.lanes), arguments)
      add(.sequence([call.layout, .text(";")]))
      streams = true
    case .scatter(let access, let lanes, let value, let active):
      try scatter(access, lanes, value, active)
    case .storeRaw(let buffer, let offset, let value):
      try store(
        .plain(Prelude.scalarName(value.type.scalar)), buffer, offset, value, nil)
    case .clear(let buffer, let offset, let count): try clear(buffer, offset, count)
    case .prefetch(let buffer, let offset):
      let place = try printer.place(
        .plain(printer.memory[buffer] ?? "u8"), buffer, offset, isConst: true)
      // To be read, and into the second cache: the first is full of what is worked on.
      let request = CExpression.call("__builtin_prefetch", place + [CExpression("0"), CExpression("2")])
      add(.sequence([request.layout, .text(";")]))
    case .loop(let loop): try add(loop)
    case .leave: add("break;")
    case .branch(let condition, let then, let otherwise):
      try branch(condition, then, otherwise)
    case .check(let condition, let code): try check(condition, code)
    case .note(let text, let location):
      add("// " + [location?.description, text].compactMap { $0 }.joined(separator: "  "))
    }
  }

  private mutating func declare(_ variable: Variable, _ value: Expression, isConst: Bool) throws {
    let type = prelude.type(variable.type)
    let printed = try initial(value, lanes: variable.type.lanes)
    let name = printer.names.identifier(variable.name)
    add(.sequence([.text("\(isConst ? "const " : "")\(type) \(name) = "), printed.layout, .text(";")]))
  }

  /// A value that fills a variable: C widens a lone constant, but not a mask's.
  private mutating func initial(_ value: Expression, lanes: Int) throws -> CExpression {
    switch value {
    case .integer, .float: try printer.print(value)
    default: try printer.printWide(value)
    }
  }

  /// `a = value`, or `a += b` where the value adds to the variable.
  private mutating func assign(_ target: String, _ old: Expression, _ value: Expression) throws {
    if case .apply(.add, let operands, _) = value, operands[0] == old {
      let printed = try printer.printWide(operands[1])
      return add(.sequence([.text("\(target) += "), printed.layout, .text(";")]))
    }
    let printed = try initial(value, lanes: value.type.lanes)
    add(.sequence([.text("\(target) = "), printed.layout, .text(";")]))
  }

  private mutating func store(
    _ storage: Storage, _ buffer: String, _ offset: Expression, _ value: Expression,
    _ active: Expression?
  ) throws {
    try checkStored(storage, value, buffer)
    let lanes = value.type.lanes
    if lanes == 1 {
      let printed = try printer.print(value)
      if storage.isPacked {
        let place = try printer.place(storage, buffer, offset, isConst: false)
        let call = CExpression.call(prelude.store(storage, lanes: 1), place + [printed])
        return add(.sequence([call.layout, .text(";")]))
      }
      let pointer = try printer.pointer(buffer, storage.memory, isConst: false)
      let target = CExpression.subscripted(pointer, try printer.print(offset))
      let stored = storage.memory == storage.register ? printed : .cast(storage.memory, printed)
      return add(.sequence([target.layout, .text(" = "), stored.layout, .text(";")]))
    }
    var arguments = try printer.place(storage, buffer, offset, isConst: false)
    arguments.append(try printer.printWide(value))
    let function: String
    if let active {
      arguments.append(try printer.print(active))
      function = prelude.storeActive(storage, lanes: lanes)
    } else {
      function = prelude.store(storage, lanes: lanes)
    }
    add(.sequence([CExpression.call(function, arguments).layout, .text(";")]))
  }

  private func checkStored(_ storage: Storage, _ value: Expression, _ buffer: String) throws {
    let scalar = Prelude.scalarName(value.type.scalar)
    guard scalar == storage.register else {
      throw Refusal("\(buffer) takes \(storage.register) lanes, the value has \(scalar)")
    }
  }

  private mutating func scatter(
    _ access: Access, _ lanes: Expression, _ value: Expression, _ active: Expression?
  ) throws {
    let storage = Storage(access.element)
    guard value.type.lanes > 1 else {
      let offset = access.offset + lanes.converted(to: .i64)
      return try store(storage, access.buffer, offset, value, nil)
    }
    try checkStored(storage, value, access.buffer)
    var arguments = try printer.place(storage, access.buffer, access.offset, isConst: false)
    arguments += [try printer.printWide(lanes), try printer.printWide(value)]
    if let active { arguments.append(try printer.print(active)) }
    let function = prelude.scatter(storage, lanes: value.type.lanes, isPartial: active != nil)
    add(.sequence([CExpression.call(function, arguments).layout, .text(";")]))
  }

  private mutating func clear(_ buffer: String, _ offset: Expression, _ count: Expression) throws {
    guard let scalar = printer.memory[buffer] else { throw Refusal("it names no memory \(buffer)") }
    let place = try printer.place(.plain(scalar), buffer, offset, isConst: false)
    let size = CExpression.binary(
      try printer.print(count), "*", CExpression("sizeof(\(scalar))"), .product)
    let call = CExpression.call("__builtin_memset", place + [CExpression("0"), size])
    add(.sequence([call.layout, .text(";")]))
  }

  private mutating func add(_ loop: CountedLoop) throws {
    let counter = printer.names.identifier(loop.counter.name)
    let lower = try printer.print(loop.lower).flat
    let upper = try printer.print(loop.upper).atLeast(.shift).flat
    let step = loop.step == 1 ? "\(counter)++" : "\(counter) += \(loop.step)"
    if loop.isUnrolled {
      add("#pragma clang loop unroll(full)")
    } else if loop.body.contains(where: \.hasUnrolledLoop) {
      // Its body is as large as is good; copies of it would only take time to compile.
      add("#pragma clang loop unroll(disable)")
    }
    add("for (i64 \(counter) = \(lower); \(counter) < \(upper); \(step)) {")
    try block(loop.body)
    add("}")
  }

  private mutating func branch(
    _ condition: Expression, _ then: [MachineStatement], _ otherwise: [MachineStatement]
  ) throws {
    add(.sequence([.text("if ("), try printer.print(condition).layout, .text(") {")]))
    try block(then)
    if !otherwise.isEmpty {
      add("} else {")
      try block(otherwise)
    }
    add("}")
  }

  private mutating func check(_ condition: Expression, _ code: Int) throws {
    var holds = try printer.print(condition)
    if condition.type.lanes > 1 {
      holds = .call(prelude.allLanes(condition.type.lanes), [holds])
    }
    let raise = prelude.raiseStatus()
    add(
      .sequence([
        .text("if ("), CExpression.prefix("!", holds).layout, .text(") \(raise)(launch, \(code));"),
      ]))
  }
}
