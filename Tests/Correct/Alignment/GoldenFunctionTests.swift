import Alignment
import Foundation
import Reference
import Testing

/// The functions that golden data were made with are right to the last bits, and not the contract's.
@Suite("Functions of the golden data") struct GoldenFunctionTests {
  private let exponential = ForeignFunctions.golden.elementary["exp"]!

  @Test("e^x is within one unit in the last place")
  func exponentialIsClose() {
    var rounded = 0
    for step in -87_000...88_000 {
      let x = Float(step) / 1000
      let exact = Foundation.exp(Double(x))
      #expect((Double(exponential(x)) - exact).magnitude <= Double(Float(exact).ulp), "\(x)")
      if exponential(x) == Float(exact) { rounded += 1 }
    }
    // Neither correctly rounded throughout nor far from it.
    #expect((150_000..<175_001).contains(rounded))
  }

  @Test("special values, and results below the least normal number")
  func specialValues() {
    #expect(exponential(0) == 1)
    #expect(exponential(-.infinity) == 0 && exponential(.infinity) == .infinity)
    #expect(exponential(.nan).isNaN)
    #expect(exponential(-100) == Float(Foundation.exp(-100.0)))
    #expect(exponential(89) == .infinity && exponential(-105) == 0)
  }
}
