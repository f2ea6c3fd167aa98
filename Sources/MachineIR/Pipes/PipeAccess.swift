import TileIR

/// One touch of memory by an instruction.
public struct PipeAccess: Hashable, Sendable {
  public enum Place: Hashable, Sendable {
    /// Bytes on chip, of all memories.
    case local(Range<Int>)
    /// A buffer in main memory, anywhere.
    case buffer(BufferSource)
  }
  public let pipe: Pipe
  public let place: Place
  public let isWrite: Bool

  /// Whether the two must not happen at the same time.
  public func conflicts(with other: PipeAccess) -> Bool {
    guard isWrite || other.isWrite else { return false }
    switch (place, other.place) {
    case (.local(let a), .local(let b)): return a.overlaps(b)
    case (.buffer(let a), .buffer(let b)):
      // No two stores of a kernel meet in main memory: that is proved of the plan.
      return a == b && isWrite != other.isWrite
    default: return false
    }
  }
}

extension PipeKernel {
  /// What one statement touches; nothing for loops, branches and events.
  public func accesses(of statement: PipeStatement) -> [PipeAccess] {
    switch statement {
    case .vector(let instruction):
      let reads = zip(instruction.sources, instruction.bytesRead).map { view, bytes in
        access(.vector, view, bytes, isWrite: false)
      }
      return reads + [access(.vector, instruction.destination, instruction.bytesWritten, isWrite: true)]
        + scalarReads(instruction.scalar)
    case .copyIn(let copy):
      return [
        access(.copyIn, copy.local, copy.byteCount(isWhole: true), isWrite: true),
        PipeAccess(pipe: .copyIn, place: .buffer(source(of: copy.buffer)), isWrite: false),
      ] + copy.operands.flatMap(scalarReads)
    case .copyOut(let copy):
      return [
        access(.copyOut, copy.local, copy.byteCount(isWhole: false), isWrite: false),
        PipeAccess(pipe: .copyOut, place: .buffer(source(of: copy.buffer)), isWrite: true),
      ] + copy.operands.flatMap(scalarReads)
    case .cube(let instruction): return accesses(of: instruction)
    case .read(_, let view):
      return [access(.scalar, view, view.element.byteCount, isWrite: false)] + scalarReads(view.offset)
    case .write(let view, let value):
      return [access(.scalar, view, view.element.byteCount, isWrite: true)] + scalarReads(view.offset)
        + scalarReads(value)
    case .define(_, let value), .declare(_, let value), .assign(_, let value):
      return scalarReads(value)
    case .branch(let condition, _, _): return scalarReads(condition)
    case .loop(let loop): return scalarReads(loop.lower) + scalarReads(loop.upper)
    case .leave, .set, .wait, .barrier, .note: return []
    }
  }

  private func accesses(of instruction: CubeInstruction) -> [PipeAccess] {
    var found = instruction.reads.map { access(instruction.pipe, $0.view, $0.bytes, isWrite: false) }
    if let write = instruction.write {
      found.append(access(instruction.pipe, write.view, write.bytes, isWrite: true))
    }
    if let buffer = instruction.buffer {
      let place = PipeAccess.Place.buffer(source(of: buffer.name))
      found.append(PipeAccess(pipe: instruction.pipe, place: place, isWrite: buffer.isWrite))
      found += buffer.offset.loadedBuffers.map {
        PipeAccess(pipe: .cubeScalar, place: .buffer(source(of: $0)), isWrite: false)
      }
    }
    return found
  }

  private func source(of buffer: String) -> BufferSource {
    source.buffers.first { $0.name == buffer }!.source
  }

  private func access(_ pipe: Pipe, _ view: LocalView, _ byteCount: Int?, isWrite: Bool) -> PipeAccess {
    let tensor = tensors[view.tensor]!
    guard let byteCount, let offset = view.offset.constantValue else {
      return PipeAccess(pipe: pipe, place: .local(tensor.place), isWrite: isWrite)
    }
    let first = tensor.place.lowerBound + offset * view.element.byteCount
    return PipeAccess(pipe: pipe, place: .local(first..<first + byteCount), isWrite: isWrite)
  }

  private func scalarReads(_ expression: Expression?) -> [PipeAccess] {
    guard let expression else { return [] }
    return expression.loadedBuffers.map {
      PipeAccess(pipe: .scalar, place: .buffer(source(of: $0)), isWrite: false)
    }
  }
}

extension Expression {
  /// Names of the buffers that it loads from.
  public var loadedBuffers: Set<String> {
    switch self {
    case .load(let access, _, let active):
      access.offset.loadedBuffers.union(active?.loadedBuffers ?? []).union([access.buffer])
    case .gather(let access, let lanes, _, let active):
      access.offset.loadedBuffers.union(lanes.loadedBuffers).union(active?.loadedBuffers ?? [])
        .union([access.buffer])
    case .apply(_, let operands, _): operands.reduce(into: []) { $0.formUnion($1.loadedBuffers) }
    case .broadcast(let value, _): value.loadedBuffers
    case .conditional(let condition, let a, let b):
      condition.loadedBuffers.union(a.loadedBuffers).union(b.loadedBuffers)
    case .element(_, let indices): indices.reduce(into: []) { $0.formUnion($1.loadedBuffers) }
    case .raw(_, let offset, _): offset.loadedBuffers
    case .gatherRaw(_, let offset, let lanes, _): offset.loadedBuffers.union(lanes.loadedBuffers)
    case .variable, .integer, .float, .laneNumbers, .table: []
    }
  }
}
