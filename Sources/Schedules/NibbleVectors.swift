import MachineIR
import TileIR

/// Products of two E2M1 operands on a vector core: a lane is a column, and eight rows stand side by side. The sums of a
/// scale's group are exact in `f32`, since products are at most 144 quarters. Under scales that lie near each other so are
/// the groups of a block together; of others the scalar unit rounds the sum once.
enum NibbleVectors {
  /// Columns of a cell, and rows that are multiplied together.
  static let cellColumns = 64
  static let rows = 8
  /// Codes of scales between which no product leaves the normal numbers, and how far apart those of a row and of a column
  /// may lie together: a group's sum is a multiple of 1/4 below 2^11, and four of them are to have no more than 24 bits.
  static let scales: (least: Int, most: Int) = (87, 167)
  static let mostSpread = 9
}

extension RegionLowering {
  /// What a cell multiplies, all in `f32`: columns [column][depth], rows [row][depth], and the rows' scales [row][8].
  private struct NibbleArrays {
    let columns, rows, scales: String
  }
  /// The least and the most code of scales.
  private struct ScaleRange {
    let least, most: Expression

    func joined(_ other: ScaleRange) -> ScaleRange {
      ScaleRange(least: least.apply(.minimum, other.least), most: most.apply(.maximum, other.most))
    }
    var spread: Expression { most.apply(.subtract, least) }
  }
  private static let scalePitch = 8

  func lowerVectors(_ product: NibbleProduct, _ rows: Dimension, _ count: Int) throws {
    stack.append(.note(name(of: product.id), program[product.id].location))
    let depth = product.depth.extent!
    let arrays = NibbleArrays(
      columns: exactScratch("columns", .f32, NibbleVectors.cellColumns * depth),
      rows: exactScratch("rows", .f32, NibbleVectors.rows * depth),
      scales: exactScratch("row_scales", .f32, NibbleVectors.rows * Self.scalePitch))
    let outer = environment
    try loadColumns(product, into: arrays)
    environment = outer
    let (powers, ofColumns) = try columnScales(product)
    environment = outer
    let tile = stack.variable("row_tile", .index)
    stack.open(binding: [rows])
    let ofRows = try loadRows(product, rows, .variable(tile), into: arrays)
    environment = outer
    let sums = addProducts(product, arrays)
    let values = clearedSums("value", of: NibbleVectors.rows, lanes: NibbleVectors.cellColumns)
    func blocks(isNear: Bool) -> [MachineStatement] {
      [
        unrolled("r", NibbleVectors.rows) { r in
          collect { addBlock(to: values, r, sums, arrays, powers, isNear: isNear) }
        }
      ]
    }
    stack.append(.branch(isNear(ofRows, ofColumns), blocks(isNear: true), blocks(isNear: false)))
    environment.bind(product.columns, LaneCoordinate(domains[product.columns]!.lower, lanes: .strided(1)))
    environment.lanes = NibbleVectors.cellColumns
    stack.append(
      try unrolled("r", NibbleVectors.rows) { r in
        environment.bind(rows, LaneCoordinate(.variable(tile) * .constant(NibbleVectors.rows) + r))
        return try collect { try keep(.element(values, [r]), product.id) }
      })
    environment = outer
    stack.append(
      .loop(
        CountedLoop(tile, from: .constant(0), to: .constant(count / NibbleVectors.rows), stack.close())))
  }

  // MARK: Operands

  /// All lanes along the depth.
  private func bindDepth(_ product: NibbleProduct) {
    let depth = product.depth.extent!
    environment.bind(product.depth, LaneCoordinate(.constant(0), lanes: .strided(1), alignment: depth))
    environment.lanes = depth
    environment.active = nil
  }

  /// The numbers of an operand in the lanes at hand.
  private func numbers(_ operand: ValueID) throws -> Expression {
    convert(try emitWide(operand, environment), .e2m1, to: .float32)
  }

  private func loadColumns(_ product: NibbleProduct, into arrays: NibbleArrays) throws {
    let (domain, depth) = (domains[product.columns]!, product.depth.extent!)
    // Columns past the end are zeros.
    stack.append(
      .clear(
        buffer: arrays.columns, offset: .constant(0), count: .constant(NibbleVectors.cellColumns * depth)))
    let column = stack.variable("column", .index)
    stack.open(binding: [product.columns, product.depth])
    environment.bind(product.columns, LaneCoordinate(domain.lower + .variable(column)))
    bindDepth(product)
    let values = try numbers(program[product.id].operands[1])
    stack.append(.storeRaw(buffer: arrays.columns, offset: .variable(column) * .constant(depth), values))
    stack.append(.loop(CountedLoop(column, from: .constant(0), to: domain.count, stack.close())))
  }

