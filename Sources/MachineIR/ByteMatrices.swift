/// The operands of `Instruction.multiplyBytes`, a product of 16 x 32 by 32 x 8 signed bytes: what lies in which lane.
///
/// Four bytes that are neighbours along the depth are one `i32`, the first in the lowest bits. Lane l of a value is
/// register l / 32 of thread l % 32, and the places are those that the threads of `mma.m16n8k32` hold (PTX ISA,
/// "Matrix Fragments for mma.m16n8k32"), so that no lane moves.
public enum ByteMatrices {
  public static let rows = 16
  public static let columns = 8
  public static let depth = 32

  public static let left = MachineType(.i32, 128)
  public static let right = MachineType(.i32, 64)
  public static let sum = MachineType(.i32, 128)

  /// The row and the first of four depths in a lane of the left operand.
  public static func left(_ lane: Int) -> (row: Int, depth: Int) {
    let (register, thread) = (lane / GPU.warp, lane % GPU.warp)
    return (thread / 4 + register % 2 * 8, 4 * (thread % 4) + register / 2 * 16)
  }

  /// The column and the first of four depths in a lane of the right operand.
  public static func right(_ lane: Int) -> (column: Int, depth: Int) {
    let (register, thread) = (lane / GPU.warp, lane % GPU.warp)
    return (thread / 4, 4 * (thread % 4) + register * 16)
  }

  /// The row and the column of a lane of the sums.
  public static func sum(_ lane: Int) -> (row: Int, column: Int) {
    let (register, thread) = (lane / GPU.warp, lane % GPU.warp)
    return (thread / 4 + register / 2 * 8, thread % 4 * 2 + register % 2)
  }
}
