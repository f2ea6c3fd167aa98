import MachineIR
import TileIR

/// Products of slices, whose operands a cube core copies and whose sums it leaves to its vector cores.
extension ReachWalk {
  /// Of the plan: the slices that each vector core's product reads, and where its sums are exchanged.
  mutating func multiply(_ product: SliceProduct) {
    let isOfPairs = kernel.vectorCoresOfCube == 2
    // Each core has its own place, of one size for all products that go through the buffer.
    let (bytes, room) = (product.sums * 4, product.room * 4)
    if exchanges.updateValue(room, forKey: product.exchange).map({ $0 != room }) ?? false || bytes > room {
      fail("cores' places in \(product.exchange) may lie over each other")
    }
    var brought: [Polynomial] = []
    for member in 0..<kernel.vectorCoresOfCube {
      let core = given((isOfPairs ? PipeKernel.firstPair : PipeKernel.block).name) + member
      for (operand, slices, lines) in [
        (product.left, product.leftSlices, product.rows),
        (product.right, product.rightSlices, product.columns),
      ] {
        note(operand.offset)
        // Of lines that are staged before.
        if kernel.tensors[operand.buffer] != nil { continue }
        var first = numbers.number(operand.offset)
        if isOfPairs {
          let (cell, own) = (given(kernel.source.cell.name), given(kernel.cell(of: member)))
          first = numbers.rebuilt(first) { $0 == cell.top ? own : nil }
        }
        // What both cores have in common is brought once.
        if operand == product.left, spills[operand.buffer] == nil {
          if brought.contains(first) { continue }
          brought.append(first)
        }
        let slice = lines * product.depth
        for number in 0..<slices {
          touch(
            operand.buffer, first: first + number * slice, count: Polynomial(slice), isWrite: false, of: core)
        }
      }
      let part = product.rows * product.columns * 4
      for weight in 0..<product.weights {
        touch(
          product.exchange, first: core * room + weight * part, count: Polynomial(part), isWrite: true)
      }
    }
    // Sums of two products in one tensor are copied weight by weight.
    let copies = kernel.tensors[product.target] == nil ? product.weights : 1
    for copy in 0..<copies {
      touch(
        product.exchange, first: given(PipeKernel.block.name) * room + copy * (bytes / copies),
        count: Polynomial(bytes / copies), isWrite: false)
    }
  }

  /// Of the pipe program.
  mutating func touch(_ instruction: CubeInstruction) {
    let views = instruction.reads.map(\.view) + [instruction.write?.view].compactMap { $0 }
    for view in views { note(view.offset) }
    switch instruction {
    case .stage(_, let buffer, let offset, let lines, let depth):
      note(offset)
      touch(Access(buffer, .int8, offset), Polynomial(lines * depth), isWrite: false)
    case .drain(let buffer, let offset, _, let rows, let columns):
      note(offset)
      touch(Access(buffer, .int32, offset), Polynomial(rows * columns), isWrite: true)
    case .stageLines(let staged):
      loop(staged.counter, Polynomial(0), Polynomial(staged.lines), Polynomial(1), assigning: []) { walk in
        walk.note(staged.offset)
        for slice in 0..<staged.slices {
          let place = staged.offset + .constant(slice * staged.depth)
          walk.touch(Access(staged.buffer, .int8, place), Polynomial(staged.depth), isWrite: false)
        }
      }
    case .loadLeft, .loadRight, .loadTurned, .multiply: break
    }
  }
}
