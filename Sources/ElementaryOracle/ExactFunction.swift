import DynamicLibrary

/// The true value of one elementary function, by MPFR. For one thread at a time.
public final class ExactFunction {
  private let name: String
  private let library: MPFR
  private let argument, value, scratch: MPFRNumber
  private let compute: (_ x: MPFR.Number, _ y: MPFR.Number) -> Void
  private let subtract: (MPFR.Number, MPFR.Number, MPFR.Number) -> Void
  /// Where the function is not defined, although MPFR has a value.
  private let isDefined: (Float) -> Bool

  /// The function that `promise` is about.
  public init(_ promise: ElementaryPromise, _ library: MPFR) throws(DynamicLibraryError) {
    name = promise.function.name
    self.library = library
    argument = MPFRNumber(library)
    value = MPFRNumber(library)
    scratch = MPFRNumber(library)
    isDefined = promise.isDefined
    subtract = try library.binary("sub")
    let one = MPFRNumber(library, 1)
    let exp = try library.unary("exp")
    let negate = try library.unary("neg")
    let add = try library.binary("add")
    let divide = try library.binary("div")
    let log1p = try library.unary("log1p")
    switch name {
    case "sigmoid":
      compute = { x, y in
        negate(y, x)
        exp(y, y)
        add(y, y, one.storage)
        divide(y, one.storage, y)
      }
    case "silu":
      compute = { x, y in
        negate(y, x)
        exp(y, y)
        add(y, y, one.storage)
        divide(y, x, y)
      }
    case "softplus":
      let absolute = try library.unary("abs")
      let maximum = try library.binary("max")
      let zero = MPFRNumber(library, 0)
      let positive = MPFRNumber(library)
      compute = { x, y in
        maximum(positive.storage, x, zero.storage)
        absolute(y, x)
        negate(y, y)
        exp(y, y)
        log1p(y, y)
        add(y, y, positive.storage)
      }
    default:
      let function = try library.unary(name)
      compute = { x, y in function(y, x) }
    }
  }

  private func evaluate(_ x: Float) {
    argument.set(Double(x))
    compute(argument.storage, value.storage)
  }

  /// The float nearest to the function at x, ties to even; NaN where it is not defined.
  public func nearest(_ x: Float) -> Float {
    guard isDefined(x) else { return .nan }
    if x == -.infinity, let limit = limitAtMinusInfinity { return limit }
    evaluate(x)
    return library.float(value.storage, MPFR.nearest)
  }

  /// The error of `result` as the value at x, in ulps; see `UlpError`.
  public func error(of result: Float, at x: Float) -> Double {
    let limit = x == -.infinity ? limitAtMinusInfinity : nil
    guard isDefined(x), limit == nil, !x.isNaN else {
      return UlpError.of(result, against: limit.map { Double($0) } ?? .nan)
    }
    evaluate(x)
    let exact = value.storage
    if library.isNaN(exact) != 0 || library.isInfinite(exact) != 0 || library.isZero(exact) != 0 {
      return UlpError.of(result, against: library.double(exact, MPFR.nearest))
    }
    let isNegative = library.signBit(exact) != 0
    // |exact| is in [2^(e - 1), 2^e).
    let e = library.exponent(exact)
    guard UlpError.isSameKind(result, isNegative: isNegative, beyondRange: e > 128) else {
      return .infinity
    }
    if result.isInfinite, e > 128 { return 0 }
    scratch.set(result.isInfinite ? (isNegative ? -0x1p128 : 0x1p128) : Double(result))
    subtract(scratch.storage, scratch.storage, exact)
    return abs(library.double(scratch.storage, MPFR.nearest)) / UlpError.spacing(exponent: e - 1)
  }

  /// x / (1 + e^-x) is infinity over infinity there.
  private var limitAtMinusInfinity: Float? { name == "silu" ? -0.0 : nil }
}
