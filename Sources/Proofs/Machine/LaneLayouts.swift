import MachineIR
import TileIR

/// Where the lanes of a value lie, as words that are sums over F2 of bits of the lane's number.
struct LaneLayouts {
  /// Vectors of lane offsets that are set once, by name.
  private var known: [String: Expression] = [:]
  private static let width = 32

  mutating func define(_ variable: MachineIR.Variable, _ value: Expression) {
    if variable.type.scalar == .i32, variable.type.lanes > 1 { known[variable.name] = value }
  }

  /// The promise that lanes go to elements of their own: two whose places are equal are one. Nil where the places
  /// are not made of the lane's number.
  func distinct(
    _ places: Expression, kernel: String, at location: SourceLocation, _ sentence: String
  ) -> Obligation? {
    guard let first = word(places, lane: "lane"), let second = word(places, lane: "other") else { return nil }
    let bits = Self.bits(of: places.type.lanes)
    return Obligation(
      .bijection, kernel: kernel, at: location, sentence, hypotheses: [first.word .== second.word],
      goal: .variable("lane", width: bits) .== .variable("other", width: bits))
  }

  private static func bits(of lanes: Int) -> Int { lanes.trailingZeroBitCount }

  /// A place, but for a number that is the same for all lanes where `isShifted`.
  private func word(_ expression: Expression, lane name: String) -> (word: Word, isShifted: Bool)? {
    func constant(_ value: Int64) -> Word {
      .constant(UInt64(truncatingIfNeeded: value) & 0xFFFF_FFFF, width: Self.width)
    }
    switch expression {
    case .laneNumbers(let lanes):
      guard lanes > 1, lanes & (lanes - 1) == 0 else { return nil }
      return (
        .extended(.variable(name, width: Self.bits(of: lanes)), width: Self.width, signed: false), false
      )
    case .integer(let value, let type): return type.scalar == .i32 ? (constant(value), false) : nil
    case .variable(let variable): return known[variable.name].flatMap { word($0, lane: name) }
    case .broadcast(.integer(let value, let type), _):
      return type.scalar == .i32 ? (constant(value), false) : nil
    case .broadcast: return (constant(0), true)
    case .apply(let instruction, let operands, let type):
      guard type.scalar == .i32 else { return nil }
      var parts: [(word: Word, isShifted: Bool)] = []
      for operand in operands {
        guard operand.type == type, let part = word(operand, lane: name) else { return nil }
        parts.append(part)
      }
      return Self.apply(instruction, parts)
    default: return nil
    }
  }

  private static func apply(
    _ instruction: Instruction, _ parts: [(word: Word, isShifted: Bool)]
  ) -> (word: Word, isShifted: Bool)? {
    let isShifted = parts.contains(where: \.isShifted)
    switch instruction {
    case .add: return (parts[0].word + parts[1].word, isShifted)
    case .subtract: return (parts[0].word - parts[1].word, isShifted)
    default: break
    }
    // Only sums keep what all lanes share apart from what they do not.
    guard !isShifted else { return nil }
    func power(_ n: Int) -> Int? { n > 0 && n & (n - 1) == 0 ? n.trailingZeroBitCount : nil }
    let word: Word? =
      switch instruction {
      case .multiply: parts[0].word * parts[1].word
      case .and: parts[0].word & parts[1].word
      case .or: parts[0].word | parts[1].word
      case .xor: parts[0].word ^ parts[1].word
      case .divideFloor(let n):
        power(n).map { .operation(.shiftRightSigned, parts[0].word, .constant(UInt64($0), width: width)) }
      case .remainderFloor(let n):
        power(n).map { _ in parts[0].word & .constant(UInt64(n - 1), width: width) }
      default: nil
      }
    return word.map { ($0, false) }
  }

  // MARK: Operands of matrix products

  /// The matrices of an instruction that a warp multiplies together: how many elements stand in a lane, and where.
  struct Matrices {
    let name: String
    let rows: Int
    let columns: Int
    let depth: Int
    let inLane: Int
    let left: MachineType
    let right: MachineType
    let sum: MachineType
    let leftPlace: (Int) -> (row: Int, depth: Int)
    let rightPlace: (Int) -> (column: Int, depth: Int)
    let sumPlace: (Int) -> (row: Int, column: Int)

