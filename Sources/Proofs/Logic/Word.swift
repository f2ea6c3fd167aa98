/// A machine word of a fixed width: layouts, swizzles and arithmetic that wraps.
public indirect enum Word: Hashable, Sendable {
  /// The low `width` bits of a number.
  case constant(UInt64, width: Int)
  case variable(String, width: Int)
  case operation(WordOperation, Word, Word)
  case not(Word)
  /// Bits `low ..< low + width`.
  case extract(Word, low: Int, width: Int)
  /// The first word in the high bits.
  case concatenated(Word, Word)
  /// To a greater width, with zeros or copies of the sign bit.
  case extended(Word, width: Int, signed: Bool)

  /// Bits of the word.
  public var width: Int {
    switch self {
    case .constant(_, let width), .variable(_, let width), .extract(_, _, let width),
      .extended(_, let width, _): width
    case .operation(_, let a, _), .not(let a): a.width
    case .concatenated(let a, let b): a.width + b.width
    }
  }

  public static func + (a: Word, b: Word) -> Word { .operation(.add, a, b) }
  public static func - (a: Word, b: Word) -> Word { .operation(.subtract, a, b) }
  public static func * (a: Word, b: Word) -> Word { .operation(.multiply, a, b) }
  public static func & (a: Word, b: Word) -> Word { .operation(.and, a, b) }
  public static func | (a: Word, b: Word) -> Word { .operation(.or, a, b) }
  public static func ^ (a: Word, b: Word) -> Word { .operation(.xor, a, b) }
  public static func << (a: Word, bits: Int) -> Word {
    .operation(.shiftLeft, a, .constant(UInt64(bits), width: a.width))
  }
  /// Brings in zeros.
  public static func >> (a: Word, bits: Int) -> Word {
    .operation(.shiftRight, a, .constant(UInt64(bits), width: a.width))
  }

  public static func .== (a: Word, b: Word) -> Formula { .words(a, .equal, b) }
  public static func .!= (a: Word, b: Word) -> Formula { !(a .== b) }
  public func isLess(than b: Word, signed: Bool) -> Formula {
    .words(self, signed ? .signedLess : .unsignedLess, b)
  }

  /// Calls `body` on the name and width of every variable in it.
  public func visitVariables(_ body: (String, Int) -> Void) {
    switch self {
    case .constant: break
    case .variable(let name, let width): body(name, width)
    case .operation(_, let a, let b), .concatenated(let a, let b):
      a.visitVariables(body)
      b.visitVariables(body)
    case .not(let a), .extract(let a, _, _), .extended(let a, _, _): a.visitVariables(body)
    }
  }
}

/// Operations on two words of one width; results wrap.
public enum WordOperation: String, Hashable, Sendable {
  case add = "bvadd"
  case subtract = "bvsub"
  case multiply = "bvmul"
  case and = "bvand"
  case or = "bvor"
  case xor = "bvxor"
  case shiftLeft = "bvshl"
  case shiftRight = "bvlshr"
  case shiftRightSigned = "bvashr"
  case divide = "bvudiv"
  case remainder = "bvurem"
}

public enum WordRelation: String, Hashable, Sendable {
  case equal = "="
  case unsignedLess = "bvult"
  case signedLess = "bvslt"
}
