import MachineIR
import TileIR

/// The loops of one depth block of a sliced product: rows are cut into byte planes a tile at a time,
/// panels are read as they were laid out, and byte dot products gather in a register tile.
struct SlicedTile {
  let lowering: RegionLowering
  let pattern: ProductPattern
  let blocking: ProductBlocking
  let weight: SlicedWeight
  let source: RegionLowering.ProductSource
  /// f32 totals, [cellRows, cellColumns].
  let totals: String
  /// Depth coordinates of the block.
  let start: Expression
  let end: Expression
  private let codes: String
  private let scales: String
  /// First panel of the cell, counted through the outer axes.
  private let firstPanel: Expression
  /// Byte planes as words of four: [run][plane][tile row][word].
  private let planes: String
  /// Sums of the planes of a run: [tile row][run][plane].
  private let planeSums: String
  /// Scale of a run of a row times the unit of the integers: [tile row][run].
  private let rowScales: String
  /// Exact sums of the groups of one block: [group][column].
  private let groupTerms: String

  private var product: SlicedProduct { weight.product }
  private var lanes: Int { weight.panels.width }
  private var words: Int { weight.panels.block / 4 }
  /// Runs of a depth block at most.
  private var runs: Expression { .constant(blocking.depth / weight.panels.block) }
  private let bytes = MachineType(.u8, 64)
  private let signedBytes = MachineType(.i8, 64)
  private var sums: MachineType { MachineType(.i32, weight.panels.width) }

  init(
    lowering: RegionLowering, pattern: ProductPattern, blocking: ProductBlocking,
    weight: SlicedWeight, laidOut: LaidOutWeight,
    source: RegionLowering.ProductSource, totals: String, start: Expression, end: Expression,
    firstPanel: Expression
  ) {
    self.lowering = lowering
    self.pattern = pattern
    self.blocking = blocking
    self.weight = weight
    self.source = source
    self.totals = totals
    self.start = start
    self.end = end
    self.firstPanel = firstPanel
    codes = lowering.buffer(workspace: laidOut.codes, .int32, written: false)
    scales = lowering.buffer(workspace: laidOut.scales, .uint8, written: false)
    func array(_ name: String, _ scalar: MachineScalar, _ count: Int) -> String {
      lowering.scratch(name, scalar, count: .constant(count))
    }
    let (rows, runs) = (blocking.tileRows, blocking.depth / weight.panels.block)
    let planeCount = weight.product.left.count
    planes = array("planes", .i32, runs * planeCount * rows * weight.panels.block / 4)
    planeSums = array("plane_sums", .i32, rows * runs * planeCount)
    rowScales = array("row_scales", .f64, rows * runs)
    groupTerms = array("group_terms", .f64, weight.groups * weight.panels.width)
  }

  // MARK: Rows

  /// Takes rows a tile at a time; what is left goes to bodies of fewer rows.
  func walkRows() throws {
    let rows = lowering.domains[pattern.rows]!
    let row = lowering.stack.variable("row", .index)
    lowering.stack.append(.declare(row, .constant(0)))
    for (position, size) in blocking.bodies.enumerated() {
      let enough = (rows.count - .variable(row)).compared(.greaterOrEqual, .constant(size))
      var body = try tile(size, .variable(row))
      body.append(.assign(row, Expression.variable(row) + .constant(size)))
      if position == 0 {
        let step = lowering.stack.variable("tile", .index)
        lowering.stack.append(
          .loop(
            CountedLoop(
              step, from: .constant(0), to: rows.count.divided(by: size), body)))
      } else {
        lowering.stack.append(.branch(enough, body, []))
      }
    }
  }

