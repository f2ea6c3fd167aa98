import MachineIR
import TileIR

/// Finds the places of a fault of single statements, in lists and what they hold, and puts it into one.
struct PipeStatementEditor {
  let fault: PipeFault
  /// The site at which the fault is put; nil counts alone.
  let target: Int?
  private(set) var sites = 0
  private(set) var place = ""
  private var location: SourceLocation?

  init(_ fault: PipeFault, at target: Int?) {
    self.fault = fault
    self.target = target
  }

  mutating func edit(_ list: [PipeStatement]) -> [PipeStatement] {
    var result = list
    for index in list.indices {
      if case .note(_, let own?) = list[index] { location = own }
      if let (changed, what) = change(list, at: index) {
        defer { sites += 1 }
        if sites == target {
          place = "\(what)\(location.map { " at \($0)" } ?? "")"
          return changed
        }
      }
      switch list[index] {
      case .loop(var loop):
        loop.body = edit(loop.body)
        result[index] = .loop(loop)
      case .branch(let condition, let then, let otherwise):
        let first = edit(then)
        result[index] = .branch(condition, first, edit(otherwise))
      default: break
      }
    }
    return result
  }

  /// The list with the fault at a statement and what that is; nil where it does not fit.
  private func change(_ list: [PipeStatement], at index: Int) -> ([PipeStatement], String)? {
    let statement = list[index]
    let replaced: [PipeStatement]?
    switch (fault, statement) {
    case (.dropSet, .set), (.dropWait, .wait), (.dropBarrier, .barrier): replaced = []
    case (.doubleSet, .set), (.doubleWait, .wait): replaced = [statement, statement]
    case (.hastenSet, .set), (.hastenWait, .wait): return moved(list, index, by: -1)
    case (.delayWait, .wait), (.delaySet, .set), (.delayBarrier, .barrier): return moved(list, index, by: 1)
    case (.swapEvents, .set), (.swapEvents, .wait): return swapped(list, index)
    case (.dropGuard, .branch(_, let then, [])) where then.contains(where: \.isCopy): replaced = then
    case (.dropCopy, .copyIn), (.dropCopy, .copyOut): replaced = []
    case (.dropCopy, .cube(let instruction)) where instruction.buffer != nil: replaced = []
    case (.moveCopy, .cube(let instruction)): replaced = instruction.further.map { [.cube($0)] }
    case (_, .copyIn(let copy)): replaced = copy.changed(fault).map { [.copyIn($0)] }
    case (_, .copyOut(let copy)): replaced = copy.changed(fault).map { [.copyOut($0)] }
    case (_, .vector(let instruction)): replaced = changed(instruction).map { [.vector($0)] }
    case (_, .cube(let instruction)): replaced = changed(instruction).map { [.cube($0)] }
    default: replaced = nil
    }
    guard let replaced, replaced != [statement] else { return nil }
    return (Array(list[..<index]) + replaced + Array(list[(index + 1)...]), "\(statement.summary)")
  }

  /// With the statement on the other side of its neighbour, which is none of synchronisation itself.
  private func moved(_ list: [PipeStatement], _ index: Int, by step: Int) -> ([PipeStatement], String)? {
    var other = index + step
    while list.indices.contains(other), list[other].isNote { other += step }
    guard list.indices.contains(other) else { return nil }
    var changed = list
    changed.remove(at: index)
    changed.insert(list[index], at: other)
    return (changed, list[index].summary)
  }

  /// With the event that the next statement of the kind has, of the same pair.
  private func swapped(_ list: [PipeStatement], _ index: Int) -> ([PipeStatement], String)? {
    func event(_ statement: PipeStatement) -> PipeEvent? {
      switch (statement, list[index]) {
      case (.set(let event), .set), (.wait(let event), .wait): event
      default: nil
      }
    }
    let own = event(list[index])!
    let next = list.indices.dropFirst(index + 1).first {
      event(list[$0]).map { $0 != own && $0.from == own.from && $0.to == own.to } ?? false
    }
    guard let next else { return nil }
    var changed = list
    changed.swapAt(index, next)
    return (changed, "\(list[index].summary) and \(list[next].summary)")
  }

  // MARK: Instructions

  private func changed(_ instruction: VectorInstruction) -> VectorInstruction? {
    switch fault {
    case .shiftView:
      guard let source = instruction.sources.first else {
        return instruction.with(destination: instruction.destination.shifted)
      }
      return instruction.with(sources: [source.shifted] + instruction.sources.dropFirst())
    case .emptyInstruction: return instruction.with(count: 0)
    case .doubleLanes: return instruction.with(count: 2 * instruction.count)
    case .overflowRepeats:
      switch instruction.operation {
      case .repeatBlock: return instruction.with(count: 64 * 256)
      case .maskedCopy: return instruction.with(count: 72)
      default: return nil
      }
    default: return nil
    }
  }

