import Tiles

/// What random inputs hold.
public enum InputKind: String, Sendable, CaseIterable {
  /// Numbers of magnitude 1/8 to 4, scales near 1.
  case ordinary
  /// Every binade of the format, subnormals, zeros of both signs and the largest finite numbers.
  case extreme
  /// Ordinary numbers, in a third of the rows among them NaN of many payloads, infinities, zeros, subnormals
  /// and NaN scales.
  case special
}

extension Program {
  /// Random arguments that a launch admits: every input, weight and state buffer by name, and scalars as
  /// tensors without axes. What a parameter's refinements say holds.
  ///
  /// `extents` binds the symbolic dimensions of buffers by name. A dimension whose coordinates a buffer
  /// holds must not be empty unless that buffer is.
  public func randomArguments(
    extents: [String: Int], kind: InputKind = .ordinary, seed: UInt64 = 1
  ) throws(Diagnostic) -> [String: HostTensor] {
    var random = SplitMix64(seed: seed)
    var arguments: [String: HostTensor] = [:]
    for parameter in parameters where parameter.role != .output {
      var shape: [Int] = []
      for axis in parameter.axes {
        guard let extent = axis.extent ?? extents[axis.name] else {
          throw Diagnostic("the extent of \(axis.name) is missing", at: [parameter.location])
        }
        shape.append(extent)
      }
      var codes = Codes(element: parameter.element, shape: shape, kind: kind, random: random)
      func extent(_ dimension: Dimension) -> Int? {
        if let extent = dimension.extent ?? extents[dimension.name] { return extent }
        guard case .computed(let length)? = lengths[dimension] else { return nil }
        return length.value(extents: extents)
      }
      arguments[parameter.name] = codes.tensor(parameter.refinements, extent) { $0.value(extents: extents) }
      random = codes.random
    }
    for runs in runs { describe(runs, &arguments) }
    return arguments
  }

  /// All rows as one run, up to the largest number that its counter was drawn.
  private func describe(_ runs: Runs, _ arguments: inout [String: HostTensor]) {
    func name(_ position: Int) -> String { parameters[position].name }
    guard let counters = arguments[name(runs.counter)], counters.count > 0 else { return }
    let rows = counters.count
    func column(_ value: (Int) -> Int) -> HostTensor {
      HostTensor(.int32, [rows], integers: (0..<rows).map(value))
    }
    let largest = (0..<rows).map { Int(Int32(bitPattern: counters[$0])) }.max()!
    let key = Int(Int32(bitPattern: arguments[name(runs.key)]![0]))
    arguments[name(runs.key)] = column { _ in key }
    arguments[name(runs.first)] = column { _ in 0 }
    arguments[name(runs.counter)] = column { max(0, largest - rows + 1) + $0 }
    if let count = runs.count { arguments[name(count)] = column { _ in rows } }
  }
}

extension Index {
  /// The value of an index of constants and lengths; nil if it reads anything else.
  fileprivate func value(extents: [String: Int]) -> Int? {
    switch self {
    case .constant(let value): value
    case .extent(let dimension): dimension.extent ?? extents[dimension.name]
    case .sum(let a, let b):
      if let x = a.value(extents: extents), let y = b.value(extents: extents) { x + y } else { nil }
    case .scaled(let a, let factor): a.value(extents: extents).map { $0 * factor }
    case .axis, .scalar, .value, .divided, .remainder: nil
    }
  }
}

/// Draws the contents of one buffer.
private struct Codes {
  let element: ElementType
  let shape: [Int]
  let kind: InputKind
  var random: SplitMix64

  private var count: Int { shape.reduce(1, *) }

  mutating func tensor(
    _ refinements: [Refinement], _ extent: (Dimension) -> Int?, _ value: (Index) -> Int?
  ) -> HostTensor {
    guard element.isInteger else { return numbers() }
    var range = element == .int32 ? -1000...1000 : element.integers
    for refinement in refinements {
      switch refinement {
      case .range(let lower, let upper): range = lower...upper
      case .coordinate(let dimension): range = 0...max(0, (extent(dimension) ?? 1) - 1)
      case .partition(let dimension): return integers(partition(extent(dimension) ?? 0))
      case .permutation: return integers((0..<count).shuffled(using: &random))
      case .increasing: return increasing(range)
      case .below(let bound):
        let most = max(0, (value(bound) ?? 1) - 1)
        range = min(max(0, range.lowerBound), most)...min(range.upperBound, most)
      }
    }
    return integers((0..<count).map { _ in Int.random(in: range, using: &random) })
  }

