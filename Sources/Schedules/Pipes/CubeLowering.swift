import MachineIR
import TileIR

/// Products of slices on the cube core at a vector core's side: staged in L1, loaded as fractals, multiplied, and
/// brought back through main memory, since the cores have no nearer way to each other.
extension PipeLowering {
  func multiply(_ product: SliceProduct) throws {
    // Products of one form follow each other in turns, of two vector cores' where they leave room: small ones, of rows that are
    // staged for both.
    if vectorCoresOfCube == 1 || tensors[product.right.buffer] != nil, let last = lastProduct {
      isOtherTurn = last.hasForm(of: product) && last.exchange != product.exchange && !isOtherTurn
    }
    multiplied[product.target] = product
    lastProduct = product
    // Products of one size share their tensors; a weight's first slice alone is staged where all would be.
    let isSecond = sharedSums[product.target]?.isSecond ?? false
    func place(_ name: String, _ element: LocalElement, _ count: Int, _ memory: LocalMemory) -> LocalView {
      // Two that are rounded together are brought at once; in L0A and L0B they follow each other.
      let name = isSecond && [.l1, .sums].contains(memory) ? "next_\(name)" : name
      let own =
        tensors.values.first { $0.memory == memory && $0.count == count && $0.name.hasPrefix(name) }?.name
        ?? unique(name)
      tensors[own] = LocalTensor(own, element, count: count, byteAddress: 0, in: memory)
      return LocalView(own, element)
    }
    let members = Array(0..<vectorCoresOfCube)
    try multiply(product, for: members, place)
    // Sums leave when all products stand in the queues: what stands behind a flag waits for it.
    let sums = members.map { place("\(sumsOf($0))cube_sums", .int32, product.room, .sums) }
    if sharedSums[product.target].map({ !$0.isSecond }) ?? false {
      waiting = (product, sums)
      return
    }
    for (product, sums) in [waiting].compactMap({ $0 }) + [(product, sums)] { bring(product, sums) }
    waiting = nil
  }

  /// Brings the sums of each vector core of the group to it.
  private func bring(_ product: SliceProduct, _ sums: [LocalView]) {
    for (member, sums) in sums.enumerated() {
      drain(product, sums, to: core(of: member) * .constant(product.room))
    }
    let all = Expression.variable(PipeKernel.block) * .constant(product.room)
    guard let shared = sharedSums[product.target] else {
      return copySums(product.exchange, from: all, to: LocalView(product.target, .int32), product.sums)
    }
    let elements = product.rows * product.columns
    for weight in 0..<product.weights {
      copySums(product.exchange, from: all + .constant(weight * elements), to: shared.view(weight, elements), elements)
    }
  }

  private func copySums(_ buffer: String, from offset: Expression, to local: LocalView, _ count: Int) {
    append(.copyIn(PipeCopy(buffer: buffer, .int32, offset: offset, local: local, count: .constant(count), most: count)))
  }

  /// The number of a group's vector core.
  private func core(of member: Int) -> Expression {
    vectorCoresOfCube == 2 ? .variable(PipeKernel.firstPair) + .constant(member) : .variable(PipeKernel.block)
  }

  private typealias Placing = (String, LocalElement, Int, LocalMemory) -> LocalView

  private func whose(_ member: Int) -> String { member == 0 && (!isOtherTurn || vectorCoresOfCube == 2) ? "" : "other_" }

  /// Of two vector cores each has two turns.
  private func sumsOf(_ member: Int) -> String {
    vectorCoresOfCube == 2 && isOtherTurn ? "second_\(whose(member))" : whose(member)
  }

  private func slice(_ whole: LocalView, _ number: Int, _ elements: Int) -> LocalView {
    LocalView(whole.tensor, whole.element, offset: .constant(number * elements))
  }

  /// Copies the sums of one vector core of the group to `agent`.
  private func drain(_ product: SliceProduct, _ sums: LocalView, to agent: Expression) {
    let elements = product.rows * product.columns
    for weight in (0..<product.weights).reversed() {
      append(
        .cube(
          .drain(
            buffer: product.exchange, offset: agent + .constant(weight * elements), from: slice(sums, weight, elements),
            rows: product.rows, columns: product.columns)))
    }
  }

