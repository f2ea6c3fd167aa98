import Testing
import TileIR

/// Tokens keep what holds of every rounded result, and tell all else apart.
@Suite struct FloatArithmeticTests {
  private let tokens = FloatArithmetic.tokens(seed: 3)
  /// Numbers whose sums and products round.
  private let numbers: [Float] = [1.1, -2.3, 0.7, 3.9, -0.3, 5.7]

  @Test func operandsTradePlacesAndSignsGoInFront() {
    for a in numbers {
      for b in numbers {
        #expect(tokens.sum(a, b) == tokens.sum(b, a))
        #expect(tokens.product(a, b) == tokens.product(b, a))
        #expect(tokens.sum(-a, -b) == -tokens.sum(a, b))
        #expect(tokens.difference(a, b) == tokens.sum(a, -b))
        #expect(tokens.product(-a, b) == -tokens.product(a, b))
        for c in numbers { #expect(tokens.fused(-a, b, -c) == -tokens.fused(a, b, c)) }
      }
      #expect(tokens.sum(a, 0) == a)
      #expect(tokens.sum(a, -a) == 0)
    }
  }

  @Test func whatNeedsNoRoundingIsItself() {
    #expect(tokens.product(1.1, 4) == 4.4)
    #expect(tokens.product(1.1, 0) == 0)
    #expect(tokens.quotient(1.1, 0.5) == 2.2)
    #expect(tokens.fused(1.5, 0.25, 1.1) == tokens.sum(0.375, 1.1))
    #expect(tokens.fused(1.1, 2.3, 0) == tokens.product(1.1, 2.3))
    #expect(tokens.sum(.infinity, 1) == .infinity)
    #expect(tokens.sum(.nan, 1).isNaN)
    #expect(tokens.squareRoot(-1).isNaN)
  }

  @Test func otherOrdersAreOtherNumbers() {
    let (a, b, c) = (numbers[0], numbers[2], numbers[3])
    #expect(tokens.sum(tokens.sum(a, b), c) != tokens.sum(a, tokens.sum(b, c)))
    #expect(tokens.fused(a, b, c) != tokens.sum(tokens.product(a, b), c))
    #expect(tokens.quotient(a, b) != tokens.product(a, tokens.quotient(1, b)))
    #expect(tokens.sum(a, b) != FloatArithmetic.tokens(seed: 4).sum(a, b))
    #expect(tokens.sum(a, b) > 0)
  }
}
