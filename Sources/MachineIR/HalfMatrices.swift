import TileIR

/// The operands of `Instruction.multiplyHalves`, a product of 16 x 16 by 16 x 8 numbers of binary16: what lies in which
/// lane, and what codes become there.
///
/// Two halves that are neighbours along the depth are one `i32`, the first in the lowest bits. Lane l of a value is
/// register l / 32 of thread l % 32, and the places are those that the threads of `mma.m16n8k16` hold (PTX ISA, "Matrix
/// Fragments for mma.m16n8k16 with floating point type"), so that no lane moves.
///
/// An E4M3 number is two parts, each a half: part 0 is the nearest integer, to the even one of two, at most 448; part 1
/// is what is left, a multiple of 2^-9 of at most 1/2. Codes stand four to a word, the first pair in its lower half. A NaN
/// code has no parts.
///
/// E2M1 codes stand eight to a word: code n is one of pair n % 4, in its lower half where n < 4. Their bits, one of sign
/// and three of size, lie where a half has them, or so far from there that shifts to the left bring them.
public enum HalfMatrices {
  public static let rows = 16
  public static let columns = 8
  public static let depth = 16

  public static let left = MachineType(.i32, 128)
  public static let right = MachineType(.i32, 64)
  public static let sum = MachineType(.f32, 128)

  /// What sums stay below, in units.
  public static let exactSums = 1 << 24

  /// The row and the first of two depths in a lane of the left operand.
  public static func left(_ lane: Int) -> (row: Int, depth: Int) {
    let (register, thread) = (lane / GPU.warp, lane % GPU.warp)
    return (thread / 4 + register % 2 * 8, 2 * (thread % 4) + register / 2 * 8)
  }

  /// The column and the first of two depths in a lane of the right operand.
  public static func right(_ lane: Int) -> (column: Int, depth: Int) {
    let (register, thread) = (lane / GPU.warp, lane % GPU.warp)
    return (thread / 4, 2 * (thread % 4) + register * 8)
  }

  /// The row and the column of a lane of the sums.
  public static func sum(_ lane: Int) -> (row: Int, column: Int) { ByteMatrices.sum(lane) }

  // MARK: E4M3

  /// Parts of an E4M3 number.
  public static let parts = 2
  /// The exponent of the unit of a part, and the most units that one has.
  public static func partUnit(_ part: Int) -> (exponent: Int, most: Int) { part == 0 ? (0, 448) : (-9, 256) }

  /// A part of the number of a code that is none of NaN.
  static func part(_ part: Int, ofE4M3 code: UInt8) -> Float {
    let number = ElementType.e4m3.number(UInt32(code))
    let nearest = number.rounded(.toNearestOrEven)
    return part == 0 ? nearest : number - nearest
  }

  // MARK: E2M1

  /// Halves are 2^(shift - 5) of an E2M1 number, for shifts up to `mostShift`.
  public static let e2m1Exponent = -5
  public static let mostShift = 6
  /// How far the sign and the size of the codes of a pair are shifted to the left on their way to halves.
  public static let signShifts: [Int] = [0, 3, 1, 2]
  public static let sizeShifts: [Int] = [0, 3, 6, 9]
  /// The lowest bit of a half that has bits of an E2M1 number's size, and of its sign.
  public static let sizeBit = 9
  public static let signBit = 15
}
