/// The cosines and sines of rotary position embedding, correctly rounded to fp32.
///
/// - Mathematics: theta[i] is 1 / base^(2i / rotated), under YaRN theta[i] k[i] + (theta[i] / factor)(1 - k[i]);
///   every operation is rounded to fp32, as in the code that the weights were trained with; the angle of
///   position p is RNE32(p theta[i]); the table holds the fp32 numbers nearest to its cosine and sine.
/// - Range: positions below 2^21, so that angles stay below 2^21; `base` from 2 to 2^64.
/// - Method: a polynomial in double precision, whose result is taken where nothing within its error
///   rounds to another number; else the same in double-double, whose error is below 2^-72.
/// - Source: DeepSeek-V4 specification, section 4; Peng et al. 2023, arXiv 2309.00071 (YaRN).
public struct RotaryTable: Sendable {
  /// The blending of frequencies that lets a model reach past its first training length.
  public struct Yarn: Hashable, Sendable {
    /// By how much slow frequencies are divided.
    public let factor: Double
    /// The length, in tokens, that the model was trained at first.
    public let originalLength: Int
    /// Rotations over that length from which a frequency is kept, and up to which it is divided.
    public let betaFast, betaSlow: Double

    public init(factor: Double, originalLength: Int, betaFast: Double = 32, betaSlow: Double = 1) {
      self.factor = factor
      self.originalLength = originalLength
      self.betaFast = betaFast
      self.betaSlow = betaSlow
    }
  }

  /// One for each pair of channels.
  public let frequencies: [Float]
  /// Positions at most.
  public static let mostPositions = 1 << 21

  /// The frequencies for `rotated` channels, an even number.
  public init(rotated: Int, base: Double, yarn: Yarn? = nil) {
    precondition(rotated > 0 && rotated % 2 == 0, "an even number of channels is rotated")
    precondition((2...0x1p64).contains(base), "a base from 2 to 2^64")
    let logBase = DoubleDouble(base).logarithm
    let ramp = yarn.map { Self.ramp(rotated: rotated, logBase: logBase, $0) }
    frequencies = (0..<rotated / 2).map { pair in
      let exponent = logBase * DoubleDouble(Double(2 * pair)) / DoubleDouble(Double(rotated))
      guard let power = exponent.exponential.rounded(certainTo: 80) else {
        preconditionFailure("the power of pair \(pair) lies half way between two fp32 numbers")
      }
      let theta = 1 / power
      guard let yarn, let ramp else { return theta }
      let kept = 1 - Float(ramp[pair].high)
      return theta / Float(yarn.factor) * (1 - kept) + theta * kept
    }
  }

  /// How much of each frequency YaRN divides: 0 up to the pair that turns `betaFast` times over the original
  /// length, 1 from the one that turns `betaSlow` times.
  private static func ramp(rotated: Int, logBase: DoubleDouble, _ yarn: Yarn) -> [DoubleDouble] {
    func turning(_ rotations: Double) -> DoubleDouble {
      let ratio =
        DoubleDouble(Double(yarn.originalLength)) / (DoubleDouble.pi * DoubleDouble(2 * rotations))
      return ratio.logarithm * DoubleDouble(Double(rotated)) / (logBase + logBase)
    }
    func floor(_ x: DoubleDouble) -> Double {
      let whole = x.high.rounded(.down)
      return whole == x.high && x.low < 0 ? whole - 1 : whole
    }
    let (fast, slow) = (turning(yarn.betaFast), turning(yarn.betaSlow))
    let low = max(floor(fast), 0)
    let high = min(-floor(DoubleDouble(-slow.high, -slow.low)), Double(rotated - 1))
    // The width of an empty ramp is a thousandth, as in the released code.
    let width =
      low == high ? DoubleDouble(1) / DoubleDouble(1000) : DoubleDouble(high) - DoubleDouble(low)
    return (0..<rotated / 2).map { pair in
      let ramp = DoubleDouble(Double(pair) - low) / width
      return ramp.high <= 0 ? DoubleDouble(0) : (ramp.high >= 1 ? DoubleDouble(1) : ramp)
    }
  }

