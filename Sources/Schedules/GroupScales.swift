import MachineIR

/// The scales of a column's groups within a block of E2M1 codes, as two words: the least scale with what each group's
/// has above it and whether any column's lie too far apart, and the scales themselves.
enum GroupScales {
  /// The largest shift of twice an E2M1 value within a byte.
  static let mostShift = 3
  private static let shiftBits = 2
  private static let firstShift = 8
  private static let farBit = 16

  /// The words of codes of E8M0 in `i32` lanes, at most four; `far` is 1 where shifts do not do.
  static func words(_ codes: [Expression], least: Expression, far: Expression) -> (
    together: Expression, apart: Expression
  ) {
    let type = least.type
    func constant(_ value: Int) -> Expression { .integer(Int64(value), type) }
    var together = least.apply(.or, far.apply(.shiftLeft, constant(farBit)))
    var apart = codes[0]
    for (group, code) in codes.enumerated() {
      let shift = code.apply(.subtract, least).apply(.minimum, constant(mostShift))
      together = together.apply(.or, shift.apply(.shiftLeft, constant(firstShift + shiftBits * group)))
      if group > 0 { apart = apart.apply(.or, code.apply(.shiftLeft, constant(8 * group))) }
    }
    return (together, apart)
  }

  static func isFar(_ word: Expression) -> Expression {
    word.apply(.and, .integer(1 << farBit, word.type)).compared(.notEqual, .integer(0, word.type))
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
