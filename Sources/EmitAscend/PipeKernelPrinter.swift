import CFamily
import MachineIR
import TileIR

/// Prints one pipe program as a function of vector cores.
struct PipeKernelPrinter {
  let kernel: PipeKernel
  let symbol: String
  let program: Program
  let capacity: Int
  var scalars: ScalarPrinter
  var lines: [String] = []
  private var depth = 1

  init(
    _ kernel: PipeKernel, named symbol: String, _ program: Program, _ definitions: Definitions, capacity: Int
  ) {
    self.kernel = kernel
    self.symbol = symbol
    self.program = program
    self.capacity = capacity
    scalars = ScalarPrinter(definitions: definitions, names: CNames(taken: Self.taken))
  }

  /// Names that the text has of itself.
  private static let taken = Set(
    ["AscendC", "half", "bfloat16_t", "lesser", "greater", "remainder_down"] + WideArithmetic.names)

  mutating func print() throws -> String {
    var parameters: [String] = []
    for buffer in kernel.source.buffers {
      parameters.append("GM_ADDR \(scalars.names.own("\(buffer.name)_address"))")
    }
    for scalar in kernel.source.scalars {
      parameters.append("int64_t \(scalars.names.identifier(scalar.name))")
    }
    for position in kernel.source.floats {
      parameters.append("float \(scalars.names.identifier(program.parameters[position].name))")
    }
    parameters.append("int64_t \(scalars.names.identifier(PipeKernel.cells.name))")
    let head = Layout.group(
      open: "extern \"C\" __global__ __aicore__ void \(symbol)(",
      items: parameters.map(Layout.text), separator: ",", close: ") {")
    for buffer in kernel.source.buffers {
      let (name, type) = (scalars.names.identifier(buffer.name), Self.type(buffer.element))
      add("GlobalTensor<\(type)> \(name);")
      add("\(name).SetGlobalBuffer((__gm__ \(type) *)\(scalars.names.own("\(buffer.name)_address")));")
    }
    // Of several kernels in one file the compiler finds no type by itself.
    let type = kernel.usesCubes ? "MIX_AIC_1_\(kernel.vectorCoresOfCube)" : "AIV_ONLY"
    lines.insert("  KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_\(type));", at: 0)
    add("const int64_t \(scalars.names.identifier(PipeKernel.block.name)) = GetBlockIdx();")
    add("const int64_t \(scalars.names.identifier(PipeKernel.blocks.name)) = GetBlockNum();")
    if kernel.usesCubes {
      try addPart(of: .cube, "ASCEND_IS_AIC")
      try addPart(of: .vector, "ASCEND_IS_AIV")
    } else {
      declareTensors(of: .vector)
      try add(kernel.body)
    }
    return "\(head.broken(at: 0, indent: 4))\n\(lines.joined(separator: "\n"))\n}"
  }

  /// What one of the cores of a group does.
  private mutating func addPart(of core: Pipe.Core, _ condition: String) throws {
    guard let part = kernel.part(of: core) else {
      throw Refusal("the cube core needs what the vector core computes")
    }
    add("if (\(condition)) {")
    depth += 1
    if kernel.vectorCoresOfCube == 2 { declarePairs(of: core) }
    declareTensors(of: core)
    try add(part)
    depth -= 1
    add("}")
  }

  private mutating func declarePairs(of core: Pipe.Core) {
    func declare(_ variable: Variable, _ text: String) {
      add("const int64_t \(scalars.names.identifier(variable.name)) = \(text);")
    }
    declare(PipeKernel.firstPair, core == .cube ? "2 * GetBlockIdx()" : "GetBlockIdx() / 2 * 2")
    declare(PipeKernel.pairStep, "2 * GetBlockNum()")
    if core == .vector { declare(PipeKernel.subCore, "GetSubBlockIdx()") }
  }

  private mutating func declareTensors(of core: Pipe.Core) {
    for memory in LocalMemory.allCases where (memory == .unifiedBuffer) == (core == .vector) {
      let tensors = kernel.tensors.values.filter { $0.memory == memory }
      if memory == .unifiedBuffer {
        add("// \(kernel.unifiedBufferBytes) of \(capacity) bytes of the unified buffer.")
      } else {
        add("// \(kernel.byteCount(of: memory)) bytes of \(memory.rawValue).")
      }
      for tensor in tensors.sorted(by: { ($0.byteAddress, $0.name) < ($1.byteAddress, $1.name) }) {
        let name = scalars.names.identifier(tensor.name)
        let place = "\(Self.position(of: memory)), \(tensor.byteAddress), \(tensor.count)"
        add("LocalTensor<\(Self.type(tensor.element))> \(name)(TPosition::\(place));")
      }
    }
  }

