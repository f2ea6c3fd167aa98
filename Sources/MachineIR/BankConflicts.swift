import TileIR

/// How often accesses to on-chip memory are repeated because threads of a warp meet in a bank.
///
/// Shared memory has 32 banks of 4 bytes. The threads of a warp are served together, those of one half where elements
/// have 8 bytes; as often as the bank that most different words are asked of.
public enum BankConflicts: Hashable, Sendable, CustomStringConvertible {
  /// At most this often; 1 is no conflict.
  case degree(Int)
  /// Lanes lie where only the data say.
  case unknown

  public var description: String {
    switch self {
    case .degree(let degree): "\(degree)"
    case .unknown: "by data"
    }
  }

  public static func worst(_ a: BankConflicts, _ b: BankConflicts) -> BankConflicts {
    guard case .degree(let x) = a, case .degree(let y) = b else { return .unknown }
    return .degree(max(x, y))
  }

  /// Of lanes at `places`, counted in elements of `bytes` bytes. A shift of all lanes changes nothing where elements
  /// are whole words; of smaller ones every shift is looked at.
  public static func of(_ places: [Int], bytes: Int) -> BankConflicts {
    if bytes < 4 {
      // Where in a word they begin is not known.
      let inWord = 4 / bytes
      return (0..<inWord).map { shift in
        of(places.map { Int((Double($0 + shift) / Double(inWord)).rounded(.down)) }, bytes: 4)
      }.reduce(.degree(1), worst)
    }
    let (together, banks) = (GPU.warp * 4 / bytes, 32 * 4 / bytes)
    var degree = 1
    for first in stride(from: 0, to: places.count, by: together) {
      var words: [Int: Set<Int>] = [:]
      for place in places[first..<min(first + together, places.count)] {
        words[((place % banks) + banks) % banks, default: []].insert(place)
      }
      degree = max(degree, words.values.map(\.count).max() ?? 1)
    }
    return .degree(degree)
  }
}

extension MachineKernel {
  /// The conflicts of each array in shared memory, the worst of its accesses.
  public var bankConflicts: [String: BankConflicts] {
    var found: [String: BankConflicts] = [:]
    let arrays = Dictionary(scratch.filter { $0.space == .onChip }.map { ($0.name, $0.type) }) { a, _ in a }
    for name in arrays.keys { found[name] = .degree(1) }
    // Where a number bounds lanes, every number is looked at.
    var lanes = (0..<GPU.warp).map { LanePlaces(boundedBy: $0) }
    func note(_ buffer: String, _ places: Expression, _ bytes: Int? = nil) {
      guard let type = arrays[buffer], places.type.lanes > 1 else { return }
      for bounded in lanes {
        let conflicts =
          bounded.values(places).map { BankConflicts.of($0.values, bytes: bytes ?? type.byteCount) } ?? .unknown
        found[buffer] = .worst(found[buffer]!, conflicts)
      }
    }
    func visit(_ expression: Expression) {
      switch expression {
      case .gather(let access, let places, _, _): note(access.buffer, places, access.element.bitWidth / 8)
      case .gatherRaw(let buffer, _, let places, _): note(buffer, places)
      default: break
      }
      for part in expression.parts { visit(part) }
    }
    for statement in body {
      statement.forEach { statement in
        switch statement {
        case .define(let variable, let value): for bound in lanes.indices { lanes[bound].define(variable, value) }
        case .scatter(let access, let places, _, _): note(access.buffer, places, access.element.bitWidth / 8)
        default: break
        }
        for expression in statement.expressions { visit(expression) }
      }
    }
    return found
  }
}

/// The numbers of lanes that follow from the lanes' own numbers.
public struct LanePlaces {
  /// Values, but for one number that is the same for all lanes where `isShifted`.
  public struct Places {
    public let values: [Int]
    public let isShifted: Bool
  }
  private var known: [String: Places] = [:]
  /// What a number that bounds lanes, such as how many columns a tile has, is taken as; nil where it is not known.
  private let bound: Int?

  public init(boundedBy bound: Int? = nil) { self.bound = bound }

  public mutating func define(
    _ variable: Variable, _ value: Expression, numbers: (Expression) -> Int? = { _ in nil }
  ) {
    guard variable.type.lanes > 1 else { return }
    known[variable.name] = values(value, numbers: numbers)
  }

  /// - Parameter numbers: what is known of a number that all lanes share.
  public func values(_ expression: Expression, numbers: (Expression) -> Int? = { _ in nil }) -> Places? {
    let lanes = expression.type.lanes
    switch expression {
    case .laneNumbers(let lanes): return Places(values: Array(0..<lanes), isShifted: false)
    case .integer(let value, _):
      return Places(values: [Int](repeating: Int(value), count: lanes), isShifted: false)
    case .variable(let variable): return known[variable.name]
    case .broadcast(.integer(let value, _), let lanes):
      return Places(values: [Int](repeating: Int(value), count: lanes), isShifted: false)
    case .broadcast(let shared, let lanes):
      let number = numbers(shared)
      return Places(values: [Int](repeating: number ?? 0, count: lanes), isShifted: number == nil)
    case .apply(let instruction, let operands, let type) where type.scalar == .i32 && type.lanes == lanes:
      var parts: [Places] = []
      for operand in operands {
        guard operand.type == type, let part = values(operand, numbers: numbers) else { return nil }
        parts.append(part)
      }
      return apply(instruction, parts)
    default: return nil
    }
  }

  private func apply(_ instruction: Instruction, _ parts: [Places]) -> Places? {
    let isShifted = parts.contains(where: \.isShifted)
    func pairs(_ body: (Int, Int) -> Int) -> Places? {
      Places(values: zip(parts[0].values, parts[1].values).map(body), isShifted: isShifted)
    }
    switch instruction {
    case .add: return pairs(+)
    case .subtract: return pairs(-)
    default: break
    }
    if instruction == .minimum, let bound, let shifted = parts.firstIndex(where: \.isShifted),
      Set(parts[shifted].values).count == 1, !parts[1 - shifted].isShifted
    {
      return Places(values: parts[1 - shifted].values.map { min($0, bound) }, isShifted: false)
    }
    // Only sums keep what all lanes share apart from what they do not.
    guard !isShifted else { return nil }
    switch instruction {
    case .multiply: return pairs(*)
    case .minimum: return pairs(min)
    case .maximum: return pairs(max)
    case .and: return pairs(&)
    case .or: return pairs(|)
    case .xor: return pairs(^)
    case .divideFloor(let n):
      return Places(
        values: parts[0].values.map { Int((Double($0) / Double(n)).rounded(.down)) }, isShifted: false)
    case .remainderFloor(let n):
      return Places(values: parts[0].values.map { ($0 % n + n) % n }, isShifted: false)
    default: return nil
    }
  }
}

extension Expression {
  /// The expressions that it is made of.
  fileprivate var parts: [Expression] {
    switch self {
    case .variable, .integer, .float, .laneNumbers, .table: []
    case .apply(_, let operands, _): operands
    case .broadcast(let value, _): [value]
    case .element(_, let indices): indices
    case .conditional(let condition, let a, let b): [condition, a, b]
    case .load(let access, _, let active): [access.offset] + (active.map { [$0] } ?? [])
    case .gather(let access, let lanes, _, let active): [access.offset, lanes] + (active.map { [$0] } ?? [])
    case .raw(_, let offset, _): [offset]
    case .gatherRaw(_, let offset, let lanes, _): [offset, lanes]
    }
  }
}
