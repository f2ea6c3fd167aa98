import MachineIR
import TileIR

/// Loops whose rounds do the same to rows that lie one behind the other, as one round of all rows: an instruction of many
/// lanes waits for the one before as long as an instruction of few, and a copy of many rows as long as one of a row.
///
/// All rows that there may be are computed, and those that there are copied.
extension PipeLowering {
  /// The statements in the place of a loop; nil where its rounds are not alike enough, or take more room than is good.
  /// `own`: tensors that its body alone uses.
  func widened(_ loop: PipeLoop, own: Set<String>) -> [PipeStatement]? {
    guard !isSparing, loop.step.constantValue == 1, loop.lower.constantValue == 0,
      let rows = mostOf(loop.upper), (2...Self.mostRowsAtOnce).contains(rows)
    else { return nil }
    var widening = LoopWidening(loop, rows: rows, own: own, self)
    guard var statements = widening.run() else { return nil }
    var atOnce = rows
    if more(widening, rows) > Self.mostWidened {
      guard !widening.copies, loop.upper.constantValue == rows,
        let part = [1, 2, 4, 8].map({ rows / $0 }).first(where: {
          $0 > 1 && rows % $0 == 0 && more(widening, $0) <= Self.mostWidenedInParts
        })
      else { return nil }
      let first = Variable(unique(loop.counter.name), .index)
      widening = LoopWidening(
        PipeLoop(
          loop.counter, from: .variable(first), to: .variable(first) + .constant(part), step: loop.step, loop.body),
        rows: part, own: own, self)
      statements = [
        .loop(
          PipeLoop(first, from: .constant(0), to: .constant(rows), step: .constant(part), widening.run()!))
      ]
      atOnce = part
    }
    for (name, pitch) in widening.pitches {
      let tensor = tensors[name]!
      tensors[name] = LocalTensor(name, tensor.element, count: atOnce * pitch / tensor.element.byteCount, byteAddress: 0)
    }
    return statements
  }
  private static let mostRowsAtOnce = 64
  /// Bytes that tensors may become longer by; those of parts of a loop, of which few are needed at once.
  private static let mostWidened = 96 << 10
  private static let mostWidenedInParts = 512 << 10

  private func more(_ widening: LoopWidening, _ rows: Int) -> Int {
    widening.pitches.reduce(0) { $0 + rows * $1.value - tensors[$1.key]!.byteCount }
  }
}

/// One loop: what its statements touch, row by row.
private struct LoopWidening {
  let loop: PipeLoop
  let rows: Int
  let own: Set<String>
  let lowering: PipeLowering
  /// Bytes of a row of each tensor of the body's own.
  private(set) var pitches: [String: Int] = [:]
  /// Tensors of which all rounds read the same place.
  private var fixed: Set<String> = []
  /// Whether there are copies of main memory, and whether rows are filled with a constant.
  private(set) var copies = false
  private var fills = false
  /// Where rounds read every other repeat of a tensor: no later round reads what one has written at its own number.
  private var everyOther: [String: [Expression]] = [:]
  /// Where rows of the other tensors begin, and whether they are written.
  private var places: [String: (offset: Expression, pitch: Int, isWritten: Bool)] = [:]

  init(_ loop: PipeLoop, rows: Int, own: Set<String>, _ lowering: PipeLowering) {
    (self.loop, self.rows, self.own, self.lowering) = (loop, rows, own, lowering)
  }

  mutating func run() -> [PipeStatement]? {
    var (copiesIn, work, copiesOut) = ([PipeStatement](), [PipeStatement](), [PipeStatement]())
    var buffers: Set<String> = []
    for statement in loop.body {
      switch statement {
      case .note: work.append(statement)
      case .vector(let instruction):
        guard let wide = widened(instruction) else { return nil }
        work.append(.vector(wide))
      case .copyIn, .copyOut, .branch:
        guard let (copy, condition) = statement.copy, condition.map(isFixed) ?? true, let wide = widened(copy),
          buffers.insert(copy.buffer).inserted
        else { return nil }
        // Of rows nothing says that there is one.
        var guarded: PipeStatement = statement.isCopyIn ? .copyIn(wide) : .copyOut(wide)
        for condition in [condition, loop.upper.compared(.greater, .constant(0))].compactMap({ $0 }) {
          guarded = .branch(condition, [guarded], [])
        }
        if statement.isCopyIn { copiesIn.append(guarded) } else { copiesOut.append(guarded) }
        copies = true
      default: return nil
      }
    }
    return copies && fills ? nil : copiesIn + work + copiesOut
  }

