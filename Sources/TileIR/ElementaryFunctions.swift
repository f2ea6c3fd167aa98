// The elementary functions of the numeric contract (class *elementary*): a file a family, and here the
// list of all. Each is *defined by* its body of fp32 additions, subtractions and multiplications, comparisons,
// selections, int32 operations and correctly rounded divisions. Documentation/elementary-functions.md says
// what is promised.

extension ScalarFunction {
  /// Every elementary function.
  public static let elementary: [ScalarFunction] = [
    exp, exp2, log, log2, log1p, sigmoid, silu, softplus, tanh, sin, cos,
  ]
}