    static var bytes: Matrices {
      Matrices(
        name: "bytes", rows: ByteMatrices.rows, columns: ByteMatrices.columns, depth: ByteMatrices.depth, inLane: 4,
        left: ByteMatrices.left, right: ByteMatrices.right, sum: ByteMatrices.sum,
        leftPlace: ByteMatrices.left, rightPlace: ByteMatrices.right, sumPlace: ByteMatrices.sum)
    }
    static var halves: Matrices {
      Matrices(
        name: "halves", rows: HalfMatrices.rows, columns: HalfMatrices.columns, depth: HalfMatrices.depth, inLane: 2,
        left: HalfMatrices.left, right: HalfMatrices.right, sum: HalfMatrices.sum,
        leftPlace: HalfMatrices.left, rightPlace: HalfMatrices.right, sumPlace: HalfMatrices.sum)
    }
  }

  /// The promises that each element of an operand of a matrix product is in one lane: as many places as lanes, and no
  /// two lanes with one place.
  static func matrices(_ matrices: Matrices, kernel: String, at location: SourceLocation) -> [Obligation?] {
    let words = matrices.depth / matrices.inLane
    func promise(_ operand: String, _ type: MachineType, of count: Int, _ place: (Int) -> Int) -> Obligation? {
      bijection(
        "\(operand) matrix of \(matrices.name)", type.lanes, of: count, kernel: kernel, at: location, place)
    }
    return [
      promise("left", matrices.left, of: matrices.rows * words) {
        let place = matrices.leftPlace($0)
        return place.row * words + place.depth / matrices.inLane
      },
      promise("right", matrices.right, of: matrices.columns * words) {
        let place = matrices.rightPlace($0)
        return place.column * words + place.depth / matrices.inLane
      },
      promise("sum", matrices.sum, of: matrices.rows * matrices.columns) {
        let place = matrices.sumPlace($0)
        return place.row * matrices.columns + place.column
      },
    ]
  }

  /// The promise that `place` maps lanes to `count` places one to one; nil where it is not linear over F2, or
  /// leaves them.
  static func bijection(
    _ name: String, _ lanes: Int, of count: Int, kernel: String, at location: SourceLocation,
    _ place: (Int) -> Int
  ) -> Obligation? {
    guard lanes == count, lanes > 1, lanes & (lanes - 1) == 0 else { return nil }
    let bits = bits(of: lanes)
    for lane in 0..<lanes {
      let sum = (0..<bits).reduce(0) { lane >> $1 & 1 == 1 ? $0 ^ place(1 << $1) : $0 }
      guard place(lane) == sum, (0..<count).contains(sum) else { return nil }
    }
    func word(_ variable: String) -> Word {
      let lane = Word.variable(variable, width: bits)
      let images = (0..<bits).map { bit in
        Word.extended(.extract(lane, low: bit, width: 1), width: bits, signed: true)
          & .constant(UInt64(place(1 << bit)), width: bits)
      }
      return images.dropFirst().reduce(images[0]) { $0 ^ $1 }
    }
    return Obligation(
      .bijection, kernel: kernel, at: location, "each element of the \(name) is in one lane",
      hypotheses: [word("lane") .== word("other")],
      goal: .variable("lane", width: bits) .== .variable("other", width: bits))
  }
}

extension KernelWalk {
  /// Judges that the lanes of a store to an on-chip array go to elements of their own: threads of a warp store at
  /// once.
  mutating func judgeDistinct(_ array: String, _ places: Expression) {
    guard isJudged, isOfWarps, places.type.lanes > 1 else { return }
    let sentence = "lanes of a store to \(array) go to elements of their own"
    guard let obligation = layouts.distinct(places, kernel: kernel.name, at: location, sentence) else {
      return refuse(.bijection, sentence, "its lanes are not followed")
    }
    decide(obligation)
  }

  /// Judges the layouts of matrix products of a kind, once in a kernel.
  mutating func judge(_ matrices: LaneLayouts.Matrices) {
    guard isJudged, judgedMatrices.insert(matrices.name).inserted else { return }
    for obligation in LaneLayouts.matrices(matrices, kernel: kernel.name, at: location) {
      guard let obligation else {
        refuse(
          .bijection, "each element of a matrix of \(matrices.name) is in one lane",
          "its layout is not linear over F2")
        continue
      }
      decide(obligation)
    }
  }

  private mutating func decide(_ obligation: Obligation) {
    let verdict = solver.decide(obligation)
    find(.bijection, obligation.sentence, verdict)
    if certifies, verdict.isProved { obligations.append((obligation, verdict)) }
  }
}