  /// The products of the vector cores of the group. An operand that is one for all of them is brought once.
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
    let staged = tensors[product.right.buffer]
    if let staged, staged.count != product.rightSlices * product.depth * (product.pitch ?? product.columns) {
      throw refusal("\(staged.name) has not the lines of \(product)")
    }
    let sharesLeft = ownOfCells.map { !$0.contains(product.left.offset) && spills[product.left.buffer] == nil } ?? false
    func ofLeft(_ member: Int) -> Int { sharesLeft ? members[0] : member }
    func ofRight(_ member: Int) -> Int { staged == nil ? member : members[0] }
    func leftStage(_ member: Int) -> LocalView {
      place("\(whose(ofLeft(member)))left_stage", .int8, product.leftBytes, .l1)
    }
    func rightStage(_ member: Int) throws -> LocalView {
      if staged != nil { return LocalView(product.right.buffer, .int8, offset: try scalar(product.right.offset)) }
      return place("\(whose(member))right_stage", .int8, product.rightBlockBytes, .l1)
    }
    for member in members {
      if ofLeft(member) == member {
        try stage(leftStage(member), product.left, for: member, slices: product.leftSlices, lines: product.rows)
      }
      if ofRight(member) == member, staged == nil {
        try stage(
          rightStage(member), product.right, for: member, slices: product.rightSlices, lines: product.columns)
      }
    }
    // The depth in parts that have room beside those that are multiplied.
    let part = Self.parts(of: product.depth)
    var begun: Set<LocalView> = []
    for (number, first) in stride(from: 0, to: product.depth, by: part).enumerated() {
      // Of one vector core parts and products share what turns there are.
      let isSecond = (number + (isOtherTurn ? 1 : 0)) % 2 == 1
      func which(_ member: Int) -> String { (member == 0 ? "" : "other_") + (isSecond ? "second_" : "") }
      func own(_ whole: LocalView, _ number: Int, _ lines: Int) -> LocalView { slice(whole, number, lines * part) }
      func from(_ whole: LocalView, _ bytes: Int, _ lines: Int) -> LocalView {
        LocalView(whole.tensor, whole.element, offset: whole.offset + .constant(bytes + first * lines))
      }
      func left(_ member: Int) -> LocalView {
        place("\(which(ofLeft(member)))left_fractals", .int8, product.leftSlices * product.rows * part, .left)
      }
      func right(_ member: Int) -> LocalView {
        place(
          "\(which(ofRight(member)))right_fractals", .int8,
          product.rightSlicesThere * product.columns * part, .right)
      }
      for member in members {
        // What comes last is used first: one event tells of all before it.
        for number in (0..<product.rightSlices).reversed() where ofRight(member) == member {
          let (to, stage) = (own(right(member), number, product.columns), try rightStage(member))
          if let pitch = product.pitch {
            // Columns that are 32 apart lie as many lines of the depth apart.
            let lines = LocalView(
              stage.tensor, .int8, offset: stage.offset * .constant(product.depth) + .constant(number * product.depth * pitch))
            cube(.loadTurned(to, from: lines, columns: product.columns, depth: product.depth))
          } else {
            cube(
              .loadRight(
                to, from: from(stage, number * rightBytes, product.columns), lines: product.columns, depth: part))
          }
        }
        for number in (0..<product.leftSlices).reversed() where ofLeft(member) == member {
          cube(
            .loadLeft(
              own(left(member), number, product.rows), from: from(leftStage(member), number * leftBytes, product.rows),
              lines: product.rows, depth: part))
        }
      }
      // Products that meet in a sum stand apart, so that few wait for each other.
      let pairs = (0..<product.leftSlices).flatMap { i in (0..<product.rightSlices).map { (i, $0) } }
      for member in members {
        let sums = place("\(sumsOf(member))cube_sums", .int32, product.room, .sums)
        for (i, j) in pairs {
          let sum = slice(sums, i + j, product.rows * product.columns)
          cube(
            .multiply(
              sum, left: own(left(member), i, product.rows), right: own(right(member), j, product.columns),
              rows: product.rows, columns: product.columns, depth: part, clears: begun.insert(sum).inserted))
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
