import MachineIR
import TileIR

/// A product of two E2M1 operands that share one exact block, its columns along a parallel axis that lanes
/// can run along: an indexer's scores. Processors turn bytes of the right operand so that a lane is a column and
/// serve for all rows; sums of a scale's group are byte dot products, exact in `i32`. Matrix units take both
/// operands as they are (`NibbleMatrices`), vector cores numbers (`NibbleVectors`).
struct NibbleProduct {
  let id: ValueID
  let depth: Dimension
  /// The parallel axis of the right operand.
  let columns: Dimension
  let left: (position: Int, indices: [Index])
  let right: (position: Int, indices: [Index])
  let scales: (left: ValueID, right: ValueID)

  /// Depth coordinates that share a scale, and how many such groups there are.
  static let group = 32
  var groups: Int { depth.extent! / Self.group }
  /// What multiplies; but for processors the rows in a cell are of one axis.
  enum Way {
    case bytes
    case matrices(rows: Dimension, count: Int)
    case vectors(rows: Dimension, count: Int)
    case cubes(rows: Dimension, count: Int)
  }
  private(set) var way: Way

  /// Columns that one cell takes: rows serve for all of them.
  var cellColumns: Int {
    switch way {
    case .bytes: 64
    case .matrices: NibbleMatrices.cellColumns
    case .vectors: NibbleVectors.cellColumns
    case .cubes: NibbleCubes.cellColumns
    }
  }
  /// Whether two cells that follow each other have the same rows, so that cells are even in number.
  var isOfPairs: Bool { if case .cubes = way { true } else { false } }
  /// Elements from row to row of what a cell keeps.
  var pitch: Int { if case .matrices = way { NibbleMatrices.pitch } else { cellColumns } }

  /// The product of a region, or nil where it has another shape or the machine lacks the instructions.
  init?(_ program: Program, _ region: Region, _ machine: MachineDescription) {
    let isOfBytes = machine.has(.dot4) && machine.has(.lookup16)
    guard isOfBytes || machine.has(.byteMatrices) || machine.npu != nil, region.axes.allSatisfy({ $0.partition == nil })
    else { return nil }
    var found: Set<ValueID> = []
    var seen: Set<ValueID> = []
    var pending = region.statements.flatMap(\.dependencies)
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      if case .product = program[id].operation { found.insert(id) }
      pending += program[id].dependencies
    }
    guard found.count == 1, let id = found.first,
      case .product(let depth, .exactBlock(let block), true, true) = program[id].operation,
      let extent = depth.extent, extent <= block, extent % Self.group == 0, extent / Self.group <= 8
    else { return nil }
    let operands = program[id].operands
    func codes(_ id: ValueID) -> (Int, [Index])? {
      guard case .load(let position, let indices) = program[id].operation,
        program.parameters[position].element == .e2m1, indices.last == .axis(depth)
      else { return nil }
      return (position, indices)
    }
    func sharesScale(_ id: ValueID) -> Bool {
      guard case .load(_, let indices) = program[id].operation else { return false }
      return indices.last == .divided(.axis(depth), Self.group)
        && !indices.dropLast().contains { $0.dimensions.contains(depth) }
    }
    guard let left = codes(operands[0]), let right = codes(operands[1]), sharesScale(operands[2]),
      sharesScale(operands[3]),
      let columns = region.axes.map(\.dimension).last(where: {
        right.1.contains(.axis($0)) && !program[operands[0]].axes.contains($0)
          && !program[operands[2]].axes.contains($0)
      })
    else { return nil }
    if machine.cpu != nil {
      way = .bytes
    } else {
      let rows = program[id].axes.filter { axis in !region.axes.contains { $0.dimension == axis } }
      let isOfVectors = machine.npu != nil
      let (tile, groups) = (isOfVectors ? NibbleVectors.rows : HalfMatrices.rows, extent / Self.group)
      guard rows.count == 1, let count = rows[0].extent, count % tile == 0,
        !isOfVectors || groups & (groups - 1) == 0 && groups <= 4
      else { return nil }
      way = isOfVectors ? .vectors(rows: rows[0], count: count) : .matrices(rows: rows[0], count: count)
    }
    self.id = id
    self.depth = depth
    self.columns = columns
    self.left = left
    self.right = right
    scales = (operands[2], operands[3])
    if case .vectors(let rows, let count) = way, NibbleCubes.fits(self, program, region, machine, rows: rows, count: count) {
      way = .cubes(rows: rows, count: count)
    }
  }
}