  private func tile(_ size: Int, _ row: Expression) throws -> [MachineStatement] {
    lowering.stack.open()
    let runCount = lowering.stack.define(
      "runs", (end - start + .constant(weight.panels.block - 1)).divided(by: weight.panels.block))
    try packRows(size, row, runCount)
    let columns = lowering.domains[pattern.columns]!
    let panel = lowering.stack.variable("panel", .index)
    lowering.stack.open()
    let run = lowering.stack.variable("run", .index)
    lowering.stack.open()
    let blocks = lowering.scalar(weight.panels.blocks, "\(pattern.depth.name)_blocks")
    let place = lowering.stack.define(
      "place",
      (firstPanel + .variable(panel)) * blocks + start.divided(by: weight.panels.block) + .variable(run))
    try multiplyBlock(size, row, .variable(panel), .variable(run), place)
    let body = lowering.stack.close()
    lowering.stack.append(.loop(CountedLoop(run, from: .constant(0), to: runCount, body)))
    let count = (columns.count + .constant(lanes - 1)).divided(by: lanes)
    lowering.stack.append(
      .loop(CountedLoop(panel, from: .constant(0), to: count, lowering.stack.close())))
    return lowering.stack.close()
  }

  // MARK: Byte planes of the left operand

  private func packRows(_ size: Int, _ row: Expression, _ runCount: Expression) throws {
    let outer = lowering.environment
    let lower = lowering.domains[pattern.rows]!.lower
    let member = lowering.stack.variable("tile_row", .index)
    lowering.stack.append(.note("byte planes of the left operand", nil))
    lowering.environment.bind(pattern.rows, LaneCoordinate(lower + row + .variable(member)))
    lowering.stack.open(binding: [pattern.rows])
    let run = lowering.stack.variable("run", .index)
    lowering.stack.open(binding: [pattern.depth])
    let first = lowering.stack.define("first", start + Expression.variable(run) * .constant(weight.panels.block))
    let last = lowering.stack.define("last", (first + .constant(weight.panels.block)).minimum(end))
    try packRun(size, .variable(member), .variable(run), first, last)
    let body = lowering.stack.close()
    lowering.stack.append(.loop(CountedLoop(run, from: .constant(0), to: runCount, body)))
    let rowBody = lowering.stack.close()
    lowering.environment = outer
    lowering.stack.append(
      .loop(CountedLoop(member, from: .constant(0), to: .constant(size), rowBody)))
  }

  private func packRun(
    _ size: Int, _ member: Expression, _ run: Expression, _ first: Expression, _ last: Expression
  ) throws {
    let count = product.left.slices.count
    let zero = Expression.integer(0, sums)
    let sliceSums = (0..<count).map { _ in lowering.stack.variable("slice_sum", sums) }
    for sum in sliceSums { lowering.stack.append(.declare(sum, zero)) }
    let worst = lowering.stack.variable("worst", bytes)
    lowering.stack.append(.declare(worst, .integer(0, bytes)))
    let step = lowering.stack.variable("part", .index)
    func part(_ at: Expression, active: Expression?) throws -> [MachineStatement] {
      lowering.stack.open(binding: [pattern.depth])
      var environment = lowering.environment
      environment.bind(pattern.depth, LaneCoordinate(first + at, lanes: .strided(1), alignment: 64))
      environment.lanes = 64
      environment.active = active
      let code = bytesOfCodes(try lowering.emitWide(weight.left, environment))
      let magnitude = code.apply(.and, .integer(0x7F, bytes))
      lowering.stack.append(.assign(worst, Expression.variable(worst).apply(.maximum, magnitude)))
      var slices = signedSlices(code, product.left.slices)
      for (slice, sum) in zip(slices, sliceSums) {
        let ones = Expression.integer(1, bytes)
        lowering.stack.append(.assign(sum, .apply(.dot4, [.variable(sum), ones, slice], sums)))
      }
      for pair in product.left.sums {
        slices.append(lowering.stack.define("slice_pair", slices[pair.a].apply(.add, slices[pair.b])))
      }
      for (plane, slice) in slices.enumerated() {
        let word = planeWord(size, run, plane, member) + at.divided(by: 4)
        lowering.stack.append(.storeRaw(buffer: planes, offset: word, slice.bitCast(to: .i32)))
      }
      return lowering.stack.close()
    }
    // A short last block is zeros to its end: they count nothing.
    let isFull = (last - first).compared(.equal, .constant(weight.panels.block))
    let at = Expression.variable(step)
    let full = MachineStatement.loop(
      CountedLoop(
        step, from: .constant(0), to: .constant(weight.panels.block), step: 64, try part(at, active: nil)))
    let tailStep = lowering.stack.variable("part", .index)
    let tailAt = Expression.variable(tailStep)
    let left = (last - first - tailAt).maximum(.constant(0)).minimum(.constant(64))
    lowering.stack.open()
    let active = lowering.stack.define("active", left)
    for statement in try part(tailAt, active: active) { lowering.stack.append(statement) }
    let tail = MachineStatement.loop(
      CountedLoop(
        tailStep, from: .constant(0), to: .constant(weight.panels.block), step: 64, lowering.stack.close()))
    lowering.stack.append(.branch(isFull, [full], [tail]))
    storeRowFacts(member, run, sliceSums, worst, first)
    try storeRowScale(member, run, worst, first)
  }

