import TileIR

/// The textual form of register values.
///
/// | text | means |
/// |---|---|
/// | `x[a; 16]` | 16 elements of x from a |
/// | `x[a; 16, first n]` | the first n of them, zeros in the other lanes |
/// | `gather x[a; l]` | one element a lane, at a + l |
/// | `@t[a; 16]` | 16 lanes as they lie in memory, without conversion |
/// | `spread(a)` | a scalar in every lane |
/// | `f32x16(a)` | a numeric conversion |
/// | `bits i32x16(a)` | the same bits under another type |
/// | `#t` | the bytes of a table, known by its name |
///
/// Division and remainder by constants round down.
extension Expression: CustomStringConvertible {
  public var description: String { text.whole }

  private var text: Operand {
    switch self {
    case .variable(let variable): Operand(variable.name)
    case .integer(let value, let type) where type.scalar == .mask: Operand(value == 0 ? "false" : "true")
    case .integer(let value, _): Operand("\(value)", value < 0 ? .prefix : .atom)
    case .float(let bits, let type):
      Operand(Self.decimal(bits, type.scalar), Double(bitPattern: bits).sign == .minus ? .prefix : .atom)
    case .laneNumbers(let lanes): Operand("lane_numbers(\(lanes))")
    case .table(let table): Operand("#\(table.name)")
    case .apply(let instruction, let operands, let type):
      instruction.text(operands.map(\.text), type)
    case .broadcast(let value, _): Operand("spread(\(value))")
    case .load(let access, let type, let active):
      Operand("\(access.buffer)[\(Self.place(access.offset, type.lanes, active))]")
    case .gather(let access, let lanes, _, let active):
      Operand("gather \(access.buffer)[\(access.offset); \(lanes)\(Self.first(active))]", .prefix)
    case .element(let array, let indices): Operand("\(array.name)[\(Self.list(indices))]")
    case .raw(let buffer, let offset, let type): Operand("@\(buffer)[\(Self.place(offset, type.lanes, nil))]")
    case .gatherRaw(let buffer, let offset, let lanes, _):
      Operand("gather @\(buffer)[\(offset); \(lanes)]", .prefix)
    case .conditional(let condition, let a, let b):
      Operand("\(condition.side) ? \(a.side) : \(b.side)", .choice)
    }
  }

  /// The text as a part of a choice.
  private var side: String { text.at(.comparison) }

  /// What stands between the brackets of an access of some lanes.
  static func place(_ offset: Expression, _ lanes: Int, _ active: Expression?) -> String {
    lanes == 1 ? "\(offset)\(first(active))" : "\(offset); \(lanes)\(first(active))"
  }

  static func first(_ active: Expression?) -> String { active.map { ", first \($0)" } ?? "" }

  static func list(_ expressions: [Expression]) -> String {
    expressions.map(\.description).joined(separator: ", ")
  }

  /// The shortest decimal of the number in its own type.
  private static func decimal(_ bits: UInt64, _ scalar: MachineScalar) -> String {
    let value = Double(bitPattern: bits)
    return scalar == .f32 ? "\(Float(value))" : "\(value)"
  }
}

/// A text and how tightly it binds.
private struct Operand {
  enum Strength: Int {
    case choice, comparison, or, exclusiveOr, and, shift, sum, product, prefix, atom
  }
  let whole: String
  let strength: Strength

  init(_ whole: String, _ strength: Strength = .atom) {
    self.whole = whole
    self.strength = strength
  }

  /// The text where something of at least this strength must stand.
  func at(_ least: Strength) -> String { strength.rawValue >= least.rawValue ? whole : "(\(whole))" }

  /// The text as the right side of a sign of this strength: signs group from the left.
  func right(of sign: Strength) -> String { strength.rawValue > sign.rawValue ? whole : "(\(whole))" }
}