  private func integers(_ values: [Int]) -> HostTensor {
    HostTensor(element, shape, integers: values)
  }

  /// Offsets in which some segments are empty.
  private mutating func partition(_ extent: Int) -> [Int] {
    let inner = (0..<max(0, count - 2)).map { _ in Int.random(in: 0...extent, using: &random) }
    return [0] + inner.sorted() + [extent]
  }

  private mutating func increasing(_ range: ClosedRange<Int>) -> HostTensor {
    let row = shape.last ?? 1
    let last = max(range.upperBound, range.lowerBound + row - 1)
    let rows = (0..<(row == 0 ? 0 : count / row)).flatMap { _ in
      Array((range.lowerBound...last).shuffled(using: &random).prefix(row)).sorted()
    }
    return integers(rows)
  }

  /// Codes of a floating type or of `bool`, drawn as bits.
  private mutating func numbers() -> HostTensor {
    var tensor = HostTensor(element, shape)
    let row = max(1, shape.last ?? 1)
    var hasSpecial = false
    for position in 0..<count {
      // A NaN makes all that a row is summed into NaN, so most rows stay free of special numbers.
      if kind == .special, position % row == 0 { hasSpecial = random.next() % 3 == 0 }
      tensor[position] = code(mayBeSpecial: hasSpecial)
    }
    return tensor
  }

  private mutating func code(mayBeSpecial: Bool) -> UInt32 {
    let bits = random.next()
    let word = UInt32(truncatingIfNeeded: bits >> 32)
    if mayBeSpecial, bits % 48 == 0 { return special(word) }
    switch element {
    case .float32, .bfloat16, .float16:
      // A sign, an exponent and a full mantissa: no rounding, so bf16 and fp32 share their magnitudes.
      let exponent = kind == .extreme ? word % 255 : 124 + word % 5
      let float = word & 0x8000_0000 | exponent << 23 | (UInt32(truncatingIfNeeded: bits >> 9) & 0x7F_FFFF)
      return element == .float32 ? float : element.code(rounding: Float(bitPattern: float))
    case .e8m0: return kind == .extreme ? word % 255 : 124 + word % 4
    case .e4m3: return word & 0x7F == 0x7F ? 0x38 : word & 0xFF
    case .e5m2: return word & 0x7F >= 0x7C ? 0x3C : word & 0xFF
    case .bool: return word & 1
    default: return word & element.mask
    }
  }

  /// NaN, infinities, zeros, subnormals, the largest finite numbers; for a format without them its
  /// largest codes.
  private func special(_ word: UInt32) -> UInt32 {
    let choice = Int(word >> 8) % 8
    let sign = word & 0x8000_0000
    switch element {
    case .float32:
      let codes: [UInt32] = [
        0x7FC0_0000, 0x7F80_0001 | (word & 0x3F_FFFF), 0x7F80_0000, 0x7F80_0000, 0, word & 0x7F_FFFF, 1,
        0x7F7F_FFFF,
      ]
      return sign | codes[choice]
    case .bfloat16:
      let codes: [UInt32] = [0x7FC0, 0x7F81 | (word & 0x3F), 0x7F80, 0x7F80, 0, word & 0x7F, 1, 0x7F7F]
      return sign >> 16 | codes[choice]
    case .float16: return sign >> 16 | [0x7E00, 0x7C01, 0x7C00, 0x7C00, 0, 0x3FF, 1, 0x7BFF][choice]
    case .e4m3: return sign >> 24 | [0x7F, 0x7F, 0, 0, 1, 7, 0x7E, 0x7E][choice]
    case .e5m2: return sign >> 24 | [0x7D, 0x7E, 0x7C, 0x7C, 0, 3, 1, 0x7B][choice]
    case .e8m0: return [255, 255, 0, 1, 126, 127, 253, 254][choice]
    case .bool: return word & 1
    default: return element.mask
    }
  }
}
