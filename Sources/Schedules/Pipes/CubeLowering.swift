import MachineIR
import TileIR

/// Products of slices on the cube core at a vector core's side: staged in L1, loaded as fractals, multiplied, and
/// brought back through main memory, since the cores have no nearer way to each other.
extension PipeLowering {
  func multiply(_ product: SliceProduct) throws {
    // Of one vector core products of one form follow each other in turns, as those of two do.
    if vectorCoresOfCube == 1, let last = lastProduct {
      isOtherTurn = last.hasForm(of: product) && last.exchange != product.exchange && !isOtherTurn
    }
    multiplied[product.target] = product
    lastProduct = product
    // Products of one size share their tensors.
    func place(_ name: String, _ element: LocalElement, _ count: Int, _ memory: LocalMemory) -> LocalView {
      let own =
        tensors.values.first { $0.memory == memory && $0.count == count && $0.name.hasPrefix(name) }?.name
        ?? unique(name)
      tensors[own] = LocalTensor(own, element, count: count, byteAddress: 0, in: memory)
      return LocalView(own, element)
    }
    // Sums leave when all products stand in the queues: what stands behind a flag waits for it.
    let members = Array(0..<vectorCoresOfCube)
    // Lines that were staged before are those of both.
    let together = tensors[product.right.buffer] == nil ? members.map { [$0] } : [members]
    for members in together { try multiply(product, for: members, place) }
    for member in 0..<vectorCoresOfCube {
      drain(product, for: member, place, to: core(of: member) * .constant(product.sums))
    }
    append(
      .copyIn(
        PipeCopy(
          buffer: product.exchange, .int32, offset: .variable(PipeKernel.block) * .constant(product.sums),
          local: LocalView(product.target, .int32), count: .constant(product.sums), most: product.sums)))
  }

  /// The number of a group's vector core.
  private func core(of member: Int) -> Expression {
    vectorCoresOfCube == 2 ? .variable(PipeKernel.firstPair) + .constant(member) : .variable(PipeKernel.block)
  }

  private typealias Placing = (String, LocalElement, Int, LocalMemory) -> LocalView

  private func whose(_ member: Int) -> String { member == 0 && !isOtherTurn ? "" : "other_" }

  private func slice(_ whole: LocalView, _ number: Int, _ elements: Int) -> LocalView {
    LocalView(whole.tensor, whole.element, offset: .constant(number * elements))
  }

  /// Copies the sums of one vector core of the group to `agent`.
  private func drain(_ product: SliceProduct, for member: Int, _ place: Placing, to agent: Expression) {
    let sums = place("\(whose(member))cube_sums", .int32, product.sums, .sums)
    let elements = product.rows * product.columns
    for weight in (0..<product.weights).reversed() {
      append(
        .cube(
          .drain(
            buffer: product.exchange, offset: agent + .constant(weight * elements), from: slice(sums, weight, elements),
            rows: product.rows, columns: product.columns)))
    }
  }

