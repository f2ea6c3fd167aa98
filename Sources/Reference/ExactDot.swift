/// One line of an operand of a product with a single rounding, as slices: numbers of few bits each whose
/// sum is the line, element by element and exactly.
///
/// A dot product of two slices of `w` bits each over n elements needs 2 w + log2 n bits. Where that is at
/// most 53, every partial sum of it is a double, exactly and in any order; so the exact sum of the whole
/// line is met in a few steps, one for each pair of slices.
struct ExactLine {
  /// Empty where every element is zero; nil where one is a NaN or an infinity.
  private let slices: [[Double]]?
  private let line: ArraySlice<Double>

  /// Elements have at most 24 significant bits, and exponents that leave products and their last bits
  /// within a double's: numbers of `float32` times powers of two of E8M0 do.
  init(_ line: ArraySlice<Double>) {
    self.line = line
    slices = Self.slices(line)
  }

  private static func slices(_ line: ArraySlice<Double>) -> [[Double]]? {
    var greatest = 0.0
    for x in line {
      guard x.isFinite else { return nil }
      greatest = max(greatest, x.magnitude)
    }
    let bits = (53 - (Int.bitWidth - line.count.leadingZeroBitCount)) / 2
    var slices: [[Double]] = []
    var rest = Array(line)
    while greatest > 0 {
      // The slice keeps multiples of the quantum, which are below 2^bits.
      let quantum = Double(sign: .plus, exponent: Int(greatest.exponent) + 1 - bits, significand: 1)
      greatest = 0
      var slice = rest
      for position in rest.indices where rest[position] != 0 {
        let kept = (rest[position] / quantum).rounded(.towardZero) * quantum
        slice[position] = kept
        rest[position] -= kept
        greatest = max(greatest, rest[position].magnitude)
      }
      slices.append(slice)
    }
    return slices
  }

  /// The exact dot product of two lines, rounded once.
  static func product(_ a: ExactLine, _ b: ExactLine) -> Float {
    guard let left = a.slices, let right = b.slices else {
      var sum = ExactSum()
      for (x, y) in zip(a.line, b.line) { sum.add(x * y) }
      return sum.rounded
    }
    if left.count == 1, right.count == 1 {
      // One double holds it, so that one conversion is the one rounding; + 0 makes a zero sum +0.
      return Float(dot(left[0], right[0]) + 0)
    }
    var sum = ExactSum()
    for x in left { for y in right { sum.add(dot(x, y)) } }
    return sum.rounded
  }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        var sum = 0.0
        var position = 0
        while position < a.count {
          sum += a[position] * b[position]
          position &+= 1
        }
        return sum
      }
    }
  }
}