extension RegionLowering {
  func lower(_ product: NibbleProduct) throws {
    switch product.way {
    case .matrices(let rows, let count): return try lowerMatrices(product, rows, count)
    case .vectors(let rows, let count): return try lowerVectors(product, rows, count)
    case .cubes(let rows, let count): return try lowerCubes(product, rows, count)
    case .bytes: break
    }
    let rows = analysis.innerAxes(product.id).filter { $0 != product.columns }
    let rowCount = rows.reduce(HostExpression.constant(1)) { $0 * most($1) }
    let (lanes, groups) = (machine.lanes(of: .i32), product.groups)
    let left = NibbleRows(
      bytes: scratch("left_bytes", .i32, count: rowCount * .constant(groups * 8)),
      biases: scratch("left_biases", .i32, count: rowCount * .constant(groups)),
      scales: scratch("left_scales", .f64, count: rowCount * .constant(groups)),
      spreads: scratch("left_spreads", .i32, count: rowCount), axes: rows)
    let panel = NibblePanel(
      rows: scratch("right_rows", .i32, count: .constant(lanes * groups * 4)),
      bytes: scratch("right_bytes", .i32, count: .constant(lanes * groups * 8)),
      scales: scratch("right_scales", .f64, count: .constant(lanes * groups)), lanes: lanes)
    stack.append(.note(name(of: product.id), program[product.id].location))
    let nest = Nest(loops: rows, vector: nil, lanes: 1, group: 1, work: [])
    try open(nest.loops[...], nest) { try prepareRow(product, left) }

    let columns = domains[product.columns]!
    let outer = environment
    let tile = stack.variable(product.columns.name, .index)
    stack.open(binding: [product.columns])
    environment.bind(product.columns, LaneCoordinate(columns.lower + .variable(tile), lanes: .strided(1)))
    let here = stack.define("columns", (columns.count - .variable(tile)).minimum(.constant(lanes)))
    let spread = try preparePanel(product, panel, columns: here)
    try open(nest.loops[...], nest) {
      environment.lanes = lanes
      try multiply(product, left, panel, spread)
    }
    stack.append(
      .loop(CountedLoop(tile, from: .constant(0), to: columns.count, step: lanes, stack.close())))
    environment = outer
  }

  /// The left operand: words of bytes 2 value [row][group][low or high nibbles][4], what takes the bias of the
  /// right bytes back [row][group], scales times the unit [row][group], and how far a row's scales lie apart.
  private struct NibbleRows {
    let bytes, biases, scales, spreads: String
    let axes: [Dimension]
  }

  /// The right operand: packed rows as they lie in memory, words of bytes 2 value + 12 [group][nibbles][4]
  /// [column], scales [group][column].
  private struct NibblePanel {
    let rows, bytes, scales: String
    let lanes: Int
  }

  private static let twice = ByteTable(
    "twice_e2m1",
    (0..<16).map { UInt8(bitPattern: Int8(ElementType.e2m1.number(UInt32($0)) * 2)) })

  /// The bytes that a table gives for low and for high nibbles.
  private func nibbles(_ packed: Expression, _ table: ByteTable) -> [Expression] {
    [packed, packed.apply(.shiftRightLogical, .integer(4, packed.type))].map {
      let codes = $0.apply(.and, .integer(0x0F0F_0F0F, packed.type)).bitCast(to: .u8)
      return .apply(.lookup16, [.table(table), codes], codes.type)
    }
  }

  /// The packed words of one group of one row.
  private func groupWords(
    _ product: NibbleProduct, _ operand: (position: Int, indices: [Index]), _ environment: Environment
  ) throws -> Expression {
    let place = try place(operand.position, operand.indices, environment)
    return Expression.raw(
      buffer: buffer(operand.position), offset: place.base.divided(by: 2), MachineType(.u8, 16)
    ).bitCast(to: .i32)
  }