  private static func position(of memory: LocalMemory) -> String {
    switch memory {
    case .unifiedBuffer: "VECCALC"
    case .l1: "A1"
    case .left: "A2"
    case .right: "B2"
    case .sums: "CO1"
    }
  }

  // MARK: Types

  static func type(_ element: ElementType) -> String {
    switch element {
    case .float32: "float"
    case .int32: "int32_t"
    case .bfloat16: "bfloat16_t"
    case .float16: "half"
    case .int8: "int8_t"
    default: "uint8_t"
    }
  }

  static func type(_ element: LocalElement) -> String {
    switch element {
    case .float32: "float"
    case .float16: "half"
    case .bfloat16: "bfloat16_t"
    case .int32, .uint32, .int16, .uint16, .int8, .uint8, .int64: "\(element.rawValue)_t"
    }
  }

  /// A view as an argument.
  mutating func text(_ view: LocalView) throws -> String {
    var text = scalars.names.identifier(view.tensor)
    if kernel.tensors[view.tensor]!.element != view.element {
      text += ".ReinterpretCast<\(Self.type(view.element))>()"
    }
    if view.offset.constantValue != 0 { text += "[\(try scalars.text(view.offset))]" }
    return text
  }

  // MARK: Lines

  mutating func add(_ text: String) { lines.append(String(repeating: " ", count: 2 * depth) + text) }

  mutating func call(_ function: String, _ arguments: [String]) {
    let layout = Layout.group(
      open: "\(function)(", items: arguments.map(Layout.text), separator: ",", close: ");")
    add(layout.broken(at: 2 * depth, indent: 2 * depth + 4))
  }

  private mutating func add(_ statements: [PipeStatement]) throws {
    for statement in statements { try add(statement) }
  }

  private mutating func block(_ statements: [PipeStatement]) throws { try indented { try $0.add(statements) } }

  /// What `body` adds, in a block.
  mutating func indented(_ body: (inout PipeKernelPrinter) throws -> Void) rethrows {
    depth += 1
    defer { depth -= 1 }
    try body(&self)
  }

  private mutating func add(_ statement: PipeStatement) throws {
    switch statement {
    case .vector(let instruction): try add(instruction)
    case .copyIn(let copy):
      let type = Self.type(copy.element)
      call(
        "DataCopyPad",
        [
          try text(copy.local), "\(scalars.names.identifier(copy.buffer))[\(try scalars.text(copy.offset))]",
          try shape(copy, isIn: true),
          "DataCopyPadExtParams<\(type)>(false, 0, 0, 0)",
        ])
    case .copyOut(let copy):
      call(
        "DataCopyPad",
        [
          "\(scalars.names.identifier(copy.buffer))[\(try scalars.text(copy.offset))]", try text(copy.local),
          try shape(copy, isIn: false),
        ])
    case .define(let variable, let value): try declare("const ", variable, value)
    case .declare(let variable, let value): try declare("", variable, value)
    case .assign(let variable, let value):
      add("\(scalars.names.identifier(variable.name)) = \(try scalars.text(value));")
    case .read(let variable, let view):
      let type = view.element == .int64 ? "int64_t" : "int32_t"
      add("const \(type) \(scalars.names.identifier(variable.name)) = \(try text(view)).GetValue(0);")
    case .write(let view, let value):
      let whole = try text(LocalView(view.tensor, view.element))
      add("\(whole).SetValue(\(try scalars.text(view.offset)), \(try scalars.text(value)));")
    case .loop(let loop):
      let counter = scalars.names.identifier(loop.counter.name)
      let (lower, upper) = (try scalars.text(loop.lower), try scalars.print(loop.upper).atLeast(.shift).flat)
      let step =
        loop.step.constantValue == 1 ? "\(counter)++" : "\(counter) += \(try scalars.text(loop.step))"
      add("for (int64_t \(counter) = \(lower); \(counter) < \(upper); \(step)) {")
      try block(loop.body)
      add("}")
    case .leave: add("break;")
    case .branch(let condition, let then, let otherwise):
      add("if (\(try scalars.text(condition))) {")
      try block(then)
      if !otherwise.isEmpty {
        add("} else {")
        try block(otherwise)
      }
      add("}")
    case .cube(let instruction): try add(instruction)
    // A flag of both cores: mode 2.
    case .set(let event) where event.isAcross:
      add("CrossCoreSetFlag<2, PIPE_\(event.from.unit)>(\(event.flag));")
    case .wait(let event) where event.isAcross: add("CrossCoreWaitFlag(\(event.flag));")
    case .set(let event): add("SetFlag<HardEvent::\(Self.name(event))>(EVENT_ID\(event.number));")
    case .wait(let event): add("WaitFlag<HardEvent::\(Self.name(event))>(EVENT_ID\(event.number));")
    case .barrier(let pipe): add("PipeBarrier<PIPE_\(pipe?.unit ?? "ALL")>();")
    case .note(let text, let location):
      add("// " + [location?.description, text].compactMap { $0 }.joined(separator: "  "))
    }
  }