  private func isFixed(_ expression: Expression) -> Bool { !expression.variables.contains(loop.counter) }

  /// A view of all rows, of whose each `bytes` are touched; nil where they do not lie one behind the other.
  private mutating func widened(_ view: LocalView, bytes: Int, isWritten: Bool) -> LocalView? {
    // The next round would find what this one has written.
    if isWritten, fixed.contains(view.tensor) { return nil }
    if own.contains(view.tensor) {
      guard view.offset.constantValue == 0, pitches[view.tensor] ?? bytes == bytes else { return nil }
      // What is not written in each round before it is read is not the body's own.
      guard isWritten || pitches[view.tensor] != nil else { return nil }
      pitches[view.tensor] = bytes
      return view
    }
    let width = view.element.byteCount
    guard let step = view.offset.steps(of: loop.counter)?.constantValue, step * width == bytes else { return nil }
    let offset = view.offset.replacing(loop.counter, with: loop.lower)
    if let others = everyOther[view.tensor] {
      let next = offset + .constant(bytes / width)
      guard isWritten, places[view.tensor] == nil, others.allSatisfy({ $0 == offset || $0 == next }) else { return nil }
    }
    if let known = places[view.tensor] {
      // Another place of a tensor that is written may be another row's.
      guard !isWritten && !known.isWritten || known.offset == offset && known.pitch == bytes else { return nil }
    }
    places[view.tensor] = (offset, bytes, isWritten || places[view.tensor]?.isWritten ?? false)
    return LocalView(view.tensor, view.element, offset: offset)
  }

  private mutating func widened(_ instruction: VectorInstruction) -> VectorInstruction? {
    guard instruction.operation.isLanewise, instruction.scalar.map(isFixed) ?? true,
      let lanes = lanes(of: instruction)
    else { return nil }
    var (sources, spread) = ([LocalView](), [Int: OperandSpread]())
    for (position, source) in instruction.sources.enumerated() {
      let bytes = instruction.bytesRead[position]!
      switch instruction.spread[position] {
      case .oneRepeat where isFixed(source.offset), .oneBlock where isFixed(source.offset):
        guard places[source.tensor]?.isWritten != true, !own.contains(source.tensor) else { return nil }
        fixed.insert(source.tensor)
        spread[position] = instruction.spread[position]
        sources.append(source)
      case .oneBlock:
        // Each row has a block of its own, the next after the one before.
        let step = source.offset.steps(of: loop.counter)?.constantValue
        guard lanes == instruction.lanesOfRepeat, step == Ascend.block / source.element.byteCount,
          let wide = widened(source, bytes: Ascend.block, isWritten: false)
        else { return nil }
        spread[position] = .blockOfRepeat
        sources.append(wide)
      case nil where bytes == Ascend.repeatBytes && lowering.isConstant(source):
        spread[position] = .oneRepeat
        sources.append(source)
      case nil where bytes == Ascend.repeatBytes && isOfEveryOther(source):
        guard places[source.tensor] == nil else { return nil }
        let offset = source.offset.replacing(loop.counter, with: loop.lower)
        everyOther[source.tensor, default: []].append(offset)
        spread[position] = .everyOtherRepeat
        sources.append(LocalView(source.tensor, source.element, offset: offset))
      case nil:
        guard let wide = widened(source, bytes: bytes, isWritten: false) else { return nil }
        sources.append(wide)
      default: return nil
      }
    }
    guard let destination = widened(instruction.destination, bytes: instruction.bytesWritten, isWritten: true) else {
      return nil
    }
    // A constant has the same in all blocks.
    if instruction.operation == .copy, spread[0] == .oneRepeat {
      fills = true
      return VectorInstruction(.repeatBlock, destination, sources, count: rows * instruction.count)
    }
    let wide = VectorInstruction(
      instruction.operation, destination, sources, count: rows * instruction.count, scalar: instruction.scalar,
      spread: spread)
    return spread.isEmpty || wide.maySpread ? wide : nil
  }