  /// Cosines and sines of a range of positions, row-major [positions, rotated / 2].
  public func table(of positions: Range<Int>) -> (cos: [Float], sin: [Float]) {
    precondition(
      positions.lowerBound >= 0 && positions.upperBound <= Self.mostPositions, "positions below 2^21")
    let count = positions.count * frequencies.count
    var sines = [Float](repeating: 0, count: count)
    let cosines = [Float](unsafeUninitializedCapacity: count) { cosines, initialized in
      var place = 0
      for position in positions {
        for frequency in frequencies {
          // At most 21 + 24 bits: the product is exact in a double.
          let angle = Float(Double(position) * Double(frequency))
          let (cos, sin) = Self.cosineAndSine(angle)
          cosines.initializeElement(at: place, to: cos)
          sines[place] = sin
          place += 1
        }
      }
      initialized = count
    }
    return (cosines, sines)
  }

  /// The fp32 numbers nearest to the cosine and the sine of `angle`, which is in 0 ..< 2^21.
  static func cosineAndSine(_ angle: Float) -> (cos: Float, sin: Float) {
    let quadrant = (Double(angle) * 0x1.45f306dc9c883p-1).rounded()
    let r = reduced(Double(angle), quadrant)
    guard let cos = certain(cosine(r.high)), let sin = certain(sine(r.high)) else {
      return certainCosineAndSine(angle)
    }
    return turned(cos, sin, quadrant)
  }

  /// As `cosineAndSine`, in double-double throughout.
  static func certainCosineAndSine(_ angle: Float) -> (cos: Float, sin: Float) {
    let quadrant = (Double(angle) * 0x1.45f306dc9c883p-1).rounded()
    let r = reduced(Double(angle), quadrant)
    guard let cos = cosine(r).rounded(certainTo: 72), let sin = sine(r).rounded(certainTo: 72) else {
      preconditionFailure("the cosine or sine of \(angle) lies half way between two fp32 numbers")
    }
    return turned(cos, sin, quadrant)
  }

  private static func turned(_ cos: Float, _ sin: Float, _ quadrant: Double) -> (cos: Float, sin: Float) {
    switch Int(quadrant) & 3 {
    case 0: (cos, sin)
    case 1: (-sin, cos)
    case 2: (-cos, -sin)
    default: (sin, -cos)
    }
  }

  /// x - quadrant pi/2: the parts of pi/2 have 31 bits, a quadrant fewer than 22, so that their products
  /// are exact; what the parts leave out is below 2^-126 of a quadrant.
  private static func reduced(_ x: Double, _ quadrant: Double) -> DoubleDouble {
    var r = DoubleDouble(x)
    for part in halfPi { r = r - DoubleDouble(quadrant * part) }
    return r
  }

  private static let halfPi: [Double] = [
    0x1.921fb544p+0, 0x1.0b4611a4p-34, 0x1.13198a2cp-65, 0x1.01b839ap-96,
  ]

  /// The nearest fp32 number, if an error of 2^-48 cannot change it.
  private static func certain(_ value: Double) -> Float? {
    let (below, above) = (Float(value - value * 0x1p-48), Float(value + value * 0x1p-48))
    return below == above ? below : nil
  }

  // MARK: Taylor's series for |r| <= pi/4, evaluated from the small end

  private static func sine(_ r: Double) -> Double {
    let square = r * r
    var sum = 1.0
    for term in stride(from: 18.0, through: 2, by: -2) { sum = 1 - sum * square / (term * (term + 1)) }
    return r * sum
  }

  private static func cosine(_ r: Double) -> Double {
    let square = r * r
    var sum = 1.0
    for term in stride(from: 19.0, through: 1, by: -2) { sum = 1 - sum * square / (term * (term + 1)) }
    return sum
  }

  private static func sine(_ r: DoubleDouble) -> DoubleDouble {
    let square = r * r
    var sum = DoubleDouble(1)
    for term in stride(from: 30.0, through: 2, by: -2) {
      sum = DoubleDouble(1) - sum * square / DoubleDouble(term * (term + 1))
    }
    return r * sum
  }

  private static func cosine(_ r: DoubleDouble) -> DoubleDouble {
    let square = r * r
    var sum = DoubleDouble(1)
    for term in stride(from: 31.0, through: 1, by: -2) {
      sum = DoubleDouble(1) - sum * square / DoubleDouble(term * (term + 1))
    }
    return sum
  }
}