  /// Sums of planes, for the bias of the right bytes.
  private func storeRowFacts(
    _ member: Expression, _ run: Expression, _ sliceSums: [Variable], _ worst: Variable,
    _ first: Expression
  ) {
    var totals = sliceSums.map { sum in
      lowering.stack.define("slice_total", lowering.foldLanes(.variable(sum)) { $0.apply(.add, $1) })
    }
    for pair in product.left.sums { totals.append(totals[pair.a].apply(.add, totals[pair.b])) }
    for (plane, total) in totals.enumerated() {
      let place = (member * runs + run) * .constant(product.left.count) + .constant(plane)
      lowering.stack.append(.storeRaw(buffer: planeSums, offset: place, total))
    }
  }

  /// The scale of a row's block; NaN where one of its codes is.
  private func storeRowScale(
    _ member: Expression, _ run: Expression, _ worst: Variable, _ first: Expression
  ) throws {
    var environment = lowering.environment
    environment.bind(pattern.depth, LaneCoordinate(first, alignment: weight.panels.block))
    environment.canonical.remove(pattern.depth)
    let unit = Expression.float(product.unit.bitPattern, MachineType(.f64))
    var scale = unit
    if let leftScale = source.leftScale { scale = try leftScale(environment).apply(.multiply, unit) }
    let words = lowering.foldLanes(.variable(worst)) { $0.apply(.maximum, $1) }.converted(to: .i32)
    let isNaN = words.compared(.equal, .integer(0x7F, MachineType(.i32)))
    let nan = Expression.float(Double.nan.bitPattern, MachineType(.f64))
    lowering.stack.append(
      .storeRaw(
        buffer: rowScales, offset: member * runs + run, .conditional(isNaN, nan, scale)))
  }

  /// Codes of one byte each from codes in `i32` lanes; a plain load is made one of bytes.
  private func bytesOfCodes(_ codes: Expression) -> Expression {
    if case .load(let access, _, nil) = codes, access.element.bitWidth == 8 {
      return lowering.stack.define("code", .raw(buffer: access.buffer, offset: access.offset, bytes))
    }
    return lowering.stack.define("code", codes.converted(to: .u8))
  }

  /// Slices of the integers of 64 codes, each with the sign of its code.
  private func signedSlices(_ code: Expression, _ tables: [ByteTable]) -> [Expression] {
    let sign = signs(code)
    return tables.map { table in
      let magnitude = Expression.apply(.lookup128, [.table(table), code], bytes).bitCast(to: .i8)
      return lowering.stack.define("slice", magnitude.apply(.xor, sign).apply(.subtract, sign))
    }
  }

  /// -1 where a code is negative, else 0.
  private func signs(_ code: Expression) -> Expression {
    lowering.stack.define(
      "sign", code.bitCast(to: .i8).apply(.shiftRightArithmetic, .integer(7, signedBytes)))
  }

  /// Where the words of a plane of a tile's row begin.
  private func planeWord(
    _ size: Int, _ run: Expression, _ plane: Int, _ row: Expression
  ) -> Expression {
    (run * .constant(product.left.count) + .constant(plane)) * .constant(size * words)
      + row * .constant(words)
  }

  // MARK: One block of one panel

