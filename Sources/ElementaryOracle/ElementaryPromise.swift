import Foundation
import TileIR

/// What the numeric contract promises of one elementary function, beside an error below 1 ulp.
public struct ElementaryPromise: Sendable {
  public let function: ScalarFunction
  /// The most operations that the body may have.
  public let budget: Int
  /// The function in fp64, right to about 2^-50 of itself: the first judge.
  public let approximate: @Sendable (Double) -> Double
  /// Where the function is defined; NaN elsewhere.
  public let isDefined: @Sendable (Float) -> Bool
  /// Inputs on which the results rise, or fall.
  public let rises, falls: [ClosedRange<Float>]
  /// Inputs and the results that the documentation names.
  public let specialValues: [(x: Float, y: Float)]

  /// The promise about the function of this name.
  public static func named(_ name: String) -> ElementaryPromise? {
    all.first { $0.function.name == name }
  }

  private init(
    _ function: ScalarFunction, budget: Int, rises: [ClosedRange<Float>] = [],
    falls: [ClosedRange<Float>] = [], isDefined: @escaping @Sendable (Float) -> Bool = { !$0.isNaN },
    special: [(Float, Float)], _ approximate: @escaping @Sendable (Double) -> Double
  ) {
    self.function = function
    self.budget = budget
    self.approximate = approximate
    self.isDefined = isDefined
    self.rises = rises
    self.falls = falls
    specialValues = special.map { (x: $0.0, y: $0.1) }
  }

  private static let everywhere = -Float.infinity...Float.infinity
  private static let least = Float.leastNonzeroMagnitude

  /// Every elementary function, in the order of `ScalarFunction.elementary`.
  public static let all: [ElementaryPromise] = [
    ElementaryPromise(
      .exp, budget: 35, rises: [everywhere],
      special: [
        (.infinity, .infinity), (-.infinity, 0), (0, 1), (-0.0, 1), (least, 1), (-least, 1),
        (89, .infinity), (-105, 0),
      ]
    ) { Foundation.exp($0) },
    ElementaryPromise(
      .exp2, budget: 35, rises: [everywhere],
      special: [
        (.infinity, .infinity), (-.infinity, 0), (0, 1), (-0.0, 1), (1, 2), (-1, 0.5), (127, 0x1p127),
        (128, .infinity), (-126, 0x1p-126), (-149, least), (-150, 0),
      ]
    ) { Foundation.exp2($0) },
    ElementaryPromise(
      .log, budget: 45, rises: [0...Float.infinity], isDefined: { $0 >= 0 },
      special: [
        (.infinity, .infinity), (0, -.infinity), (-0.0, -.infinity), (1, 0), (-1, .nan),
        (-least, .nan), (-.infinity, .nan),
      ]
    ) { Foundation.log($0) },
    ElementaryPromise(
      .log2, budget: 55, rises: [0...Float.infinity], isDefined: { $0 >= 0 },
      special: [
        (.infinity, .infinity), (0, -.infinity), (-0.0, -.infinity), (1, 0), (2, 1), (0.5, -1),
        (0x1p127, 127), (0x1p-126, -126), (least, -149), (-1, .nan), (-least, .nan), (-.infinity, .nan),
      ]
    ) { Foundation.log2($0) },
    ElementaryPromise(
      .log1p, budget: 60, rises: [-1...Float.infinity], isDefined: { $0 >= -1 },
      special: [
        (.infinity, .infinity), (0, 0), (-0.0, -0.0), (least, least), (-least, -least),
        (-1, -.infinity), (Float(-1).nextDown, .nan), (-.infinity, .nan),
      ]
    ) { Foundation.log1p($0) },
    ElementaryPromise(
      .sigmoid, budget: 70, rises: [everywhere],
      special: [(.infinity, 1), (-.infinity, 0), (0, 0.5), (-0.0, 0.5), (200, 1), (-200, 0)]
    ) { 1 / (1 + Foundation.exp(-$0)) },
    ElementaryPromise(
      // The pieces meet in the float nearest to the minimum.
      .silu, budget: 70, rises: [-0x1.474974p+0...Float.infinity], falls: [-Float.infinity...(-0x1.474974p+0)],
      special: [
        (.infinity, .infinity), (-.infinity, -0.0), (0, 0), (-0.0, -0.0), (200, 200), (-200, -0.0),
        (.greatestFiniteMagnitude, .greatestFiniteMagnitude),
      ]
    ) { $0 == -.infinity ? -0.0 : $0 / (1 + Foundation.exp(-$0)) },
    ElementaryPromise(
      .softplus, budget: 90, rises: [everywhere],
      special: [
        (.infinity, .infinity), (-.infinity, 0), (200, 200), (-200, 0),
        (0, 0x1.62e43p-1), (-0.0, 0x1.62e43p-1),
        (.greatestFiniteMagnitude, .greatestFiniteMagnitude),
      ]
    ) { max($0, 0) + Foundation.log1p(Foundation.exp(-$0.magnitude)) },
    ElementaryPromise(
      .tanh, budget: 70, rises: [everywhere],
      special: [
        (.infinity, 1), (-.infinity, -1), (0, 0), (-0.0, -0.0), (least, least), (-least, -least),
        (20, 1), (-20, -1),
      ]
    ) { Foundation.tanh($0) },
    ElementaryPromise(
      .sin, budget: 70, isDefined: { $0.magnitude <= 0x1p21 },
      special: waveEnds + [(0, 0), (-0.0, -0.0), (least, least), (-least, -least)]
    ) { $0.magnitude <= 0x1p21 ? Foundation.sin($0) : .nan },
    ElementaryPromise(
      .cos, budget: 70, isDefined: { $0.magnitude <= 0x1p21 },
      special: waveEnds + [(0, 1), (-0.0, 1), (least, 1), (-least, 1)]
    ) { $0.magnitude <= 0x1p21 ? Foundation.cos($0) : .nan },
  ]

  private static let waveEnds: [(Float, Float)] = [
    (.infinity, .nan), (-.infinity, .nan), (Float(0x1p21).nextUp, .nan), (-Float(0x1p21).nextUp, .nan),
  ]
}
