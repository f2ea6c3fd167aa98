import MachineIR
import TileIR

/// Products of two E2M1 operands on a matrix unit for halves. Numbers are halves as they are; products of a
/// scale's group are summed apart, exact in `f32`, and the groups of a block meet under their scales in `f64`.
///
/// A thread has four neighbouring codes of a line, two bytes, in a word: the first and the third become one pair of
/// halves, the second and the fourth the other. Columns past the end are the last one once more; what they give
/// lies in columns that no coordinate has.
enum NibbleMatrices {
  /// Columns that one cell takes, as many as a warp has lanes.
  static let cellColumns = GPU.warp
  static let tiles = cellColumns / HalfMatrices.columns
  /// Eight more than their multiple: four rows of sums are in banks of their own.
  static let pitch = cellColumns + 8
  /// Pairs of halves in a word.
  static let pairs = 2
  /// With it halves are E2M1 numbers as they are.
  static let shift = -HalfMatrices.e2m1Exponent
  /// Codes in a byte.
  static let perByte = 2
}

extension RegionLowering {
  /// Columns of a cell that go through the unit together.
  private struct Columns {
    /// Halves [tile][group and pair], and the codes of each thread's own columns' scales [tile][group].
    let halves: RegisterArray
    let codes: RegisterArray
    /// How far the scales of a column lie apart at most.
    let spread: Expression
  }

  func lowerMatrices(_ product: NibbleProduct, _ rows: Dimension, _ count: Int) throws {
    stack.append(.note(name(of: product.id), program[product.id].location))
    let outer = environment
    let columns = try self.columns(product)
    let tile = stack.variable("row_tile", .index)
    stack.open(binding: [rows])
    try multiplyRows(product, rows, .variable(tile), columns)
    environment = outer
    stack.append(
      .loop(
        CountedLoop(
          tile, from: .constant(0), to: .constant(count / HalfMatrices.rows), stack.close())))
  }

  /// Binds the columns of a tile that lanes stand for; the last one once more where there are fewer.
  private func bind(_ product: NibbleProduct, tile: Expression, columns lanes: Expression, isRead: Bool) {
    let domain = domains[product.columns]!
    let first = tile * .constant(HalfMatrices.columns)
    let count = lanes.type.lanes
    func spread(_ number: Expression) -> Expression { number.converted(to: .i32).broadcast(to: count) }
    let coordinate =
      isRead
      ? LaneCoordinate(
        domain.lower,
        lanes: .general(lanes.apply(.add, spread(first)).apply(.minimum, spread(domain.count - .constant(1)))))
      : LaneCoordinate(domain.lower + first, lanes: .general(lanes))
    environment.bind(product.columns, coordinate)
    environment.lanes = count
    environment.active = nil
  }

  private func bind(_ rows: Dimension, tile: Expression, _ lanes: Expression) {
    environment.bind(
      rows, LaneCoordinate(tile * .constant(HalfMatrices.rows), lanes: .general(lanes)))
    environment.lanes = lanes.type.lanes
    environment.active = nil
  }

  private func columns(_ product: NibbleProduct) throws -> Columns {
    let halves = RegisterArray(
      stack.unique("columns"), HalfMatrices.right, [NibbleMatrices.tiles, product.groups * NibbleMatrices.pairs])
    let own = ByteFragments.ownColumn
    let codes = RegisterArray(stack.unique("column_scales"), own.type, [NibbleMatrices.tiles, product.groups])
    stack.append(.registers(halves))
    stack.append(.registers(codes))
    let most = stack.variable("column_spread", own.type)
    stack.append(.declare(most, .integer(0, own.type)))
    let outer = environment
    let body = try unrolled("column_tile", NibbleMatrices.tiles) { tile in
      try collect {
        bind(product, tile: tile, columns: ByteFragments.rightColumn, isRead: true)
        try self.halves(of: product.right, product, ByteFragments.rightDepth) { at, value in
          self.stack.append(.setElement(halves, [tile, at], value))
        }
        bind(product, tile: tile, columns: own, isRead: true)
        let spread = try scales(product.scales.right, product) { group, code in
          self.stack.append(.setElement(codes, [tile, group], code))
        }
        stack.append(.assign(most, Expression.variable(most).apply(.maximum, spread)))
      }
    }
    environment = outer
    stack.append(body)
    let spread = stack.define("columns_apart", foldLanes(.variable(most)) { $0.apply(.maximum, $1) })
    return Columns(halves: halves, codes: codes, spread: spread)
  }

  /// Gives the halves of the lines that are bound, by group and pair. A line's groups follow one another.
  private func halves(
    of operand: (position: Int, indices: [Index]), _ product: NibbleProduct, _ depths: Expression,
    _ body: (_ at: Expression, _ value: Expression) -> Void
  ) throws {
    let lanes = depths.type.lanes
    environment.bind(product.depth, LaneCoordinate(.constant(0), lanes: .general(depths)))
    let place = try place(operand.position, operand.indices, environment)
    let first = stack.define("first_byte", place.base.divided(by: NibbleMatrices.perByte))
    let own = stack.define(
      "own_byte", laneValues(place, lanes).apply(.divideFloor(NibbleMatrices.perByte)))
    let buffer = buffer(operand.position)
    let shift = ByteFragments.integer(NibbleMatrices.shift, lanes)
    stack.append(
      unrolled("group", product.groups) { group in
        collect {
          let bytes = (0..<2).map { number -> Expression in
            let at = first + group * .constant(NibbleProduct.group / NibbleMatrices.perByte) + .constant(number)
            return stack.define(
              "byte", .gatherRaw(buffer: buffer, offset: at, lanes: own, MachineType(.u8, lanes))
            ).converted(to: .i32)
          }
          let codes = stack.define(
            "codes", bytes[0].apply(.or, bytes[1].apply(.shiftLeft, ByteFragments.integer(16, lanes))))
          let word = stack.define("word", arranged(codes))
          for pair in 0..<NibbleMatrices.pairs {
            let value = Expression.apply(.halvesOfE2M1(pair: pair), [word, shift], word.type)
            body(group * .constant(NibbleMatrices.pairs) + .constant(pair), value)
          }
        }
      })
  }