  /// Whether rounds read every other repeat.
  private func isOfEveryOther(_ view: LocalView) -> Bool {
    let step = view.offset.steps(of: loop.counter)?.constantValue
    return !own.contains(view.tensor) && step == 2 * Ascend.repeatBytes / view.element.byteCount
  }

  /// The lanes of a row, whole repeats of words or the halves of such; nil where a row has others.
  private func lanes(of instruction: VectorInstruction) -> Int? {
    let widths = ([instruction.destination] + instruction.sources).map(\.element.byteCount)
    let isOfTruth = instruction.destination.element == .uint8 || instruction.count % 64 != 0
    // Truth values are bits: whole repeats of lanes have whole bytes of them, and halves of words.
    if isOfTruth, widths.allSatisfy({ $0 == 2 }) { return instruction.count % 4 == 0 ? instruction.count : nil }
    return instruction.count % 64 == 0 ? instruction.count : nil
  }

  private mutating func widened(_ copy: PipeCopy) -> PipeCopy? {
    let width = copy.local.element.byteCount
    let pitch = copy.most * width
    guard copy.rows == nil, isFixed(copy.count), pitch % Ascend.block == 0,
      let steps = copy.offset.steps(of: loop.counter), let stride = lowering.rowStride(steps, of: copy.buffer),
      copy.element.stored == copy.local.element || copy.element.stored.byteCount == width
    else { return nil }
    // A row of fewer elements may be followed by the next one's place alone.
    let isIn = own.contains(copy.local.tensor) && pitches[copy.local.tensor] == nil
    guard let local = widened(copy.local, bytes: pitches[copy.local.tensor] ?? pitch, isWritten: isIn) else { return nil }
    let rowBytes = pitches[copy.local.tensor] ?? pitch
    guard rowBytes % Ascend.block == 0, rowBytes >= pitch else { return nil }
    let all = PipeCopy.Rows(
      loop.counter, from: loop.lower, to: loop.upper, most: rows, stride: stride, pitch: rowBytes / width)
    return PipeCopy(
      buffer: copy.buffer, copy.element, offset: copy.offset.replacing(loop.counter, with: loop.lower), local: local,
      count: copy.count, most: copy.most, rows: all)
  }
}

extension PipeStatement {
  /// A copy, with the condition that it may stand under.
  fileprivate var copy: (PipeCopy, Expression?)? {
    switch self {
    case .copyIn(let copy), .copyOut(let copy): (copy, nil)
    case .branch(let condition, let then, []) where then.count == 1:
      then[0].copy.flatMap { $0.1 == nil ? ($0.0, condition) : nil }
    default: nil
    }
  }

  fileprivate var isCopyIn: Bool {
    switch self {
    case .copyIn: true
    case .branch(_, let then, _): then[0].isCopyIn
    default: false
    }
  }
}

extension VectorOperation {
  /// Whether each lane of the result is made of the same lane of operands.
  fileprivate var isLanewise: Bool {
    switch self {
    case .gather, .broadcastBlocks, .repeatBlock, .maskedCopy, .laneNumbers: false
    default: true
    }
  }
}

extension Expression {
  /// The scalar unit's expression with another for a variable.
  fileprivate func replacing(_ variable: Variable, with value: Expression) -> Expression {
    switch self {
    case .variable(variable): value
    case .apply(.add, let operands, _) where type == .index:
      operands[0].replacing(variable, with: value) + operands[1].replacing(variable, with: value)
    case .apply(.multiply, let operands, _) where type == .index:
      operands[0].replacing(variable, with: value) * operands[1].replacing(variable, with: value)
    case .apply(let instruction, let operands, let type):
      .apply(instruction, operands.map { $0.replacing(variable, with: value) }, type)
    default: self
    }
  }
}
