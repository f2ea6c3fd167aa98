import MachineIR

/// Tensors within their memories, and instructions within their tensors.
enum PipePlacement {
  static func faults(of kernel: PipeKernel, capacity: (LocalMemory) -> Int) -> [PipeProof.Fault] {
    var faults: [PipeProof.Fault] = []
    var divisors = PipeDivisors()
    func fail(_ message: String) { faults.append(PipeProof.Fault(message: message, location: nil)) }
    for tensor in kernel.tensors.values.sorted(by: { $0.name < $1.name }) {
      if tensor.byteAddress % tensor.memory.alignment != 0 {
        fail(
          "\(tensor.name) begins at byte \(tensor.byteAddress), which is no multiple of \(tensor.memory.alignment)"
        )
      }
      let capacity = capacity(tensor.memory)
      if tensor.byteAddress < 0 || tensor.bytes.upperBound > capacity {
        fail(
          "\(tensor.name) ends at byte \(tensor.bytes.upperBound) of a \(tensor.memory.rawValue) of \(capacity)"
        )
      }
    }
    func check(_ view: LocalView, _ bytes: Int?, alignment: Int? = nil) {
      guard let tensor = kernel.tensors[view.tensor] else { return fail("\(view.tensor) has no place") }
      guard let offset = view.offset.constantValue else {
        // What the scalar unit computes is within its array by the proof of the plan.
        if divisors.of(view.offset) * view.element.byteCount % (alignment ?? tensor.memory.alignment) != 0 {
          fail("a view of \(view.tensor) may begin within a block")
        }
        return
      }
      let first = offset * view.element.byteCount
      if first % (alignment ?? tensor.memory.alignment) != 0 {
        fail("a view of \(view.tensor) begins within a block, at byte \(first)")
      }
      guard let bytes else { return }
      if first < 0 || first + bytes > tensor.byteCount {
        fail("bytes \(first) to \(first + bytes) of \(view.tensor), which has \(tensor.byteCount)")
      }
    }
    // How far tensors are filled, in bytes. Arrays are filled element by element, which is part of the proof of the plan.
    // Those of each cell of a group are filled as a single cell's.
    let arrays = kernel.source.scratch.map(\.name)
    let ofGroups = kernel.groups?.names.flatMap { names in arrays.compactMap { names[$0] } } ?? []
    var filled = Dictionary(uniqueKeysWithValues: (arrays + ofGroups).map { ($0, Int.max) })
    func fill(_ written: LocalView?, _ bytes: Int? = nil, of read: [LocalView]) {
      for view in read where filled[view.tensor] == nil { fail("\(view.tensor) is read where nothing fills it") }
      guard let written else { return }
      let end = bytes.flatMap { bytes in written.offset.constantValue.map { $0 * written.element.byteCount + bytes } }
      filled[written.tensor] = max(filled[written.tensor] ?? 0, end ?? .max)
    }
    // Lanes that hold anything would be read from anywhere.
    func checkPlaces(of instruction: VectorInstruction) {
      guard instruction.operation == .gather, instruction.sources.count == 2 else { return }
      let places = instruction.sources[1]
      guard let first = places.offset.constantValue, let end = filled[places.tensor] else { return }
      if (first + instruction.count) * places.element.byteCount > end {
        fail("lanes are gathered from places that nothing fills, those of \(places.tensor)")
      }
    }
    // Flags are a group's: no two events may be one.
    var flags: [Int: Set<PipeEvent>] = [:]
    func walk(_ statements: [PipeStatement]) {
      for statement in statements {
        switch statement {
        case .vector(let instruction):
          checkPlaces(of: instruction)
          fill(instruction.destination, instruction.bytesWritten, of: instruction.sources)
        case .copyIn(let copy): fill(copy.local, of: [])
        case .copyOut(let copy): fill(nil, of: [copy.local])
        case .cube(let instruction): fill(instruction.write?.view, of: instruction.reads.map(\.view))
        case .read(_, let view): fill(nil, of: [view])
        case .write(let view, _): fill(view, of: [])
        default: break
        }
        switch statement {
        case .vector(let instruction):
          check(instruction.destination, instruction.bytesWritten)
          for (view, bytes) in zip(instruction.sources, instruction.bytesRead) { check(view, bytes) }
          checkShape(instruction)
        case .copyIn(let copy), .copyOut(let copy):
          // A copy in writes whole blocks.
          check(copy.local, copy.byteCount(isWhole: statement.isCopyIn))
          checkShape(copy)
        case .cube(let instruction):
          faults += CubePlacement.faults(of: instruction, { check($0, $1) }, kernel)
        case .read(_, let view), .write(let view, _):
          check(view, view.element.byteCount, alignment: view.element.byteCount)
        case .define(let variable, let value): divisors.define(variable, value)
        case .loop(let loop):
          divisors.count(loop)
          walk(loop.body)
        case .branch(_, let then, let otherwise): walk(then + otherwise)
        case .set(let event), .wait(let event):
          if !CubePlacement.isThere(event) {
            fail("there is no event \(event.from.rawValue)_\(event.to.rawValue) \(event.number)")
          }
          if event.isAcross { flags[event.flag, default: []].insert(event) }
        default: break
        }
      }
    }
    func checkShape(_ copy: PipeCopy) {
      let bytes = copy.most * copy.local.element.byteCount
      if bytes > PipeCopy.mostBytes { fail("a copy of \(bytes) bytes, of which one may have \(PipeCopy.mostBytes)") }
      guard let rows = copy.rows else { return }
      if rows.most > PipeCopy.mostRows { fail("a copy of \(rows.most) rows, of which one may have \(PipeCopy.mostRows)") }
      if rows.pitch * copy.local.element.byteCount % Ascend.block != 0 {
        fail("rows of \(copy.local.tensor) begin within a block")
      }
      if rows.pitch < copy.most { fail("rows of \(copy.local.tensor) lie over each other") }
    }
    func checkShape(_ instruction: VectorInstruction) {
      if ([instruction.destination] + instruction.sources).contains(where: { $0.element == .int64 }) {
        fail("an instruction of the vector unit on elements of 64 bits")
      }
      if instruction.count < 1 { fail("an instruction of \(instruction.count) lanes") }
      if !instruction.spread.isEmpty, !instruction.maySpread {
        fail("one repeat or block of an operand for \(instruction.count) lanes, which are no number of repeats up to 255")
      }
      if [.repeatBlock, .broadcastBlocks].contains(instruction.operation),
        instruction.count > 64 || instruction.operation == .broadcastBlocks,
        instruction.count % 64 != 0 || instruction.count / 64 > VectorInstruction.mostRepeats
      {
        fail(
          "blocks are repeated over \(instruction.count) lanes, which is no number of repeats up to "
            + "\(VectorInstruction.mostRepeats)")
      }
      if case .maskedCopy = instruction.operation, instruction.count > 64 {
        fail("a masked copy beyond one repeat")
      }
    }
    walk(kernel.body)
    for (flag, events) in flags.sorted(by: { $0.key < $1.key }) where events.count > 1 {
      let pipes = events.map { "\($0.from.rawValue)_\($0.to.rawValue)" }.sorted()
      fail("flag \(flag) is that of \(pipes.joined(separator: " and of "))")
    }
    if kernel.part(of: .cube) == nil { fail("the cube core needs what the vector core computes") }
    return faults
  }
}

extension PipeStatement {
  fileprivate var isCopyIn: Bool { if case .copyIn = self { true } else { false } }
}