  /// Codes four bits apart, with their bits where the halves of a pair have theirs.
  private func arranged(_ codes: Expression) -> Expression {
    let fields = (0..<NibbleMatrices.pairs).flatMap { pair in
      // A code's sign is above the three bits of its size.
      [
        (from: 4 * pair + 3, to: HalfMatrices.signBit - HalfMatrices.signShifts[pair], bits: 1),
        (from: 4 * pair, to: HalfMatrices.sizeBit - HalfMatrices.sizeShifts[pair], bits: 7),
      ].map { field -> Expression in
        let mask = Int32(truncatingIfNeeded: (field.bits << field.to) * 0x1_0001)
        return codes.apply(.shiftLeft, ByteFragments.integer(field.to - field.from, codes.type.lanes))
          .apply(.and, .integer(Int64(mask), codes.type))
      }
    }
    return fields.dropFirst().reduce(fields[0]) { $0.apply(.or, $1) }
  }

  /// Gives the codes of the scales of the lines that are bound, by group; how far a line's lie apart.
  private func scales(
    _ id: ValueID, _ product: NibbleProduct, _ body: (_ group: Expression, _ code: Expression) -> Void
  ) throws -> Expression {
    let spread = openSpread(MachineType(.i32, environment.lanes))
    try forEachGroup(product) { group in
      let code = stack.define("code", try emitWide(id, environment))
      body(group, code)
      add(code, to: spread)
    }
    return spread.value
  }

  /// A tile of rows with all columns.
  private func multiplyRows(
    _ product: NibbleProduct, _ rows: Dimension, _ tile: Expression, _ columns: Columns
  ) throws {
    let halves = RegisterArray(
      stack.unique("rows"), HalfMatrices.left, [product.groups * NibbleMatrices.pairs])
    let own = ByteFragments.ownRow
    let powers = RegisterArray(stack.unique("row_scales"), MachineType(.f64, own.type.lanes), [product.groups])
    stack.append(.registers(halves))
    stack.append(.registers(powers))
    bind(rows, tile: tile, ByteFragments.leftRow())
    try self.halves(of: product.left, product, ByteFragments.leftDepth()) { at, value in
      stack.append(.setElement(halves, [at], value))
    }
    bind(rows, tile: tile, own)
    let spread = try scales(product.scales.left, product) { group, code in
      stack.append(.setElement(powers, [group], code.powerOfTwo(bias: 127)))
    }
    let apart = stack.define(
      "apart", columns.spread.apply(.add, foldLanes(spread) { $0.apply(.maximum, $1) }))
    stack.append(
      try unrolled("column_tile", NibbleMatrices.tiles) { column in
        try collect {
          let terms = try self.terms(product, halves, powers, columns, column)
          let value = stack.variable("value", HalfMatrices.sum)
          stack.append(.declare(value, .float(0, lanes: value.type.lanes)))
          func assign(_ rounded: Expression) -> [MachineStatement] {
            [.assign(value, Expression.variable(value).apply(.add, rounded))]
          }
          // A group's sum has 14 bits with its sign: under scales less than 2^36 apart all of them together are
          // exact in 53.
          let near = terms.dropFirst().reduce(terms[0]) { $0.apply(.add, $1) }.converted(to: .f32)
          let far = Expression.apply(.roundedSum, terms, value.type)
          stack.append(
            .branch(apart.compared(.lessOrEqual, .integer(36, apart.type)), assign(near), assign(far)))
          bind(rows, tile: tile, ByteFragments.sumRow)
          bind(product, tile: column, columns: ByteFragments.sumColumn, isRead: false)
          try keep(.variable(value), product.id)
        }
      })
  }

  /// The sums of each group of a tile, under their scales.
  private func terms(
    _ product: NibbleProduct, _ rows: RegisterArray, _ powers: RegisterArray, _ columns: Columns,
    _ column: Expression
  ) throws -> [Expression] {
    (0..<product.groups).map { group in
      let sum = stack.variable("sum", HalfMatrices.sum)
      stack.append(.declare(sum, .float(0, lanes: sum.type.lanes)))
      for pair in 0..<NibbleMatrices.pairs {
        let at = Expression.constant(group * NibbleMatrices.pairs + pair)
        let operands: [Expression] = [
          .variable(sum), .element(rows, [at]), .element(columns.halves, [column, at]),
        ]
        stack.append(.assign(sum, .apply(.multiplyHalves, operands, sum.type)))
      }
      let ofColumn = Expression.element(columns.codes, [column, .constant(group)]).powerOfTwo(bias: 127)
      let scaled = Expression.variable(sum).converted(to: .f64)
        .apply(.multiply, ByteFragments.ofRows(.element(powers, [.constant(group)])))
        .apply(.multiply, ByteFragments.ofColumns(stack.define("column_scale", ofColumn)))
      return stack.define("term", scaled)
    }
  }
}
