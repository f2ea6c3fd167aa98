import MachineIR

/// What instructions of a cube core, and events, must keep to.
enum CubePlacement {
  static func faults(
    of instruction: CubeInstruction, _ check: (LocalView, Int?) -> Void, _ kernel: PipeKernel
  ) -> [PipeProof.Fault] {
    var faults: [PipeProof.Fault] = []
    func fail(_ message: String) { faults.append(PipeProof.Fault(message: message, location: nil)) }
    func require(_ view: LocalView, in memory: LocalMemory, _ element: LocalElement) {
      guard let tensor = kernel.tensors[view.tensor] else { return }
      if tensor.memory != memory || tensor.element != element || view.element != element {
        fail("\(view.tensor) is no \(element.rawValue) in \(memory.rawValue)")
      }
    }
    func require(_ value: Int, multipleOf unit: Int, upTo most: Int) {
      if value <= 0 || value % unit != 0 || value > most {
        fail(
          "a size of \(value) in an instruction of \(instruction.pipe.rawValue), not a multiple of \(unit) up to \(most)"
        )
      }
    }
    for (view, bytes) in instruction.reads + [instruction.write].compactMap({ $0 }) { check(view, bytes) }
    switch instruction {
    case .stage(let to, _, _, let lines, let depth):
      require(to, in: .l1, .int8)
      require(lines, multipleOf: CubeInstruction.lines, upTo: 16384)
      require(depth, multipleOf: CubeInstruction.lineBytes, upTo: 65535)
    case .stageLines(let staged):
      require(staged.to, in: .l1, .int8)
      require(staged.lines, multipleOf: CubeInstruction.lines, upTo: 16384)
      require(staged.depth, multipleOf: CubeInstruction.lineBytes, upTo: 65535)
      if staged.slices < 1 || staged.to.offset.constantValue != 0 {
        fail("lines are staged to \(staged.to.tensor) elsewhere than from its beginning on")
      }
    case .loadTurned(let to, let from, let columns, let depth):
      require(to, in: .right, .int8)
      require(from, in: .l1, .int8)
      require(columns, multipleOf: CubeInstruction.lineBytes, upTo: 4064)
      require(depth, multipleOf: CubeInstruction.lineBytes, upTo: 4064)
    case .loadLeft(let to, let from, let lines, let depth),
      .loadRight(let to, let from, let lines, let depth):
      if case .loadLeft = instruction {
        require(to, in: .left, .int8)
      } else {
        require(to, in: .right, .int8)
      }
      require(from, in: .l1, .int8)
      require(lines, multipleOf: CubeInstruction.lines, upTo: 4080)
      require(depth, multipleOf: CubeInstruction.lineBytes, upTo: 4064)
    case .multiply(let sums, let left, let right, let rows, let columns, let depth, _):
      require(sums, in: .sums, .int32)
      require(left, in: .left, .int8)
      require(right, in: .right, .int8)
      for size in [rows, columns] { require(size, multipleOf: CubeInstruction.lines, upTo: 4080) }
      require(depth, multipleOf: CubeInstruction.lineBytes, upTo: 4064)
    case .drain(_, _, let from, let rows, let columns):
      require(from, in: .sums, .int32)
      for size in [rows, columns] { require(size, multipleOf: CubeInstruction.lines, upTo: 4080) }
    }
    return faults
  }

  /// Whether a core has an event, or a group a flag.
  static func isThere(_ event: PipeEvent) -> Bool {
    if event.isAcross { return (0..<Ascend.flagsPerDirection).contains(event.number) }
    guard (0..<Ascend.eventsPerPair).contains(event.number), event.from != event.to else { return false }
    return event.from.core == .vector || cubePairs[event.from]?.contains(event.to) == true
  }

  private static let cubePairs: [Pipe: Set<Pipe>] = [
    .cube: [.load, .cubeCopyIn, .drain], .load: [.cube, .cubeCopyIn, .drain], .cubeCopyIn: [.cube, .load],
    .drain: [.cube, .load],
  ]
}