  private func multiplyBlock(
    _ size: Int, _ row: Expression, _ panel: Expression, _ run: Expression, _ place: Expression
  ) throws {
    let groupScales = (0..<weight.groups).map { groupScale(place, .constant($0)) }
    let least = extreme(groupScales, .minimum)
    let together = lowering.collect { blockSum(size, row, panel, run, place, least) }
    guard weight.groups > 1 else {
      for statement in together { lowering.stack.append(statement) }
      return
    }
    // Shifts above 3 do not fit a byte, and a NaN scale is no shift.
    let most = extreme(groupScales, .maximum)
    let spread = most.apply(.subtract, least)
    let nan = most.apply(.subtract, .integer(251, sums))
    let far = lowering.stack.define(
      "spread", lowering.foldLanes(spread.apply(.maximum, nan)) { $0.apply(.maximum, $1) })
    let apart = lowering.collect { groupSums(size, row, panel, run, place) }
    lowering.stack.append(
      .branch(far.compared(.lessOrEqual, .integer(3, far.type)), together, apart))
  }

  /// Codes of the scales of a group's columns.
  private func groupScale(_ place: Expression, _ group: Expression) -> Expression {
    let offset = (place * .constant(weight.groups) + group) * .constant(lanes)
    return lowering.stack.define(
      "scale", Expression.load(Access(scales, .uint8, offset), sums, active: nil))
  }

  private func extreme(_ values: [Expression], _ instruction: Instruction) -> Expression {
    values.dropFirst().reduce(values[0]) {
      lowering.stack.define("extreme", $0.apply(instruction, $1))
    }
  }

  /// 2^(code - 127) in f64; NaN for 255.
  private func powers(_ codes: Expression) -> [Expression] {
    [Instruction.lowHalf, .highHalf].map { half in
      let part = Expression.apply(half, [codes], codes.type.with(lanes: lanes / 2)).converted(to: .i64)
      let field = part.apply(.add, .integer(1023 - 127, part.type))
      let power = field.apply(.shiftLeft, .integer(52, part.type)).bitCast(to: .f64)
      let nan = Expression.float(Double.nan.bitPattern, power.type)
      let isNaN = part.compared(.equal, .integer(255, part.type))
      return lowering.stack.define("column_scale", .apply(.select, [isNaN, nan, power], power.type))
    }
  }