  private static func name(_ event: PipeEvent) -> String { "\(event.from.unit)_\(event.to.unit)" }

  /// Rows, bytes of one, and what lies between two: bytes in main memory, blocks on chip, the source's first.
  private mutating func shape(_ copy: PipeCopy, isIn: Bool) throws -> String {
    let width = copy.local.element.byteCount
    let bytes = try unsigned(copy.count * .constant(width))
    guard let rows = copy.rows else { return "DataCopyExtParams(1, \(bytes), 0, 0, 0)" }
    let perBlock = Ascend.block / width
    let gap = try unsigned((rows.stride - copy.count) * .constant(width))
    let blocks = try unsigned(
      .constant(rows.pitch / perBlock) - (copy.count + .constant(perBlock - 1)).divided(by: perBlock))
    let gaps = isIn ? [gap, blocks] : [blocks, gap]
    return "DataCopyExtParams(\(try unsigned(rows.count)), \(bytes), \(gaps[0]), \(gaps[1]), 0)"
  }

  private mutating func unsigned(_ number: Expression) throws -> String {
    if let known = number.constantValue { return "\(known)" }
    return "(uint32_t)\(try scalars.print(number).atLeast(.prefix).flat)"
  }

  private mutating func declare(_ qualifier: String, _ variable: Variable, _ value: Expression) throws {
    let type = ScalarPrinter.type(variable.type.scalar)
    add("\(qualifier)\(type) \(scalars.names.identifier(variable.name)) = \(try scalars.text(value));")
  }

  // MARK: Vector instructions