extension Instruction {
  fileprivate func text(_ operands: [Operand], _ type: MachineType) -> Operand {
    func sign(_ symbol: String, _ strength: Operand.Strength) -> Operand {
      Operand("\(operands[0].at(strength)) \(symbol) \(operands[1].right(of: strength))", strength)
    }
    func function(_ name: String) -> Operand {
      Operand("\(name)(\(operands.map(\.whole).joined(separator: ", ")))")
    }
    switch self {
    case .add: return sign("+", .sum)
    case .subtract: return sign("-", .sum)
    case .multiply: return sign("*", .product)
    case .divide, .quotient: return sign("/", .product)
    case .remainder: return sign("%", .product)
    case .divideFloor(let n): return Operand("\(operands[0].at(.product)) / \(n)", .product)
    case .remainderFloor(let n): return Operand("\(operands[0].at(.product)) % \(n)", .product)
    case .and: return sign("&", .and)
    case .or: return sign("|", .or)
    case .xor: return sign("^", .exclusiveOr)
    case .shiftLeft: return sign("<<", .shift)
    case .shiftRightLogical: return sign(">>>", .shift)
    case .shiftRightArithmetic: return sign(">>", .shift)
    case .compare(let comparison):
      // Comparisons do not chain: both sides bind more tightly.
      return Operand(
        "\(operands[0].at(.shift)) \(comparison.symbol) \(operands[1].at(.shift))", .comparison)
    case .negate: return Operand("-\(operands[0].at(.atom))", .prefix)
    case .not: return Operand("!\(operands[0].at(.atom))", .prefix)
    case .convert: return function(type.description)
    case .bitCast: return function("bits \(type)")
    case .call(let called): return function(called.name)
    case .lane(let lane): return function("lane<\(lane)>")
    case .halvesOfE4M3(let pair, let part): return function("halves_of_e4m3<\(pair), \(part)>")
    case .halvesOfE2M1(let pair): return function("halves_of_e2m1<\(pair)>")
    default: return function("\(self)".wordsUnderscored)
    }
  }
}

extension String {
  /// `fusedMultiplyAdd` as `fused_multiply_add`.
  fileprivate var wordsUnderscored: String {
    reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
  }
}

extension Comparison {
  /// As C and Swift write it.
  package var symbol: String {
    switch self {
    case .equal: "=="
    case .notEqual: "!="
    case .less: "<"
    case .lessOrEqual: "<="
    case .greater: ">"
    case .greaterOrEqual: ">="
    }
  }
}

extension MachineType: CustomStringConvertible {
  /// `f32`, or `f32x16` for 16 lanes.
  public var description: String { lanes == 1 ? scalar.rawValue : "\(scalar.rawValue)x\(lanes)" }
}

extension HostExpression {
  /// The number as a plan of `program` writes it: `|rows|` is the extent of rows, `x.stride(rows)` the elements
  /// between neighbours along it.
  public func text(in program: Program) -> String { operand(in: program).whole }

  private func operand(in program: Program) -> Operand {
    func sign(_ a: HostExpression, _ symbol: String, _ b: String, _ strength: Operand.Strength) -> Operand {
      Operand("\(a.operand(in: program).at(strength)) \(symbol) \(b)", strength)
    }
    switch self {
    case .constant(let value): return Operand("\(value)", value < 0 ? .prefix : .atom)
    case .extent(let dimension): return Operand("|\(dimension.name)|")
    case .stride(let parameter, let axis):
      let declared = program.parameters[parameter]
      return Operand("\(declared.name).stride(\(declared.axes[axis].name))")
    case .scalar(let parameter): return Operand(program.parameters[parameter].name)
    case .sum(let a, .constant(let b)) where b < 0 && b > Int.min: return sign(a, "-", "\(-b)", .sum)
    case .sum(let a, .product(let b, .constant(-1))):
      return sign(a, "-", b.operand(in: program).right(of: .sum), .sum)
    case .sum(let a, let b): return sign(a, "+", b.operand(in: program).right(of: .sum), .sum)
    case .product(let a, let b): return sign(a, "*", b.operand(in: program).right(of: .product), .product)
    case .divided(let a, let n): return sign(a, "/", "\(n)", .product)
    case .remainder(let a, let n): return sign(a, "%", "\(n)", .product)
    case .maximum(let a, let b): return Operand("maximum(\(a.text(in: program)), \(b.text(in: program)))")
    case .minimum(let a, let b): return Operand("minimum(\(a.text(in: program)), \(b.text(in: program)))")
    }
  }
}
