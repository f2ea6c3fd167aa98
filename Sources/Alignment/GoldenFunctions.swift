import Foundation
import Reference

extension ForeignFunctions {
  /// What the library has otherwise that the golden data of the tiny checkpoint were made with, as far as their
  /// last bits show: e^x is a vector library's.
  ///
  /// It was found by search, among forms of the function, over the numbers that golden streams hold. Of the
  /// 1800 rows of the six layers 1798 are golden with it and exact products, 1784 with exact products alone.
  public static let golden = ForeignFunctions(["exp": vectorExponential])

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
