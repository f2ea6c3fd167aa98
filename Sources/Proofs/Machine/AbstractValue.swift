import MachineIR
import TileIR

/// What a proof knows of a register's value.
enum AbstractValue {
  /// An integer of every lane; lanes differ by the lane's number, a symbol.
  case integer(Polynomial)
  case condition(Condition)
  /// Two 32-bit integers in an `i64`: what a sort moves.
  case packed(high: Polynomial, low: Polynomial)
  /// Anything: floats, bytes.
  case unknown
}

/// What a truth value says: polynomials that are at least 0 where it holds, and where it does not.
struct Condition {
  var whenTrue: [Polynomial] = []
  var whenFalse: [Polynomial] = []

  static let unknown = Condition()

  var negated: Condition { Condition(whenTrue: whenFalse, whenFalse: whenTrue) }

  init(whenTrue: [Polynomial] = [], whenFalse: [Polynomial] = []) {
    self.whenTrue = whenTrue
    self.whenFalse = whenFalse
  }

  init(_ comparison: Comparison, _ a: Polynomial, _ b: Polynomial) {
    switch comparison {
    case .less: self.init(whenTrue: [b - a - 1], whenFalse: [a - b])
    case .lessOrEqual: self.init(whenTrue: [b - a], whenFalse: [a - b - 1])
    case .greater: self.init(whenTrue: [a - b - 1], whenFalse: [b - a])
    case .greaterOrEqual: self.init(whenTrue: [a - b], whenFalse: [b - a - 1])
    case .equal: self.init(whenTrue: [a - b, b - a])
    case .notEqual: self.init(whenFalse: [a - b, b - a])
    }
  }

  static func and(_ a: Condition, _ b: Condition) -> Condition {
    Condition(whenTrue: a.whenTrue + b.whenTrue)
  }
  static func or(_ a: Condition, _ b: Condition) -> Condition {
    Condition(whenFalse: a.whenFalse + b.whenFalse)
  }
}

extension MachineScalar {
  /// The values of an integer register.
  var values: ClosedRange<Int>? {
    switch self {
    case .i8: -128...127
    case .u8: 0...255
    case .i16: -32768...32767
    case .i32: Int(Int32.min)...Int(Int32.max)
    case .i64: Int.min / 4...Int.max / 4
    case .f32, .f64, .mask: nil
    }
  }
}
