import Foundation
import Reference

extension ForeignFunctions {
  /// The functions of the library that the golden data of the tiny checkpoint were made with, as far as their
  /// last bits show: 1/sqrt(x) rounds the root and the quotient, sigmoid rounds each step of
  /// 1/(1 + e^-x), and e^x is the vector library's.
  ///
  /// They were found by search, among forms of each function, over the numbers that golden streams hold. Of
  /// the 1800 rows of the six layers 1798 are golden with them and exact products, 1733 with exact products
  /// alone.
  public static let golden = ForeignFunctions(
    ["exp": vectorExponential, "sigmoid": { 1 / (1 + vectorExponential(-$0)) }],
    reciprocalSquareRoot: { 1 / $0.squareRoot() })

  /// e^x within one unit in the last place: x = n ln 2 + r with ln 2 in two parts, then a polynomial of degree
  /// six, everything by multiply-adds.
  ///
  /// - Source: the coefficients are those of `expf`, error bound 1.0, in SLEEF (Shibata and Petrogalli 2020); the
  ///   golden bits confirm them.
  private static let vectorExponential: Function = { x in
    if x < -104 { return 0 }
    if x > 104 { return .infinity }
    if x.isNaN { return x }
    let n = (x * 1.442695040888963407).rounded(.toNearestOrEven)
    let r = x.addingProduct(n, -0.693145751953125).addingProduct(n, -1.428606765330187045e-06)
    let coefficients: [Float] = [
      0.00139304355252534151, 0.00833336077630519867, 0.0416664853692054749, 0.16666667163372039795, 0.5,
    ]
    let curve = coefficients.reduce(0.000198527617612853646) { $1.addingProduct($0, r) }
    return scalbn(1 + r.addingProduct(r * r, curve), Int(n))
  }
}