  /// The products of vector cores of the group, more than one of them with the same right operand.
  private func multiply(_ product: SliceProduct, for members: [Int], _ place: Placing) throws {
    let (leftBytes, rightBytes) = (product.rows * product.depth, product.columns * product.depth)

    func cube(_ instruction: CubeInstruction) { append(.cube(instruction)) }
    func stage(_ whole: LocalView, _ access: Access, for member: Int, slices: Int, lines: Int) throws {
      let access = inMainMemory(access.buffer, access.offset, of: core(of: member)) ?? access
      let first = Variable(unique("\(access.buffer)_at"), .index)
      append(.define(first, try offset(access, for: member)))
      for number in 0..<slices {
        cube(
          .stage(
            slice(whole, number, lines * product.depth), buffer: access.buffer,
            offset: .variable(first) + .constant(number * lines * product.depth), lines: lines,
            depth: product.depth))
      }
    }
    let leftStages = try members.map { member in
      let own = place("\(whose(member))left_stage", .int8, product.leftBytes, .l1)
      try stage(own, product.left, for: member, slices: product.leftSlices, lines: product.rows)
      return own
    }
    let rightStage: LocalView
    if let lines = tensors[product.right.buffer] {
      guard lines.count == product.rightSlices * product.depth * (product.pitch ?? product.columns) else {
        throw refusal("\(lines.name) has not the lines of \(product)")
      }
      rightStage = LocalView(product.right.buffer, .int8, offset: try scalar(product.right.offset))
    } else {
      rightStage = place("\(whose(members[0]))right_stage", .int8, product.rightBytes, .l1)
      try stage(rightStage, product.right, for: members[0], slices: product.rightSlices, lines: product.columns)
    }
    // The depth in parts that have room beside those that are multiplied.
    let part = Self.parts(of: product.depth)
    var begun: Set<LocalView> = []
    for (number, first) in stride(from: 0, to: product.depth, by: part).enumerated() {
      let which = number % 2 == 0 ? "" : "second_"
      let right = place(
        "\(whose(members[0]))\(which)right_fractals", .int8, product.rightSlices * product.columns * part, .right)
      func own(_ whole: LocalView, _ number: Int, _ lines: Int) -> LocalView { slice(whole, number, lines * part) }
      func staged(_ whole: LocalView, _ bytes: Int, _ lines: Int) -> LocalView {
        LocalView(whole.tensor, whole.element, offset: whole.offset + .constant(bytes + first * lines))
      }
      // What comes last is used first: one event tells of all before it.
      for number in (0..<product.rightSlices).reversed() {
        let to = own(right, number, product.columns)
        if let pitch = product.pitch {
          // Columns that are 32 apart lie as many lines of the depth apart.
          let from = LocalView(
            rightStage.tensor, .int8,
            offset: rightStage.offset * .constant(product.depth) + .constant(number * product.depth * pitch))
          cube(.loadTurned(to, from: from, columns: product.columns, depth: product.depth))
        } else {
          cube(
            .loadRight(
              to, from: staged(rightStage, number * rightBytes, product.columns), lines: product.columns, depth: part))
        }
      }
      let lefts = zip(members, leftStages).map { member, leftStage in
        let left = place("\(whose(member))\(which)left_fractals", .int8, product.leftSlices * product.rows * part, .left)
        for number in (0..<product.leftSlices).reversed() {
          cube(
            .loadLeft(
              own(left, number, product.rows), from: staged(leftStage, number * leftBytes, product.rows),
              lines: product.rows, depth: part))
        }
        return left
      }
      // Products that meet in a sum stand apart, so that few wait for each other.
      let pairs = (0..<product.leftSlices).flatMap { i in (0..<product.rightSlices).map { (i, $0) } }
      for (member, left) in zip(members, lefts) {
        let sums = place("\(whose(member))cube_sums", .int32, product.sums, .sums)
        for (i, j) in pairs {
          let sum = slice(sums, i + j, product.rows * product.columns)
          cube(
            .multiply(
              sum, left: own(left, i, product.rows), right: own(right, j, product.columns), rows: product.rows,
              columns: product.columns, depth: part, clears: begun.insert(sum).inserted))
        }
      }
    }
  }

  /// How much of the depth is multiplied at once: all of it, or the most that divides it.
  private static func parts(of depth: Int) -> Int {
    depth <= mostDepth
      ? depth
      : stride(from: mostDepth, to: 0, by: -SliceProduct.depthStep).first { depth % $0 == 0 } ?? SliceProduct.depthStep
  }
  private static let mostDepth = 128

  /// Where an operand begins for a vector core of the group: its own cell's.
  private func offset(_ access: Access, for member: Int) throws -> Expression {
    vectorCoresOfCube == 1 ? try scalar(access.offset) : try ofCell(member, access.offset)
  }

  /// That a cell of a pair has something of its own that the cube core, which takes each step for both, cannot find.
  struct DependsOnCell: Error {}

  /// A number of one cell of the pair, of what its own is made of.
  private func ofCell(_ member: Int, _ expression: Expression) throws -> Expression {
    guard ownOfCells!.contains(expression) else { return try scalar(expression) }
    switch expression {
    case .variable(kernel.cell): return .variable(cell(of: member))
    case .variable(let variable):
      let own = renamed[variable.name] ?? expression
      guard case .variable(let name) = own, let definition = definitions[name.name] else { throw DependsOnCell() }
      return try ofCell(member, definition)
    case .apply(let instruction, let operands, let type):
      let own = try operands.map { try ofCell(member, $0) }
      switch instruction {
      case .add where type == .index: return own[0] + own[1]
      case .multiply where type == .index: return own[0] * own[1]
      default: return .apply(instruction, own, type)
      }
    default: throw DependsOnCell()
    }
  }

  private func cell(of member: Int) -> Variable { Variable("\(kernel.cell.name)_of_\(member)", .index) }

  // MARK: Lines

  /// An array of lines in L1.
  func placeLines(_ array: ScratchArray) throws {
    guard array.type == .i8, case .constant(let count) = array.count else {
      throw refusal("\(array.name) is no array of bytes of a constant size")
    }
    take(array.name)
    tensors[array.name] = LocalTensor(array.name, .int8, count: count, byteAddress: 0, in: .l1)
  }