  private mutating func add(_ instruction: VectorInstruction) throws {
    let destination = try text(instruction.destination)
    var sources: [String] = []
    for source in instruction.sources { sources.append(try text(source)) }
    let scalar = try instruction.scalar.map { try typed($0, instruction.destination.element) }
    let count = "\(instruction.count)"
    let whole = "\(VectorInstruction.wholeRepeats(instruction.count))"
    let arguments = [destination] + sources + [scalar].compactMap { $0 }
    if !instruction.spread.isEmpty { return try add(repeating: instruction, arguments) }
    switch instruction.operation {
    case .add: call("Add", arguments + [count])
    case .subtract: call("Sub", arguments + [count])
    case .multiply: call("Mul", arguments + [count])
    case .addScalar: call("Adds", arguments + [count])
    case .multiplyScalar: call("Muls", arguments + [count])
    case .maximum: call("Max", arguments + [count])
    case .minimum: call("Min", arguments + [count])
    case .maximumScalar: call("Maxs", arguments + [count])
    case .minimumScalar: call("Mins", arguments + [count])
    case .and: call("And", arguments + [count])
    case .or: call("Or", arguments + [count])
    case .not: call("Not", arguments + [count])
    case .shiftLeft(let amount): call("ShiftLeft", arguments + [shift(amount, instruction), count])
    case .shiftRight(let amount): call("ShiftRight", arguments + [shift(amount, instruction), count])
    case .duplicate: call("Duplicate", arguments + [count])
    case .cast(let mode): call("Cast", arguments + ["RoundMode::\(mode.rawValue)", count])
    case .compare(let comparison): call("Compare", arguments + ["CMPMODE::\(Self.name(comparison))", whole])
    case .compareScalar(let comparison):
      let value = try typed(instruction.scalar!, instruction.sources[0].element)
      call("CompareScalar", [destination, sources[0], value, "CMPMODE::\(Self.name(comparison))", whole])
    case .select: call("Select", arguments + ["SELMODE::VSEL_TENSOR_TENSOR_MODE", whole])
    case .selectScalar: call("Select", arguments + ["SELMODE::VSEL_TENSOR_SCALAR_MODE", whole])
    case .gather:
      call(
        "Gather", [destination] + sources + ["(uint32_t)(\(try scalars.text(instruction.scalar!)))", count])
    case .broadcastBlocks: call("Brcb", arguments + ["\(instruction.count / 64)", "BrcbRepeatParams(1, 8)"])
    case .repeatBlock:
      let (mask, repeats) = instruction.count < 64 ? (instruction.count, 1) : (64, instruction.count / 64)
      call("Copy", arguments + ["\(mask)", "\(repeats)", "CopyRepeatParams(1, 0, 8, 0)"])
    case .maskedCopy:
      let bits = try scalars.text(instruction.scalar!)
      add("uint64_t lanes_\(lines.count)[2] = {(uint64_t)(\(bits)), 0};")
      call(
        "Copy", [destination] + sources + ["lanes_\(lines.count - 1)", "1", "CopyRepeatParams(1, 1, 8, 8)"])
    case .copy:
      let perBlock = Ascend.block / instruction.destination.element.byteCount
      call("DataCopy", arguments + ["\((instruction.count + perBlock - 1) / perBlock * perBlock)"])
    case .laneNumbers: call("CreateVecIndex", arguments + [count])
    }
  }

  /// By repeats: an operand that is spread does not go on from block to block, or from repeat to repeat.
  private mutating func add(repeating instruction: VectorInstruction, _ arguments: [String]) throws {
    let lanes = instruction.lanesOfRepeat
    let strides = instruction.sources.indices.suffix(2).map { Self.strides(instruction.spread[$0]) }
    let all = [1] + strides.map(\.block) + [8] + strides.map(\.repeat)
    let shape = [
      "\(lanes)", "\(instruction.count / lanes)",
      "BinaryRepeatParams(\(all.map(String.init).joined(separator: ", ")))",
    ]
    switch instruction.operation {
    case .add: call("Add", arguments + shape)
    case .subtract: call("Sub", arguments + shape)
    case .multiply: call("Mul", arguments + shape)
    case .maximum: call("Max", arguments + shape)
    case .minimum: call("Min", arguments + shape)
    case .and: call("And", arguments + shape)
    case .or: call("Or", arguments + shape)
    case .compare(let comparison): call("Compare", arguments + ["CMPMODE::\(Self.name(comparison))"] + shape)
    case .select: call("Select", arguments + ["SELMODE::VSEL_TENSOR_TENSOR_MODE"] + shape)
    default: preconditionFailure("no operand of \(instruction.operation) is one repeat")
    }
  }

  /// How many blocks lie between an operand's blocks of a repeat, and between repeats.
  private static func strides(_ spread: OperandSpread?) -> (block: Int, repeat: Int) {
    switch spread {
    case nil: (1, 8)
    case .oneRepeat: (1, 0)
    case .oneBlock: (0, 0)
    case .blockOfRepeat: (0, 1)
    case .everyOtherRepeat: (1, 16)
    }
  }

  private func shift(_ amount: Int, _ instruction: VectorInstruction) -> String {
    "(\(Self.type(instruction.destination.element)))\(amount)"
  }

  /// A scalar operand as the element type that the instruction works on.
  private mutating func typed(_ scalar: Expression, _ element: LocalElement) throws -> String {
    if scalar.type.scalar == .f32 { return try scalars.text(scalar) }
    return CExpression.cast(Self.type(element), try scalars.print(scalar)).flat
  }

  private static func name(_ comparison: Comparison) -> String {
    switch comparison {
    case .equal: "EQ"
    case .notEqual: "NE"
    case .less: "LT"
    case .lessOrEqual: "LE"
    case .greater: "GT"
    case .greaterOrEqual: "GE"
    }
  }
}
