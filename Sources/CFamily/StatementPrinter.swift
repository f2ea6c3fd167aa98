import MachineIR
import TileIR

/// Prints the statements of one kernel, a line each, what belongs together indented.
package struct StatementPrinter<Dialect: CStatements> {
  package var printer: ExpressionPrinter<Dialect>
  package private(set) var lines: [String] = []
  private var depth = 1

  package init(_ printer: ExpressionPrinter<Dialect>) { self.printer = printer }

  private var dialect: Dialect { printer.dialect }

  // MARK: Lines

  package mutating func add(_ text: String) {
    lines.append(String(repeating: " ", count: 2 * depth) + text)
  }

  package mutating func add(_ layout: Layout) {
    lines.append(
      String(repeating: " ", count: 2 * depth)
        + layout.broken(at: 2 * depth, indent: 2 * depth + 4))
  }

  package mutating func block(_ statements: [MachineStatement]) throws {
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
      add("\(dialect.type(array.type)) \(printer.names.identifier(array.name))\(extents);")
    case .setElement(let array, let indices, let value):
      try assign(try printer.element(array, indices), .element(array, indices), value)
    case .loop(let loop): try add(loop)
    case .leave: add("break;")
    case .branch(let condition, let then, let otherwise):
      try branch(condition, then, otherwise)
    case .note(let text, let location):
      add("// " + [location?.description, text].compactMap { $0 }.joined(separator: "  "))
    case .store, .stream, .scatter, .storeRaw, .clear, .prefetch, .startCopy, .closeCopies, .awaitCopies, .check,
      .synchronise, .multiplySlices:
      for line in try dialect.lines(of: statement, &printer) { add(line) }
    }
  }

  private mutating func declare(_ variable: Variable, _ value: Expression, isConst: Bool) throws {
    let type = dialect.type(variable.type)
    let printed = try initial(value)
    let name = printer.names.identifier(variable.name)
    add(.sequence([.text("\(isConst ? "const " : "")\(type) \(name) = "), printed.layout, .text(";")]))
  }

  /// A value that fills a variable: C widens a lone constant, but not a mask's.
  private mutating func initial(_ value: Expression) throws -> CExpression {
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
    let printed = try initial(value)
    add(.sequence([.text("\(target) = "), printed.layout, .text(";")]))
  }

  private mutating func add(_ loop: CountedLoop) throws {
    let counter = printer.names.identifier(loop.counter.name)
    let lower = try printer.print(loop.lower).flat
    let upper = try printer.print(loop.upper).atLeast(.shift).flat
    var (begin, step) = (lower, loop.step == 1 ? "\(counter)++" : "\(counter) += \(loop.step)")
    if loop.isSharedOut {
      let turn = try dialect.turns(of: loop)
      begin = lower == "0" ? turn.first : "\(try printer.print(loop.lower).atLeast(.sum).flat) + \(turn.first)"
      step = "\(counter) += \(turn.step)"
    }
    if let pragma = dialect.pragma(before: loop) { add(pragma) }
    add("for (i64 \(counter) = \(begin); \(counter) < \(upper); \(step)) {")
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
}

/// What a language says in its own way about memory and the agents that work on it.
package protocol CStatements: CDialect {
  /// The line before a loop that says whether it is unrolled.
  func pragma(before loop: CountedLoop) -> String?
  /// Of a loop that agents share: how far behind the first round an agent's own begins, and how far its rounds are
  /// apart.
  func turns(of loop: CountedLoop) throws -> (first: String, step: String)
  /// The lines of a store of any kind, a clear, a prefetch, a copy, a check or a synchronisation.
  func lines(of statement: MachineStatement, _ printer: inout Printer) throws -> [Layout]
}

/// The texts of several kernels, each once, with refusals that name the kernel.
package func printed(
  _ kernels: [MachineKernel], machine: MachineDescription,
  _ print: (MachineKernel) throws -> String
) throws(EmissionError) -> [String] {
  var functions: [String] = []
  var known: [String: MachineKernel] = [:]
  for kernel in kernels {
    let symbol = CNames.symbol(kernel.name)
    if let twin = known[symbol] {
      if twin == kernel { continue }
      throw EmissionError(
        kernel: kernel.name, machine: machine.name, message: "another kernel has this name")
    }
    known[symbol] = kernel
    do {
      functions.append(try print(kernel))
    } catch let refusal as Refusal {
      throw EmissionError(kernel: kernel.name, machine: machine.name, message: refusal.message)
    } catch {
      throw EmissionError(kernel: kernel.name, machine: machine.name, message: "\(error)")
    }
  }
  return functions
}
