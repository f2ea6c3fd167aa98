import MachineIR

extension [PipeStatement] {
  /// The list with vector instructions that follow each other in the order of what they wait for: those that do not wait
  /// for each other stand side by side, and a barrier serves for all of them.
  var sideBySide: [PipeStatement] {
    var result: [PipeStatement] = []
    var run: [VectorInstruction] = []
    func close() {
      result += run.levels.map { .vector($0) }
      run = []
    }
    for statement in self {
      switch statement {
      case .vector(let instruction):
        run.append(instruction)
        continue
      case .loop(var loop):
        close()
        loop.body = loop.body.sideBySide
        result.append(.loop(loop))
      case .branch(let condition, let then, let otherwise):
        close()
        result.append(.branch(condition, then.sideBySide, otherwise.sideBySide))
      default:
        close()
        result.append(statement)
      }
    }
    close()
    return result
  }
}

extension [VectorInstruction] {
  /// In the order of how many others each waits for, one after the other.
  fileprivate var levels: [VectorInstruction] {
    guard count > 2 else { return self }
    var touches: [String: [(bytes: Range<Int>?, isWrite: Bool, level: Int)]] = [:]
    var levelled: [(level: Int, instruction: VectorInstruction)] = []
    for instruction in self {
      let own =
        zip(instruction.sources, instruction.bytesRead).map { ($0, $1, false) }
        + [(instruction.destination, instruction.bytesWritten, true)]
      var level = 0
      for (view, bytes, isWrite) in own {
        let range = view.range(bytes)
        for other in touches[view.tensor, default: []] where isWrite || other.isWrite {
          let meets = range.flatMap { range in other.bytes.map { $0.overlaps(range) } } ?? true
          if meets { level = Swift.max(level, other.level + 1) }
        }
      }
      for (view, bytes, isWrite) in own {
        touches[view.tensor, default: []].append((view.range(bytes), isWrite, level))
      }
      levelled.append((level, instruction))
    }
    let depth = levelled.map(\.level).max()!
    return (0...depth).flatMap { level in levelled.filter { $0.level == level }.map(\.instruction) }
  }
}

extension LocalView {
  /// The bytes of its tensor from it on; nil where the scalar unit finds them.
  fileprivate func range(_ bytes: Int?) -> Range<Int>? {
    guard let bytes, let first = offset.constantValue else { return nil }
    return first * element.byteCount..<first * element.byteCount + bytes
  }
}