  /// The whole block in one exact sum.
  private func blockSum(
    _ size: Int, _ row: Expression, _ panel: Expression, _ run: Expression, _ place: Expression,
    _ least: Expression
  ) {
    let powers = self.powers(least)
    // Few rows have few sums, and each waits for its last product: low and high nibbles get their own.
    let sets = size <= 2 ? product.codesPerByte : 1
    let sum = RegisterArray(lowering.stack.unique("sum"), sums, [sets, size, product.terms.count])
    lowering.stack.append(.registers(sum))
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        product.terms.enumerated().flatMap { number, term in
          let at = (r * runs + run) * .constant(product.left.count) + .constant(term.left)
          let planeSum = Expression.raw(buffer: planeSums, offset: at, MachineType(.i32))
          let bias = Expression.integer(Int64(-product.rightBias[term.right]), MachineType(.i32))
          let starts = [planeSum.apply(.multiply, bias).broadcast(to: lanes), .integer(0, sums)]
          return (0..<sets).map { MachineStatement.setElement(sum, [.constant($0), r, .constant(number)], starts[$0]) }
        }
      })
    forEachGroup { group in
      let vectors = weight.group / product.vectorDepth
      let shift = weight.groups == 1 ? nil : groupScale(place, group).apply(.subtract, least)
      let named = shift.map { lowering.stack.define("shift", $0) }
      let correction = shiftCorrection(named)
      let vector = lowering.stack.variable("vector", .index)
      lowering.stack.open()
      multiplyVector(
        size, run, place, group * .constant(vectors) + .variable(vector), shift: named,
        correction: correction
      ) { half, r, number, right, left in
        let at = [.constant(half % sets), r, .constant(number)]
        return .setElement(sum, at, .apply(.dot4, [.element(sum, at), right, left], sums))
      }
      lowering.stack.append(
        .loop(
          CountedLoop(
            vector, from: .constant(0), to: .constant(vectors), lowering.stack.close())))
    }
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        let exact = combine(
          product.terms.indices.map { term in
            let parts = (0..<sets).map { Expression.element(sum, [.constant($0), r, .constant(term)]) }
            return parts.dropFirst().reduce(parts[0]) { $0.apply(.add, $1) }
          })
        let scale = rowScale(r, run)
        let scaled = zip(exact, powers).map { $0.apply(.multiply, scale.apply(.multiply, $1)) }
        return addToTotal(row + r, panel, concatenated(scaled.map { $0.converted(to: .f32) }))
      })
  }

  private func forEachGroup(_ body: (Expression) -> Void) {
    guard weight.groups > 1 else { return body(.constant(0)) }
    let group = lowering.stack.variable("group", .index)
    lowering.stack.open()
    body(.variable(group))
    lowering.stack.append(
      .loop(
        CountedLoop(
          group, from: .constant(0), to: .constant(weight.groups), lowering.stack.close())))
  }

  /// What makes a byte of 2 value + 12, shifted, one of 2 value + 96; nil where codes have no shift.
  private func shiftCorrection(_ shift: Expression?) -> Expression? {
    guard product.rightFormat == .e2m1 else { return nil }
    var twelve = Expression.integer(12, sums)
    if let shift { twelve = twelve.apply(.shiftLeft, shift) }
    let byte = Expression.integer(Int64(product.rightBias[0]), sums).apply(.subtract, twelve)
    let word = byte.apply(.multiply, .integer(0x0101_0101, sums))
    return lowering.stack.define("correction", word.bitCast(to: .u8))
  }

  /// Reads one vector of codes and gives each term of each row its dot products.
  private func multiplyVector(
    _ size: Int, _ run: Expression, _ place: Expression, _ vector: Expression, shift: Expression?,
    correction: Expression?,
    _ accumulate: (Int, Expression, Int, Expression, Expression) -> MachineStatement
  ) {
    let offset = (place * .constant(weight.vectors) + vector) * .constant(lanes)
    let packed = lowering.stack.define(
      "packed", Expression.load(Access(codes, .int32, offset), sums, active: nil))
    for half in 0..<product.codesPerByte {
      let right = rightPlanes(packed, half, shift, correction)
      let word = vector * .constant(product.codesPerByte) + .constant(half)
      lowering.stack.append(
        lowering.unrolled("r", size) { r in
          product.terms.enumerated().map { number, term in
            let at = planeWord(size, run, term.left, r) + word
            let left = Expression.raw(buffer: planes, offset: at, MachineType(.i32))
              .broadcast(to: lanes).bitCast(to: .i8)
            return accumulate(half, r, number, right[term.right], left)
          }
        })
    }
  }

  /// Unsigned bytes of the right operand, a plane each, of one vector or of its low or high nibbles.
  private func rightPlanes(
    _ packed: Expression, _ half: Int, _ shift: Expression?, _ correction: Expression?
  ) -> [Expression] {
    if product.rightFormat == .e2m1 {
      let nibbles =
        half == 0 ? packed : packed.apply(.shiftRightLogical, .integer(4, sums))
      let code = nibbles.apply(.and, .integer(0x0F0F_0F0F, sums)).bitCast(to: .u8)
      var value = Expression.apply(.lookup16, [.table(SlicedProduct.e2m1Codes), code], bytes)
      if let shift { value = value.bitCast(to: .i32).apply(.shiftLeft, shift).bitCast(to: .u8) }
      if let correction { value = value.apply(.add, correction) }
      return [lowering.stack.define("right", value)]
    }
    let code = lowering.stack.define("code", packed.bitCast(to: .u8))
    let sign = signs(code).bitCast(to: .u8)
    // (64 + m) with its bits turned round is 191 - m: 129 more is 64 - m.
    let turn = lowering.stack.define("turn", sign.apply(.and, .integer(129, bytes)))
    var planes = product.right.slices.map { table in
      let biased = ByteTable("\(table.name)_and_64", table.bytes.map { $0 + 64 })
      let magnitude = Expression.apply(.lookup128, [.table(biased), code], bytes)
      return lowering.stack.define("right", magnitude.apply(.xor, sign).apply(.add, turn))
    }
    for pair in product.right.sums {
      planes.append(lowering.stack.define("right_pair", planes[pair.a].apply(.add, planes[pair.b])))
    }
    return planes
  }

  /// Scales too far apart for shifts: each group's sum is exact, and all are rounded together.
  private func groupSums(
    _ size: Int, _ row: Expression, _ panel: Expression, _ run: Expression, _ place: Expression
  ) {
    let r = lowering.stack.variable("r", .index)
    lowering.stack.open()
    let type = MachineType(.f64, lanes / 2)
    let scale = rowScale(.variable(r), run)
    forEachGroup { group in
      let vectors = weight.group / product.vectorDepth
      let powers = self.powers(groupScale(place, group))
      // Sums of the bytes as they are, and what their bias adds.
      let terms = product.terms.map { _ in lowering.stack.variable("group_sum", sums) }
      for sum in terms { lowering.stack.append(.declare(sum, .integer(0, sums))) }
      let vector = lowering.stack.variable("vector", .index)
      lowering.stack.open()
      let offset = (place * .constant(weight.vectors) + group * .constant(vectors) + .variable(vector))
        * .constant(lanes)
      let packed = lowering.stack.define(
        "packed", Expression.load(Access(codes, .int32, offset), sums, active: nil))
      for half in 0..<product.codesPerByte {
        let right = rightPlanes(packed, half, nil, nil)[0]
        let word = (group * .constant(vectors) + Expression.variable(vector))
          * .constant(product.codesPerByte) + .constant(half)
        for (number, term) in product.terms.enumerated() {
          let at = planeWord(size, run, term.left, .variable(r)) + word
          let left = lowering.stack.define(
            "left",
            Expression.raw(buffer: planes, offset: at, MachineType(.i32)).broadcast(to: lanes)
              .bitCast(to: .i8))
          let biased = Expression.apply(.dot4, [.variable(terms[number]), right, left], sums)
          let bias = Expression.apply(
            .dot4, [.integer(0, sums), .integer(12, bytes), left], sums)
          lowering.stack.append(.assign(terms[number], biased.apply(.subtract, bias)))
        }
      }
      lowering.stack.append(
        .loop(
          CountedLoop(
            vector, from: .constant(0), to: .constant(vectors), lowering.stack.close())))
      for (half, exact) in combine(terms.map { .variable($0) }).enumerated() {
        let scaled = exact.apply(.multiply, scale.apply(.multiply, powers[half]))
        lowering.stack.append(
          .storeRaw(
            buffer: groupTerms, offset: group * .constant(lanes) + .constant(half * lanes / 2), scaled))
      }
    }
    let rounded = (0..<2).map { half in
      Expression.apply(
        .roundedSum,
        (0..<weight.groups).map {
          .raw(buffer: groupTerms, offset: .constant($0 * lanes + half * lanes / 2), type)
        }, MachineType(.f32, lanes / 2))
    }
    for statement in addToTotal(row + .variable(r), panel, concatenated(rounded)) {
      lowering.stack.append(statement)
    }
    lowering.stack.append(
      .loop(CountedLoop(r, from: .constant(0), to: .constant(size), lowering.stack.close())))
  }

  // MARK: From sums to totals

  private func rowScale(_ r: Expression, _ run: Expression) -> Expression {
    Expression.raw(buffer: rowScales, offset: r * runs + run, MachineType(.f64))
      .broadcast(to: lanes / 2)
  }

  /// The block's integer in f64, low and high lanes: every partial sum is an integer below 2^53.
  private func combine(_ sums: [Expression]) -> [Expression] {
    [Instruction.lowHalf, .highHalf].map { half in
      let type = MachineType(.f64, lanes / 2)
      var total: Expression?
      for (sum, term) in zip(sums, product.terms) {
        let part = Expression.apply(half, [sum], sum.type.with(lanes: lanes / 2)).converted(to: .f64)
        let coefficient = Expression.float(term.coefficient.bitPattern, type)
        total =
          total.map { .apply(.fusedMultiplyAdd, [part, coefficient, $0], type) }
          ?? (term.coefficient == 1 ? part : part.apply(.multiply, coefficient))
      }
      return total!
    }
  }

  private func concatenated(_ halves: [Expression]) -> Expression {
    .apply(.concatenate, halves, halves[0].type.with(lanes: lanes))
  }

  private func addToTotal(
    _ row: Expression, _ panel: Expression, _ value: Expression
  ) -> [MachineStatement] {
    let place = row * .constant(blocking.cellColumns) + panel * .constant(lanes)
    let old = Expression.raw(buffer: totals, offset: place, value.type)
    return [.storeRaw(buffer: totals, offset: place, old.apply(.add, value))]
  }
}
