/// The operands of `Instruction.multiplyDoubles`, a product of 8 x 4 by 4 x 8 numbers of `f64`: what lies in which lane.
///
/// Lane l of a value is register l / 32 of thread l % 32, and the places are those that the threads of `mma.m8n8k4`
/// hold (PTX ISA, "Matrix Fragments for mma.m8n8k4 with .f64"), so that no lane moves.
public enum DoubleMatrices {
  public static let rows = 8
  public static let columns = 8
  public static let depth = 4

  public static let left = MachineType(.f64, 32)
  public static let right = MachineType(.f64, 32)
  public static let sum = MachineType(.f64, 64)

  /// The row of the left operand, or the column of the right one, that each lane of it holds an element of.
  public static var line: Expression { Expression.laneNumbers(left.lanes).divided(by: depth) }
  /// Where along the depth that element is.
  public static var step: Expression { Expression.laneNumbers(left.lanes).remainder(by: depth) }

  /// The row and the column of each lane of the sums.
  public static var sumRow: Expression { thread.divided(by: 4) }
  public static var sumColumn: Expression {
    let two = Expression.integer(2, MachineType(.i32, sum.lanes))
    return thread.remainder(by: 4) * two + Expression.laneNumbers(sum.lanes).divided(by: GPU.warp)
  }
  private static var thread: Expression { Expression.laneNumbers(sum.lanes).remainder(by: GPU.warp) }

  /// The same of one lane.
  public static func sum(_ lane: Int) -> (row: Int, column: Int) {
    (lane % GPU.warp / 4, lane % 4 * 2 + lane / GPU.warp)
  }
}
