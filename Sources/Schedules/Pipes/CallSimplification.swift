import TileIR

/// What of a scalar function's body has to be computed where some operands are constants: the same bits from fewer steps.
///
/// Steps of constants are constants; truth values that are constant leave one operand; what nothing needs is left out.
struct CallSimplification {
  enum Form {
    /// By its bits; of a truth value, 0 or 1.
    case constant(UInt32)
    /// What another step gives.
    case same(Int)
    case computed
  }
  private(set) var forms: [Form] = []
  /// Steps that have to be computed.
  private(set) var needed: Set<Int> = []
  /// Comparisons for difference of which the opposite does, since they choose alone: `Compare` has none for difference.
  private(set) var opposite: Set<Int> = []
  private let function: ScalarFunction

  /// `constants`: the bits of parameters that are constants.
  init(_ function: ScalarFunction, constants: [UInt32?]) {
    self.function = function
    for step in function.steps { forms.append(form(of: step, constants)) }
    var pending = [function.result]
    while let next = pending.popLast() {
      guard case .computed = forms[next], needed.insert(next).inserted else {
        if case .same(let other) = forms[next] { pending.append(other) }
        continue
      }
      pending += function.steps[next].operands
    }
    for number in needed {
      if case .elementwise(.compare(.notEqual)) = function.steps[number].operation { opposite.insert(number) }
    }
    for number in needed {
      let step = function.steps[number]
      let isChoice = if case .elementwise(.select) = step.operation { true } else { false }
      opposite.subtract((isChoice ? Array(step.operands.dropFirst()) : step.operands).map(origin))
    }
    opposite.remove(origin(function.result))
  }

  /// The step that another stands for.
  func origin(_ step: Int) -> Int {
    if case .same(let other) = forms[step] { origin(other) } else { step }
  }

  private func constant(_ step: Int) -> UInt32? {
    switch forms[step] {
    case .constant(let bits): bits
    case .same(let other): constant(other)
    case .computed: nil
    }
  }

  private func form(of step: ScalarFunction.Step, _ constants: [UInt32?]) -> Form {
    switch step.operation {
    case .parameter(let position): return constants[position].map { .constant($0) } ?? .computed
    case .constant(let bits): return .constant(step.type == .bool && bits != 0 ? 1 : bits)
    case .elementwise(let operation):
      let known = step.operands.map(constant)
      if let all = known.allKnown, let bits = Self.value(operation, all, function.steps[step.operands[0]].type) {
        return .constant(bits)
      }
      switch operation {
      case .select:
        if let truth = known[0] { return .same(step.operands[truth != 0 ? 1 : 2]) }
      case .and where step.type == .bool: return joined(step.operands, known, neutral: 1)
      case .or where step.type == .bool: return joined(step.operands, known, neutral: 0)
      default: break
      }
      return .computed
    }
  }

  private func joined(_ operands: [Int], _ known: [UInt32?], neutral: UInt32) -> Form {
    for (own, other) in [(0, 1), (1, 0)] {
      guard let truth = known[own] else { continue }
      return truth == neutral ? .same(operands[other]) : .constant(truth)
    }
    return .computed
  }

  /// An operation on constants; nil where it is not carried out here.
  private static func value(_ operation: Elementwise, _ a: [UInt32], _ type: ElementType) -> UInt32? {
    type == .float32 ? ofFloats(operation, a.map(Float.init(bitPattern:))) : ofIntegers(operation, a, type)
      ?? (operation == .select ? (a[0] != 0 ? a[1] : a[2]) : nil)
  }

  private static func ofFloats(_ operation: Elementwise, _ a: [Float]) -> UInt32? {
    guard !a.contains(where: \.isNaN) else { return nil }
    func bits(_ result: Float) -> UInt32? { result.isNaN ? nil : result.bitPattern }
    switch operation {
    case .add: return bits(a[0] + a[1])
    case .subtract: return bits(a[0] - a[1])
    case .multiply: return bits(a[0] * a[1])
    case .negate: return bits(-a[0])
    case .absolute: return bits(a[0].magnitude)
    case .compare(let comparison): return comparison.holds(a[0], a[1]) ? 1 : 0
    case .bitCast(.int32): return a[0].bitPattern
    default: return nil
    }
  }

  private static func ofIntegers(_ operation: Elementwise, _ a: [UInt32], _ type: ElementType) -> UInt32? {
    guard type == .int32 || type == .bool else { return nil }
    switch operation {
    case .and: return a[0] & a[1]
    case .or: return a[0] | a[1]
    case .xor: return a[0] ^ a[1]
    case .not: return type == .bool ? 1 - a[0] : ~a[0]
    case .add where type == .int32: return a[0] &+ a[1]
    case .subtract where type == .int32: return a[0] &- a[1]
    case .multiply where type == .int32: return a[0] &* a[1]
    case .shiftLeft where a[1] < 32: return a[0] << a[1]
    case .shiftRightLogical where a[1] < 32: return a[0] >> a[1]
    case .shiftRightArithmetic where a[1] < 32: return UInt32(bitPattern: Int32(bitPattern: a[0]) >> Int32(a[1]))
    case .compare(let comparison) where type == .int32:
      return comparison.holds(Int32(bitPattern: a[0]), Int32(bitPattern: a[1])) ? 1 : 0
    case .bitCast(.float32): return Float(bitPattern: a[0]).isNaN ? nil : a[0]
    default: return nil
    }
  }
}

extension [UInt32?] {
  /// All of them, where all are there.
  fileprivate var allKnown: [UInt32]? {
    let known = compactMap { $0 }
    return known.count == count ? known : nil
  }
}