  /// The scales of each group in the lanes of the columns, and what all lie between.
  private func columnScales(_ product: NibbleProduct) throws -> (powers: [Expression], range: ScaleRange) {
    let (domain, lanes) = (domains[product.columns]!, NibbleVectors.cellColumns)
    environment.bind(product.columns, LaneCoordinate(domain.lower, lanes: .strided(1)))
    environment.lanes = lanes
    environment.active = domain.count
    var (powers, range): ([Expression], ScaleRange?) = ([], nil)
    for group in 0..<product.groups {
      let first = group * NibbleProduct.group
      environment.bind(product.depth, LaneCoordinate(.constant(first), alignment: NibbleProduct.group))
      let loaded = try emitWide(product.scales.right, environment)
      // Those past the end are no numbers that decide anything.
      let one = Expression.integer(127, loaded.type)
      let code = stack.define("column_code", masked(loaded, by: domain.count, otherwise: one))
      powers.append(stack.define("column_scale", convert(code, .e8m0, to: .float32)))
      let own = ScaleRange(least: code, most: code)
      range = range.map { $0.joined(own) } ?? own
    }
    return (
      powers,
      ScaleRange(
        least: stack.define("least_of_columns", foldLanes(range!.least) { $0.apply(.minimum, $1) }),
        most: stack.define("most_of_columns", foldLanes(range!.most) { $0.apply(.maximum, $1) }))
    )
  }

  /// The rows of a tile and their scales, and what these lie between.
  private func loadRows(
    _ product: NibbleProduct, _ rows: Dimension, _ tile: Expression, into arrays: NibbleArrays
  ) throws -> ScaleRange {
    let depth = product.depth.extent!
    let spread = openSpread(MachineType(.i32, product.groups))
    let row = stack.variable("row", .index)
    stack.open(binding: [rows, product.depth])
    environment.bind(rows, LaneCoordinate(tile * .constant(NibbleVectors.rows) + .variable(row)))
    bindDepth(product)
    let values = try numbers(program[product.id].operands[0])
    stack.append(.storeRaw(buffer: arrays.rows, offset: .variable(row) * .constant(depth), values))
    // A scale for each group, next to each other.
    environment.bind(
      product.depth, LaneCoordinate(.constant(0), lanes: .strided(NibbleProduct.group), alignment: depth))
    environment.lanes = product.groups
    let code = stack.define("row_code", try emitWide(product.scales.left, environment))
    stack.append(
      .storeRaw(
        buffer: arrays.scales, offset: .variable(row) * .constant(Self.scalePitch),
        convert(code, .e8m0, to: .float32)))
    add(code, to: spread)
    stack.append(
      .loop(CountedLoop(row, from: .constant(0), to: .constant(NibbleVectors.rows), stack.close())))
    return ScaleRange(
      least: stack.define("least_of_rows", foldLanes(.variable(spread.least)) { $0.apply(.minimum, $1) }),
      most: stack.define("most_of_rows", foldLanes(.variable(spread.most)) { $0.apply(.maximum, $1) }))
  }

  /// Whether a block's groups are exact together in `f32`.
  private func isNear(_ rows: ScaleRange, _ columns: ScaleRange) -> Expression {
    func constant(_ value: Int) -> Expression { .integer(Int64(value), MachineType(.i32)) }
    let both = rows.joined(columns)
    let conditions = [
      both.least.compared(.greaterOrEqual, constant(NibbleVectors.scales.least)),
      both.most.compared(.lessOrEqual, constant(NibbleVectors.scales.most)),
      rows.spread.apply(.add, columns.spread).compared(.lessOrEqual, constant(NibbleVectors.mostSpread)),
    ]
    return conditions.dropFirst().reduce(conditions[0]) { $0.apply(.and, $1) }
  }

  // MARK: Sums

  /// The sums of each group, those of all rows together, with the columns in their lanes.
  private func addProducts(_ product: NibbleProduct, _ arrays: NibbleArrays) -> [RegisterArray] {
    let (lanes, depth) = (NibbleVectors.cellColumns, product.depth.extent!)
    return (0..<product.groups).map { group in
      let sums = clearedSums("sum", of: NibbleVectors.rows, lanes: lanes)
      let first = group * NibbleProduct.group
      addSteps(
        along: product.depth, from: .constant(first), to: .constant(first + NibbleProduct.group), to: sums,
        rows: arrays.rows, at: { $0 * .constant(depth) + $1 },
        columns: { self.columns(of: arrays.columns, depth: depth, at: $0, lanes: lanes) })
      return sums
    }
  }

  /// Adds a row's block to its total: its groups under their scales.
  private func addBlock(
    to values: RegisterArray, _ r: Expression, _ sums: [RegisterArray], _ arrays: NibbleArrays,
    _ powers: [Expression], isNear: Bool
  ) {
    let terms = sums.indices.map { group -> Expression in
      let place = r * .constant(Self.scalePitch) + .constant(group)
      let ofRow = Expression.raw(buffer: arrays.scales, offset: place, MachineType(.f32)).broadcast(
        to: values.type.lanes)
      let sum = Expression.element(sums[group], [r])
      guard isNear else {
        let scale = ofRow.converted(to: .f64).apply(.multiply, powers[group].converted(to: .f64))
        return stack.define("term", sum.converted(to: .f64).apply(.multiply, scale))
      }
      return stack.define("term", sum.apply(.multiply, ofRow).apply(.multiply, powers[group]))
    }
    let block =
      isNear
      ? terms.dropFirst().reduce(terms[0]) { stack.define("near", $0.apply(.add, $1)) }
      : .apply(.roundedSum, terms, values.type)
    stack.append(.setElement(values, [r], Expression.element(values, [r]).apply(.add, block)))
  }
}