  private func changed(_ instruction: CubeInstruction) -> CubeInstruction? {
    guard fault == .overflowMatrix || fault == .splitFractal else { return nil }
    func size(_ value: Int) -> Int { fault == .overflowMatrix ? 65536 : value - 8 }
    return switch instruction {
    case .stage(let to, let buffer, let offset, let lines, let depth):
      .stage(to, buffer: buffer, offset: offset, lines: size(lines), depth: depth)
    case .stageLines(let staged): .stageLines(staged.with(lines: size(staged.lines)))
    case .loadTurned(let to, let from, let columns, let depth):
      .loadTurned(to, from: from, columns: size(columns), depth: depth)
    case .loadLeft(let to, let from, let lines, let depth):
      .loadLeft(to, from: from, lines: size(lines), depth: depth)
    case .loadRight(let to, let from, let lines, let depth):
      .loadRight(to, from: from, lines: size(lines), depth: depth)
    case .multiply(let sums, let left, let right, let rows, let columns, let depth, let clears):
      .multiply(
        sums, left: left, right: right, rows: size(rows), columns: columns, depth: depth, clears: clears)
    case .drain(let buffer, let offset, let from, let rows, let columns):
      .drain(buffer: buffer, offset: offset, from: from, rows: size(rows), columns: columns)
    }
  }
}

extension PipeStatement {
  fileprivate var isNote: Bool { if case .note = self { true } else { false } }
  fileprivate var isCopy: Bool {
    switch self {
    case .copyIn, .copyOut: true
    default: false
    }
  }

  /// What it is, in a few words.
  fileprivate var summary: String {
    switch self {
    case .set(let event): "raising \(event.name)"
    case .wait(let event): "waiting for \(event.name)"
    case .barrier(let pipe): "barrier of \(pipe?.rawValue ?? "all")"
    case .copyIn(let copy): "copy to \(copy.local.tensor)"
    case .copyOut(let copy): "copy of \(copy.local.tensor)"
    case .vector(let instruction): "\(instruction.operation) to \(instruction.destination.tensor)"
    case .cube(let instruction): "an instruction of \(instruction.pipe.rawValue)"
    case .branch: "a branch"
    default: "a statement"
    }
  }
}

extension PipeCopy {
  private func with(
    count: Expression? = nil, most: Int? = nil, offset: Expression? = nil, rows: PipeCopy.Rows? = nil
  ) -> PipeCopy {
    PipeCopy(
      buffer: buffer, element, offset: offset ?? self.offset, local: local, count: count ?? self.count,
      most: most ?? self.most, rows: rows ?? self.rows)
  }
  private func with(upper: Expression? = nil, most: Int? = nil, stride: Expression? = nil) -> PipeCopy? {
    guard let rows else { return nil }
    return with(
      rows: Rows(
        rows.counter, from: rows.lower, to: upper ?? rows.upper, most: most ?? rows.most,
        stride: stride ?? rows.stride, pitch: rows.pitch))
  }
  /// With a fault; nil where it does not fit.
  fileprivate func changed(_ fault: PipeFault) -> PipeCopy? {
    switch fault {
    // All that it ever takes, where it does not always.
    case .unmaskTail:
      if count.constantValue == nil { return with(count: .constant(most)) }
      guard let rows, rows.count.constantValue == nil else { return nil }
      return with(upper: rows.lower + .constant(rows.most))
    case .moveCopy: return with(offset: offset + .constant(1))
    case .lengthenCopy: return with(count: .constant(most + 1), most: most + 1)
    case .overflowCopy:
      let count = Self.mostBytes / local.element.byteCount + 1
      return with(count: .constant(count), most: count)
    case .spreadRows: return rows.flatMap { with(stride: $0.stride + .constant(1)) }
    case .overflowRows:
      return rows.flatMap { with(upper: $0.lower + .constant(Self.mostRows + 1), most: Self.mostRows + 1) }
    default: return nil
    }
  }
}

extension CubeInstruction {
  /// From or to main memory one element further; nil for what stays on chip.
  fileprivate var further: CubeInstruction? {
    switch self {
    case .stage(let to, let buffer, let offset, let lines, let depth):
      .stage(to, buffer: buffer, offset: offset + .constant(1), lines: lines, depth: depth)
    case .stageLines(let staged): .stageLines(staged.with(offset: staged.offset + .constant(1)))
    case .drain(let buffer, let offset, let from, let rows, let columns):
      .drain(buffer: buffer, offset: offset + .constant(1), from: from, rows: rows, columns: columns)
    case .loadLeft, .loadRight, .loadTurned, .multiply: nil
    }
  }
}

extension StagedLines {
  fileprivate func with(lines: Int? = nil, offset: Expression? = nil) -> StagedLines {
    StagedLines(
      to, from: buffer, at: offset ?? self.offset, of: counter, lines: lines ?? self.lines, slices: slices,
      depth: depth)
  }
}

extension VectorInstruction {
  fileprivate func with(
    destination: LocalView? = nil, sources: [LocalView]? = nil, count: Int? = nil
  ) -> VectorInstruction {
    VectorInstruction(
      operation, destination ?? self.destination, sources ?? self.sources, count: count ?? self.count,
      scalar: scalar, spread: spread)
  }
}

extension LocalView {
  fileprivate var shifted: LocalView { LocalView(tensor, element, offset: offset + .constant(1)) }
}
