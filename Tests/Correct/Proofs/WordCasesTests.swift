import Testing
import TileIR

@testable import Proofs

/// Small statements about words are decided by trying every value, and as Z3 decides them.
@Suite struct WordCasesTests {
  private static func word(_ name: String) -> Word {
    .extended(.variable(name, width: 7), width: 32, signed: false)
  }
  private static func number(_ value: UInt64) -> Word { .constant(value, width: 32) }

  /// Rows of `pitch` elements, 16 columns in use: lanes are apart where the pitch is at least that.
  @Test(arguments: [(72, true), (16, true), (17, true), (15, false), (0, false)])
  func rowsOfAnyPitch(pitch: UInt64, areApart: Bool) {
    func place(_ name: String) -> Word {
      (Self.word(name) >> 4) * Self.number(pitch) + (Self.word(name) & Self.number(15))
    }
    let goal = Word.variable("lane", width: 7) .== .variable("other", width: 7)
    #expect(WordCases.proves(goal, from: [place("lane") .== place("other")]) == areApart)
  }

  /// A thousand lanes: only those that meet are looked at.
  @Test(arguments: [(true, 33), (false, 31)] as [(Bool, UInt64)]) func manyLanes(areApart: Bool, pitch: UInt64) {
    func place(_ name: String) -> Word {
      let lane = Word.extended(.variable(name, width: 10), width: 32, signed: false)
      return (lane >> 5) * Self.number(pitch) + (lane & Self.number(31))
    }
    let goal = Word.variable("lane", width: 10) .== .variable("other", width: 10)
    #expect(WordCases.proves(goal, from: [place("lane") .== place("other")]) == areApart)
  }

  /// Every operation, with and without what wraps, against the solver.
  @Test(.enabled(if: Z3.standard != nil, "no Z3"))
  func theSolverAgrees() throws {
    let operations: [WordOperation] = [
      .add, .subtract, .multiply, .and, .or, .xor, .shiftLeft, .shiftRight, .shiftRightSigned, .divide, .remainder,
    ]
    let solver = try #require(Z3.standard)
    let x = Word.variable("x", width: 5)
    for operation in operations {
      for constant in [0, 1, 3, 7, 30] as [UInt64] {
        for (relation, bound) in [(WordRelation.signedLess, 9), (.unsignedLess, 20), (.equal, 6)] as [(WordRelation, UInt64)] {
          let goal = Formula.words(
            .operation(operation, x, .constant(constant, width: 5)), relation, .constant(bound, width: 5))
          for formula in [goal, !goal] {
            let obligation = Obligation(
              .noOverflow, kernel: "words", at: SourceLocation(file: "", line: 0), "", hypotheses: [], goal: formula)
            var isUnsatisfiable = false
            if case .unsat = solver.check(obligation.query) { isUnsatisfiable = true }
            #expect(WordCases.proves(formula, from: []) == isUnsatisfiable, "\(operation) \(constant) \(relation)")
          }
        }
      }
    }
  }

  @Test func otherThingsAreLeftOpen() {
    let wide = Word.variable("x", width: 17)
    #expect(!WordCases.proves(wide .== wide, from: []))
    let both = Word.variable("x", width: 4) + Word.variable("y", width: 4)
    #expect(!WordCases.proves(both .== both, from: []))
    #expect(!WordCases.proves(Term.variable(Variable("n", in: 0...9)) .<= .constant(3), from: []))
  }
}