  /// An unrolled loop over the groups of a row, depth bound to the first coordinate of each.
  func forEachGroup(_ product: NibbleProduct, _ body: (Expression) throws -> Void) throws {
    let group = stack.variable("group", .index)
    let outer = environment
    stack.open(binding: [product.depth])
    environment.bind(
      product.depth,
      LaneCoordinate(
        Expression.variable(group) * .constant(NibbleProduct.group), alignment: NibbleProduct.group))
    environment.canonical.remove(product.depth)
    try body(.variable(group))
    environment = outer
    stack.append(
      .loop(
        CountedLoop(
          group, from: .constant(0), to: .constant(product.groups), unrolled: true, stack.close())))
  }

  /// How far codes lie apart, gathered one by one.
  struct NibbleSpread {
    let least, most: Variable
    var value: Expression { Expression.variable(most).apply(.subtract, .variable(least)) }
  }

  func openSpread(_ type: MachineType) -> NibbleSpread {
    let spread = NibbleSpread(least: stack.variable("least", type), most: stack.variable("most", type))
    stack.append(.declare(spread.least, .integer(255, type)))
    stack.append(.declare(spread.most, .integer(0, type)))
    return spread
  }

  func add(_ code: Expression, to spread: NibbleSpread) {
    stack.append(.assign(spread.least, Expression.variable(spread.least).apply(.minimum, code)))
    stack.append(.assign(spread.most, Expression.variable(spread.most).apply(.maximum, code)))
  }

  private func prepareRow(_ product: NibbleProduct, _ left: NibbleRows) throws {
    let row = stack.define("row", try place(in: left.axes, environment).base)
    let spread = openSpread(MachineType(.i32))
    try forEachGroup(product) { group in
      let packed = stack.define("packed", try groupWords(product, product.left, environment))
      let at = stack.define("at", row * .constant(product.groups) + group)
      var sum = Expression.integer(0, packed.type)
      for (half, bytes) in nibbles(packed, Self.twice).enumerated() {
        let values = stack.define("values", bytes.bitCast(to: .i8))
        sum = .apply(.dot4, [sum, .integer(12, bytes.type), values], sum.type)
        stack.append(
          .storeRaw(
            buffer: left.bytes, offset: at * .constant(8) + .constant(half * 4), values.bitCast(to: .i32)))
      }
      let bias = foldLanes(sum) { $0.apply(.add, $1) }
      stack.append(.storeRaw(buffer: left.biases, offset: at, bias.apply(.negate)))
      let code = stack.define("code", try emit(product.scales.left, environment))
      // Both bytes are twice their values.
      let unit = Expression.float((0.25).bitPattern, MachineType(.f64))
      let scale = convert(code, .e8m0, to: .float32).converted(to: .f64)
      stack.append(.storeRaw(buffer: left.scales, offset: at, scale.apply(.multiply, unit)))
      add(code, to: spread)
    }
    stack.append(.storeRaw(buffer: left.spreads, offset: row, spread.value))
  }

  /// Turns the columns at hand, and gives how far the scales of one of them lie apart at most.
  private func preparePanel(
    _ product: NibbleProduct, _ panel: NibblePanel, columns: Expression
  ) throws -> Expression {
    let (lanes, words) = (panel.lanes, product.groups * 4)
    let type = MachineType(.i32, lanes)
    // Absent columns are zeros.
    stack.append(.clear(buffer: panel.rows, offset: .constant(0), count: .constant(lanes * words)))
    let outer = environment
    let column = stack.variable("column", .index)
    let first = environment.coordinates[product.columns]!.base
    environment.coordinates[product.columns] = LaneCoordinate(first + .variable(column))
    environment.canonical.remove(product.columns)
    stack.open(binding: [product.columns])
    try forEachGroup(product) { group in
      let offset = Expression.variable(column) * .constant(words) + group * .constant(4)
      let packed = try groupWords(product, product.right, environment)
      stack.append(.storeRaw(buffer: panel.rows, offset: offset, packed))
    }
    environment = outer
    stack.append(.loop(CountedLoop(column, from: .constant(0), to: columns, stack.close())))

    let word = stack.variable("word", .index)
    let number = Expression.variable(word)
    stack.open()
    let packed = stack.define(
      "packed",
      .gatherRaw(
        buffer: panel.rows, offset: number,
        lanes: Expression.laneNumbers(lanes).apply(.multiply, .integer(Int64(words), type)), type))
    // Low and high nibbles of a group's four words lie one after the other.
    let target = number.divided(by: 4) * .constant(8) + number.remainder(by: 4)
    for (half, bytes) in nibbles(packed, SlicedProduct.e2m1Codes).enumerated() {
      let offset = (target + .constant(half * 4)) * .constant(lanes)
      stack.append(.storeRaw(buffer: panel.bytes, offset: offset, bytes.bitCast(to: .i32)))
    }
    stack.append(
      .loop(CountedLoop(word, from: .constant(0), to: .constant(words), stack.close())))

    environment.lanes = lanes
    environment.active = columns
    let spread = openSpread(type)
    try forEachGroup(product) { group in
      let code = stack.define("code", try emitWide(product.scales.right, environment))
      for (half, part) in halves(code).enumerated() {
        let offset = group * .constant(lanes) + .constant(half * lanes / 2)
        stack.append(.storeRaw(buffer: panel.scales, offset: offset, part.powerOfTwo(bias: 127)))
      }
      add(code, to: spread)
    }
    environment = outer
    return stack.define("right_spread", foldLanes(spread.value) { $0.apply(.maximum, $1) })
  }

