import Proofs
import Testing
import TileIR

/// The decision procedures and Z3 on obligations whose answers are known.
@Suite struct DecisionTests {
  private let x = Variable("x", in: 0...99)
  private let n = Variable("|rows|", in: 0...1_048_576)

  private func verdict(_ goal: Formula, given hypotheses: [Formula] = [], solver: Z3? = .standard) -> Verdict {
    let here = SourceLocation(file: #fileID, line: #line)
    return Prover(solver: solver).decide(
      Obligation(.inBounds, kernel: "test", at: here, "a test", hypotheses: hypotheses, goal: goal))
  }

  @Test func boundsOfVariablesDecideByIntervals() {
    #expect(verdict(.variable(x) + 1 .<= .constant(100), solver: nil) == .proved(.intervals))
  }

  @Test func hypothesesCombine() {
    let r = Term.variable(Variable("r", from: 0))
    let goal = r * 2 + 1 .< .variable(n) * 2
    #expect(verdict(goal, given: [r .< .variable(n)], solver: nil) == .proved(.affine))
  }

  @Test func quotientsAndRemaindersAreNumbersBetweenLines() {
    let blocks = (Term.variable(n) + 127) / 128
    let r = Term.variable(Variable("r", from: 0))
    #expect(verdict(r / 128 .< blocks, given: [r .< .variable(n)], solver: nil) == .proved(.divisibility))
    #expect(verdict((r - 5) % 7 .< .constant(7), solver: nil).isProved)
  }

  @Test func differentCellsOfOneRingSlotAreASpanApart() {
    let (a, b) = (Term.variable(Variable("a")), Term.variable(Variable("b")))
    let near = [a .< b, b .< a + 16]
    #expect(verdict(a % 16 .!= b % 16, given: near, solver: nil).isProved)
    #expect(!verdict(a % 16 .!= b % 16, given: [a .< b, b .<= a + 16], solver: nil).isProved)
  }

  @Test func leastAndGreatestValuesSplitIntoCases() {
    let (a, b) = (Term.variable(x), Term.variable(Variable("y", in: 0...9)))
    #expect(verdict(.min(a, b) .<= .max(a, b), solver: nil) == .proved(.affine))
    #expect(verdict(.max(a, b) .< .constant(100), solver: nil) == .proved(.intervals))
    #expect(verdict(.max(a - 9, b) .<= a + b, solver: nil) == .proved(.cases))
  }

  @Test func aSignedQuotientRoundsDown() {
    let t = Term.variable(Variable("t", in: -8 ... -1))
    #expect(verdict(t / 8 .== .constant(-1), solver: nil).isProved)
    #expect(verdict(t % 8 .<= .constant(7), solver: nil).isProved)
  }

  /// Lanes that take a block each, three in a row: a product for elimination, a multiple for each lane.
  @Test func aLanesNumberUnderQuotientsIsTriedForEachValue() {
    let (lane, length) = (Term.variable(Variable("lane", in: 0...1023)), Term.variable(Variable("n", from: 0)))
    #expect(verdict((lane % 3) * length .<= length * 2, solver: nil) == .proved(.cases))
    #expect(!verdict((lane % 3) * length .<= length, solver: nil).isProved)
    // One value more than are tried.
    let many = Term.variable(Variable("lane", in: 0...1024))
    #expect(!verdict((many % 3) * length .<= length * 2, solver: nil).isProved)
  }

  /// The least machine integer has no negative, so it is no number to calculate with.
  @Test func theLeastMachineIntegerIsNotNegated() {
    let (a, b) = (Term.variable(Variable("a")), Term.variable(Variable("b")))
    let far = Term.constant(.min) + a * 2 .<= b * 4
    #expect(verdict(a .<= b, given: [far, a .<= b], solver: nil).isProved)
    #expect(!verdict(a .<= b, given: [far], solver: nil).isProved)
  }

  @Test func withoutASolverWhatIsFalseIsUnknown() {
    #expect(verdict(.variable(x) .< .constant(99), solver: nil) == .unknown(Z3.advice))
  }

  @Test(.enabled(if: Z3.standard != nil)) func aSolverGivesACounterexample() {
    #expect(
      verdict(.variable(x) .< .constant(99)) == .refuted(Counterexample([.init("x", 99)])))
  }

  @Test(.enabled(if: Z3.standard != nil)) func aCounterexampleMayBeNegative() {
    let t = Variable("t", in: -5...5)
    #expect(verdict(.constant(-4) .<= .variable(t)) == .refuted(Counterexample([.init("t", -5)])))
  }

  @Test(.enabled(if: Z3.standard != nil)) func machineWordsGoToTheSolver() {
    let (row, column) = (Word.variable("row", width: 32), Word.variable("column", width: 32))
    // An XOR swizzle moves no two columns of a row to one place.
    let other = Word.variable("other", width: 32)
    let seven = Word.constant(7, width: 32)
    let goal = (column ^ (row & seven)) .!= (other ^ (row & seven))
    #expect(verdict(goal, given: [column .!= other]) == .proved(.z3))
  }
}
