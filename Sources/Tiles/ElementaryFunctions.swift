import TileIR

// The elementary functions of the numeric contract on tiles, element by element. Each is defined by one
// program of correctly rounded operations, the same on every chip. `Error` is the largest over all 2^32
// inputs, in units of the spacing of floats at the exact value; NaN gives NaN everywhere. `make
// check-elementary` measures it anew, Documentation/elementary-functions.md says how the programs work.

/// e^x.
///
/// - Error: 0.913 ulp, monotonic.
/// - Special values: exp(-infinity) = +0; +infinity above 128 ln 2, +0 below -150 ln 2.
public func exp(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.exp, file: file, line: line)
}

/// 2^x.
///
/// - Error: 0.831 ulp, monotonic; exact for integers x.
/// - Special values: exp2(-infinity) = +0; +infinity from 128 on, +0 from -150 down.
public func exp2(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.exp2, file: file, line: line)
}

/// The natural logarithm of x.
///
/// - Error: 0.906 ulp, monotonic.
/// - Special values: log(+-0) = -infinity, log(1) = +0; NaN below 0.
public func log(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.log, file: file, line: line)
}

/// The logarithm of x to base 2.
///
/// - Error: 0.891 ulp, monotonic; exact for powers of two.
/// - Special values: log2(+-0) = -infinity, log2(1) = +0; NaN below 0.
public func log2(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.log2, file: file, line: line)
}

/// ln(1 + x), precise near 0.
///
/// - Error: 0.773 ulp, monotonic.
/// - Special values: log1p(+-0) = +-0, log1p(-1) = -infinity; NaN below -1.
public func log1p(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.log1p, file: file, line: line)
}

/// 1 / (1 + e^-x).
///
/// - Error: 0.80 ulp (0.70 where the result is normal), monotonic.
/// - Special values: sigmoid(+-0) = 1/2, sigmoid(-infinity) = +0, sigmoid(+infinity) = 1.
public func sigmoid(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.sigmoid, file: file, line: line)
}

/// x sigmoid(x) = x / (1 + e^-x).
///
/// - Error: 0.80 ulp (0.75 where the result is normal). It falls to its minimum near -1.2785 and rises
///   from there, save that within 0.005 of it neighbours may differ by one ulp the wrong way.
/// - Special values: silu(+-0) = +-0, silu(-infinity) = -0.
public func silu(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.silu, file: file, line: line)
}

/// ln(1 + e^x).
///
/// - Error: 0.903 ulp, monotonic.
/// - Special values: softplus(-infinity) = +0.
public func softplus(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.softplus, file: file, line: line)
}

/// The hyperbolic tangent of x.
///
/// - Error: 0.872 ulp, monotonic, odd.
/// - Special values: tanh(+-0) = +-0, tanh(+-infinity) = +-1.
public func tanh(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.tanh, file: file, line: line)
}

/// The sine of x radians for |x| <= 2^21.
///
/// - Error: 0.941 ulp, odd.
/// - Special values: sin(+-0) = +-0; NaN beyond 2^21.
public func sin(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.sin, file: file, line: line)
}

/// The cosine of x radians for |x| <= 2^21.
///
/// - Error: 0.935 ulp, even.
/// - Special values: cos(+-0) = 1; NaN beyond 2^21.
public func cos(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.cos, file: file, line: line)
}