  private func halves(_ value: Expression) -> [Expression] {
    [Instruction.lowHalf, .highHalf].map {
      .apply($0, [value], value.type.with(lanes: value.type.lanes / 2))
    }
  }

  /// One row with the columns at hand.
  private func multiply(
    _ product: NibbleProduct, _ left: NibbleRows, _ panel: NibblePanel, _ rightSpread: Expression
  ) throws {
    let (lanes, groups) = (panel.lanes, product.groups)
    let sums = MachineType(.i32, lanes)
    let row = stack.define("row", try place(in: left.axes, environment).base)
    let terms = RegisterArray(stack.unique("term"), MachineType(.f64, lanes / 2), [2, groups])
    stack.append(.registers(terms))
    try forEachGroup(product) { group in
      let at = stack.define("at", row * .constant(groups) + group)
      let sum = stack.variable("sum", sums)
      let bias = Expression.raw(buffer: left.biases, offset: at, MachineType(.i32))
      stack.append(.declare(sum, bias.broadcast(to: lanes)))
      stack.append(
        unrolled("word", 8) { word in
          let offset = (group * .constant(8) + word) * .constant(lanes)
          let right = Expression.raw(buffer: panel.bytes, offset: offset, sums).bitCast(to: .u8)
          let values = Expression.raw(
            buffer: left.bytes, offset: at * .constant(8) + word, MachineType(.i32))
          let both = [.variable(sum), right, values.broadcast(to: lanes).bitCast(to: .i8)]
          return [.assign(sum, .apply(.dot4, both, sums))]
        })
      let scale = Expression.raw(buffer: left.scales, offset: at, MachineType(.f64)).broadcast(to: lanes / 2)
      for (half, part) in halves(.variable(sum)).enumerated() {
        let offset = group * .constant(lanes) + .constant(half * lanes / 2)
        let factor = scale.apply(.multiply, .raw(buffer: panel.scales, offset: offset, scale.type))
        let term = part.converted(to: .f64).apply(.multiply, factor)
        stack.append(.setElement(terms, [.constant(half), group], term))
      }
    }
    let total = stack.variable("total", MachineType(.f32, lanes))
    stack.append(.declare(total, .float(0, lanes: lanes)))
    func addToTotal(_ round: ([Expression]) -> Expression) -> MachineStatement {
      let rounded = (0..<2).map { half in
        round((0..<groups).map { .element(terms, [.constant(half), .constant($0)]) })
      }
      let both = Expression.apply(.concatenate, rounded, total.type)
      return .assign(total, Expression.variable(total).apply(.add, both))
    }
    let near = addToTotal { $0.dropFirst().reduce($0[0]) { $0.apply(.add, $1) }.converted(to: .f32) }
    if groups == 1 {
      stack.append(near)
    } else {
      // A group's sum has 14 bits with its sign: under scales less than 2^36 apart all of them together are
      // exact in 53.
      let apart = Expression.raw(buffer: left.spreads, offset: row, MachineType(.i32))
        .apply(.add, rightSpread)
      let far = addToTotal { .apply(.roundedSum, $0, MachineType(.f32, lanes / 2)) }
      stack.append(.branch(apart.compared(.lessOrEqual, .integer(36, apart.type)), [near], [far]))
    }
    try keep(.variable(total), product.id)
  }
}