  /// A loop that fills an array of lines with bytes of a buffer, a line's slices in each round, as one instruction of the
  /// cube core; false for another loop.
  func stageLines(_ loop: CountedLoop) throws -> Bool {
    guard let array = loop.body.last?.storedArray, tensors[array]?.memory == .l1 else { return false }
    renamed[loop.counter.name] = nil
    var stores: [(place: Expression, access: Access, depth: Int)] = []
    for statement in loop.body {
      switch statement {
      case .define(let variable, let value) where isOfScalars(value.type) && isScalar(value):
        renamed[variable.name] = try scalar(value)
      case .store(let to, .load(let access, let type, nil), nil) where to.buffer == array:
        stores.append((to.offset, access, type.lanes))
      default: throw refusal("\(array) is not filled line by line")
      }
    }
    let first = stores[0]
    if let ownOfCells, ownOfCells.contains(first.access.offset) { throw DependsOnCell() }
    guard loop.step == 1, loop.lower.constantValue == 0, let lines = loop.upper.constantValue,
      isInMainMemory(first.access.buffer), first.access.element == .int8,
      stores.enumerated().allSatisfy({ slice, store in
        let place = Expression.variable(loop.counter) * .constant(first.depth) + .constant(slice * lines * first.depth)
        return store.depth == first.depth && store.place == place && store.access.buffer == first.access.buffer
          && store.access.offset == first.access.offset + .constant(slice * first.depth)
      }), tensors[array]!.count == stores.count * lines * first.depth
    else { throw refusal("\(array) is not filled line by line") }
    append(
      .cube(
        .stageLines(
          StagedLines(
            LocalView(array, .int8), from: first.access.buffer, at: try scalar(first.access.offset), of: loop.counter,
            lines: lines, slices: stores.count, depth: first.depth))))
    return true
  }

  // MARK: Cells

  /// The loop over cells, each core's or each group's in turns.
  func cellLoop(_ body: [PipeStatement]) -> PipeLoop {
    guard vectorCoresOfCube == 2 else {
      return PipeLoop(
        kernel.cell, from: .variable(PipeKernel.block), to: .variable(PipeKernel.cells),
        step: .variable(PipeKernel.blocks), body)
    }
    let cells = Expression.variable(PipeKernel.cells)
    func member(_ number: Expression) -> Expression { .variable(PipeKernel.pair) + number }
    var own: [PipeStatement] = [0, 1].map {
      .define(cell(of: $0), member(.constant($0)).minimum(cells - .constant(1)))
    }
    let sub = member(.variable(PipeKernel.subCore))
    own.append(.define(kernel.cell, sub.minimum(cells - .constant(1))))
    return PipeLoop(
      PipeKernel.pair, from: .variable(PipeKernel.firstPair), to: cells, step: .variable(PipeKernel.pairStep),
      own + body.map { storing($0, where: sub.compared(.less, cells)) })
  }

  /// With its stores to the plan's buffers under a condition.
  private func storing(_ statement: PipeStatement, where isThere: Expression) -> PipeStatement {
    switch statement {
    case .copyOut(let copy) where kernel.buffers.contains { $0.name == copy.buffer }:
      return .branch(isThere, [statement], [])
    case .loop(var loop):
      loop.body = loop.body.map { storing($0, where: isThere) }
      return .loop(loop)
    case .branch(let condition, let then, let otherwise):
      return .branch(
        condition, then.map { storing($0, where: isThere) }, otherwise.map { storing($0, where: isThere) })
    default: return statement
    }
  }
}

extension MachineStatement {
  /// The array or buffer that a store is to.
  fileprivate var storedArray: String? { if case .store(let access, _, _) = self { access.buffer } else { nil } }
}

extension MachineKernel {
  /// Arrays on chip that it clears.
  var clearedArrays: [String] {
    var found: [String] = []
    for statement in body { statement.forEach { if case .clear(let array, _, _) = $0 { found.append(array) } } }
    return found
  }

  /// Its products of slices.
  var sliceProducts: [SliceProduct] {
    var found: [SliceProduct] = []
    for statement in body {
      statement.forEach { if case .multiplySlices(let product) = $0 { found.append(product) } }
    }
    return found
  }
}

extension PipeKernel {
  /// Places the tensors of a cube core's memories, each throughout the kernel.
  mutating func placeMatrices(within npu: Ascend, at location: SourceLocation) throws {
    for memory in LocalMemory.allCases where memory != .unifiedBuffer {
      var next = 0
      for name in tensors.keys.sorted() where tensors[name]!.memory == memory {
        tensors[name]!.byteAddress = next
        next += (tensors[name]!.byteCount + memory.alignment - 1) / memory.alignment * memory.alignment
      }
      guard next <= memory.capacity(of: npu) else {
        throw Diagnostic(
          "\(source.name) on Ascend: operands and sums need \(next) of \(memory.capacity(of: npu)) bytes of "
            + memory.rawValue, at: [location])
      }
    }
    guard usesCubes, part(of: .cube) == nil else { return }
    throw Diagnostic(
      "\(source.name) on Ascend: what the cube core multiplies depends on what the vector core computes",
      at: [location])
  }
}
