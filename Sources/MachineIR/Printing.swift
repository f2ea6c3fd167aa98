import TileIR

/// The textual form of a plan: its memory, messages and kernels, one line a statement, what belongs together
/// indented. Register values are written as in `ExpressionPrinting.swift`.
extension Plan: CustomStringConvertible {
  /// The plan with the author's line behind what asks for it.
  public var description: String { text(locations: true) }

  /// The plan; `locations` says whether source lines are printed.
  public func text(locations: Bool) -> String {
    var printer = PlanPrinter(plan: self, locations: locations)
    return printer.print()
  }

  /// The hash of the plan's text without source lines, and of its program's.
  public var stableHash: StableHash { StableHash("\(program.stableHash)\n\(text(locations: false))") }
}

private struct PlanPrinter {
  let plan: Plan
  let locations: Bool
  private var lines: [String] = []
  private var depth = 0

  init(plan: Plan, locations: Bool) {
    self.plan = plan
    self.locations = locations
  }

  private var program: Program { plan.program }

  mutating func print() -> String {
    add("plan \(program.name) for \(plan.machine.name)", program.location)
    depth += 1
    if !plan.schedule.isEmpty { add("schedule \(plan.schedule)") }
    for workspace in plan.workspaces { add(workspace) }
    for (number, message) in plan.messages.enumerated() {
      add("message \(number + 1): \(message.message)", message.locations.first)
    }
    for kernel in plan.preparations { add("prepare", kernel) }
    for variant in plan.variants {
      let guards = variant.guards.map { "\($0.text(in: program)) >= 0" }
      add("variant \(variant.name)\(guards.isEmpty ? "" : ", where \(guards.joined(separator: ", "))")")
      depth += 1
      for kernel in variant.kernels { add("kernel", kernel) }
      depth -= 1
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private mutating func add(_ text: String, _ location: SourceLocation? = nil) {
    let place = locations ? location.map { "  // \($0)" } ?? "" : ""
    lines.append(String(repeating: "  ", count: depth) + text + place)
  }

  // MARK: Memory and kernels

  private mutating func add(_ workspace: Workspace) {
    var text = "workspace \(workspace.name): \(workspace.byteCount.text(in: program)) bytes"
    if let parameter = workspace.prepares { text += ", lays out \(program.parameters[parameter].name)" }
    if let tile = workspace.prints {
      let axes = zip(tile.axes, tile.extents).map { "\($0.name)=\($1.text(in: program))" }
      text += ", printed as \"\(tile.label)\" [\(axes.joined(separator: ", "))]"
    }
    add(text)
  }

  private mutating func add(_ word: String, _ kernel: MachineKernel) {
    add("\(word) \(kernel.name)")
    depth += 1
    for buffer in kernel.buffers {
      let source =
        switch buffer.source {
        case .parameter(let position): "parameter \(program.parameters[position].name)"
        case .workspace(let position): "workspace \(plan.workspaces[position].name)"
        }
      add(
        "buffer \(buffer.name): \(buffer.element.rawValue), \(source)\(buffer.isWritten ? ", written" : "")")
    }
    for scalar in kernel.scalars { add("number \(scalar.name) = \(scalar.value.text(in: program))") }
    for (parameter, name) in zip(kernel.floats, kernel.floatNames) {
      add("float \(name) = \(program.parameters[parameter].name)")
    }
    let conflicts = plan.machine.gpu == nil ? [:] : kernel.bankConflicts
    for array in kernel.scratch {
      let space = array.space == .onChip ? "on chip" : "in device memory"
      let turns = conflicts[array.name].map { ", bank conflicts \($0)" } ?? ""
      add("\(space) \(array.name): \(array.type.rawValue) [\(array.count.text(in: program))]\(turns)")
    }
    add("for each \(kernel.cell.name) of \(kernel.cells.text(in: program))")
    block(kernel.body)
    depth -= 1
  }

  // MARK: Statements

  private mutating func block(_ statements: [MachineStatement]) {
    depth += 1
    for statement in statements { add(statement) }
    depth -= 1
  }

  private mutating func add(_ statement: MachineStatement) {
    switch statement {
    case .define(let variable, let value): add("let \(variable.name): \(variable.type) = \(value)")
    case .declare(let variable, let value): add("var \(variable.name): \(variable.type) = \(value)")
    case .assign(let variable, let value): add("\(variable.name) = \(value)")
    case .registers(let array):
      add(
        "registers \(array.name): \(array.type) [\(array.extents.map(String.init).joined(separator: ", "))]")
    case .setElement(let array, let indices, let value):
      add("\(array.name)[\(Expression.list(indices))] = \(value)")
    case .store(let access, let value, let active):
      add("\(access.buffer)[\(Expression.place(access.offset, value.type.lanes, active))] = \(value)")
    case .stream(let access, let value, let when):
      add(
        "stream \(access.buffer)[\(Expression.place(access.offset, value.type.lanes, nil))] when \(when) = \(value)"
      )
    case .scatter(let access, let lanes, let value, let active):
      add("scatter \(access.buffer)[\(access.offset); \(lanes)\(Expression.first(active))] = \(value)")
    case .storeRaw(let buffer, let offset, let value):
      add("@\(buffer)[\(Expression.place(offset, value.type.lanes, nil))] = \(value)")
    case .clear(let buffer, let offset, let count): add("clear @\(buffer)[\(offset); \(count)]")
    case .prefetch(let buffer, let offset): add("prefetch \(buffer)[\(offset)]")
    case .startCopy, .closeCopies, .awaitCopies: add(statement.headline)
    case .multiplySlices(let product): add(product.description)
    case .loop(let loop):
      let step = loop.step == 1 ? "" : " step \(loop.step)"
      let range = "\(loop.lower) ..< \(loop.upper)\(step)"
      let how = loop.isUnrolled ? "unrolled " : loop.isSharedOut ? "shared out " : ""
      add("\(how)for \(loop.counter.name) in \(range)")
      block(loop.body)
    case .leave: add("leave the loop")
    case .branch(let condition, let then, let otherwise):
      add("if \(condition)")
      block(then)
      if !otherwise.isEmpty {
        add("else")
        block(otherwise)
      }
    case .synchronise(let group): add("synchronise the \(group.rawValue)")
    case .check(let condition, let code): add("check \(condition), else message \(code)")
    case .note(let text, let location):
      let place = locations ? location.map { "\($0)  " } ?? "" : ""
      add("// \(place)\(text)")
    }
  }
}
