import MachineIR
import TileIR

/// What a language of the C family says in its own way; expressions and statements that all of them write
/// alike are printed by `ExpressionPrinter` and `StatementPrinter`.
package protocol CDialect: Definitions {
  typealias Printer = ExpressionPrinter<Self>

  // MARK: Types and constants

  /// The name of a register type, declared.
  @discardableResult
  func type(_ type: MachineType) -> String
  /// What stands before an inline function of the prelude.
  var inlineFunction: String { get }
  /// A float, or an integer; `isBits` asks for hexadecimal where that reads better.
  func literal(_ constant: Expression, isBits: Bool) -> String
  /// A literal with its lanes spelled out.
  func spelledOut(_ literal: CExpression, _ type: MachineType) -> CExpression
  /// 0, 1, 2, … in `i32` lanes.
  func laneNumbers(_ lanes: Int) -> String
  func table(_ table: ByteTable) throws -> String

  // MARK: Operations

  /// The function for an instruction that no operator says, added to the file; its operands are its arguments.
  func function(_ instruction: Instruction, of operands: [MachineType], _ type: MachineType) throws -> String
  /// The function for a scalar function over `lanes`, added to the file.
  func function(_ function: ScalarFunction, lanes: Int) throws -> String
  /// The operator that complements a value of this type: `!` where truth values are 0 and 1.
  func complement(_ type: MachineType) -> String
  func broadcast(_ value: CExpression, of type: MachineType, to lanes: Int) -> CExpression
  /// A vector comparison of operands of this type as the language gives it, as a mask.
  func compared(_ value: CExpression, of operands: MachineType) -> CExpression
  /// Lanes of the second or third operand, by the mask that is the first.
  func select(_ operands: [Expression], _ type: MachineType, _ printer: inout Printer) throws -> CExpression
  func convert(_ value: Expression, _ type: MachineType, _ printer: inout Printer) throws -> CExpression
  func bitCast(_ value: Expression, _ type: MachineType, _ printer: inout Printer) throws -> CExpression
  /// Half of a vector's lanes: `lowHalf`, `highHalf`, `evenLanes` or `oddLanes`.
  func part(
    _ instruction: Instruction, _ value: Expression, _ type: MachineType, _ printer: inout Printer
  ) throws -> CExpression
  func lane(_ number: Int, _ value: Expression, _ type: MachineType, _ printer: inout Printer) throws -> CExpression

  // MARK: Memory

  func load(
    _ storage: Storage, _ place: Place, _ type: MachineType, _ active: Expression?, _ printer: inout Printer
  ) throws -> CExpression
  func gather(
    _ storage: Storage, _ place: Place, _ lanes: Expression, _ type: MachineType, _ active: Expression?,
    _ printer: inout Printer
  ) throws -> CExpression
}

/// Where memory is touched: a buffer's name and an offset in elements.
package struct Place {
  package let buffer: String
  package let offset: Expression
  package init(_ buffer: String, _ offset: Expression) {
    self.buffer = buffer
    self.offset = offset
  }
}
