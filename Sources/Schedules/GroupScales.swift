import MachineIR

/// The scales of a column's groups within a block of E2M1 codes, as two words: the least scale with what each group's
/// has above it and whether any column's lie too far apart or from 1, and the scales themselves.
enum GroupScales {
  /// The largest shift: with one more, sums of 128 products would still be exact, and the word has two bits.
  static let mostShift = 3
  private static let shiftBits = 2
  private static let firstShift = 8
  private static let farBit = 16

  /// The words of codes of E8M0 in `i32` lanes, at most four; `far` is 1 where shifts do not do, and then there are none,
  /// else 0.
  static func words(_ codes: [Expression], least: Expression, far: Expression) -> (
    together: Expression, apart: Expression
  ) {
    let type = least.type
    func constant(_ value: Int) -> Expression { .integer(Int64(value), type) }
    var together = least.apply(.or, far.apply(.shiftLeft, constant(farBit)))
    let all = far.apply(.subtract, constant(1))
    for (group, code) in codes.enumerated() {
      let shift = code.apply(.subtract, least).apply(.minimum, constant(mostShift)).apply(.and, all)
      together = together.apply(.or, shift.apply(.shiftLeft, constant(firstShift + shiftBits * group)))
    }
    return (together, apart(codes))
  }

  /// The codes themselves, a byte each.
  static func apart(_ codes: [Expression]) -> Expression {
    codes.enumerated().dropFirst().reduce(codes[0]) { word, next in
      let place = Expression.integer(Int64(8 * next.offset), word.type)
      return word.apply(.or, next.element.apply(.shiftLeft, place))
    }
  }

  /// Not 0 where `far` was 1.
  static func farBit(_ word: Expression) -> Expression { word.apply(.and, .integer(1 << farBit, word.type)) }

  /// Codes of scales that are near 1: products of two and of a rounded sum keep all their bits.
  static let near = 127 - 60...127 + 60
  static func isNear(_ codes: Expression) -> Expression {
    let lanes = codes.type.lanes
    return codes.compared(.greaterOrEqual, ByteFragments.integer(near.lowerBound, lanes))
      .apply(.and, codes.compared(.lessOrEqual, ByteFragments.integer(near.upperBound, lanes)))
  }

  static func least(_ word: Expression) -> Expression { word.apply(.and, .integer(255, word.type)) }
  /// What group `group` has above the least.
  static func shift(_ word: Expression, _ group: Expression) -> Expression {
    let place = (group * .constant(shiftBits) + .constant(firstShift)).converted(to: .i32).broadcast(
      to: word.type.lanes)
    return word.apply(.shiftRightLogical, place).apply(.and, .integer(Int64(mostShift), word.type))
  }
  /// The scale of group `group`, of a word of those.
  static func scale(_ word: Expression, _ group: Int) -> Expression {
    let moved = group == 0 ? word : word.apply(.shiftRightLogical, .integer(Int64(8 * group), word.type))
    return moved.apply(.and, .integer(255, word.type))
  }
}
