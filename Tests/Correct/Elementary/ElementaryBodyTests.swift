import ElementaryOracle
import Reference
import Testing
import TileIR

/// The bodies of the elementary functions and what their interpretation gives.
@Suite struct ElementaryBodyTests {
  @Test func everyElementaryFunctionHasAPromise() {
    #expect(ElementaryPromise.all.map(\.function.name) == ScalarFunction.elementary.map(\.name))
  }

  @Test(arguments: ElementaryPromise.all.map(\.function.name))
  func bodiesKeepTheirBudgetAndTheirOperations(_ name: String) throws {
    let promise = try #require(ElementaryPromise.named(name))
    #expect(promise.function.operationCount <= promise.budget)
    for step in promise.function.steps {
      guard case .elementwise(let operation) = step.operation else { continue }
      let operands = step.operands.map { promise.function.steps[$0].type }
      switch operation {
      case .add, .subtract, .multiply, .divide, .negate, .absolute, .compare, .select: break
      case .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: break
      case .bitCast: break
      case .convert(.float32): #expect(operands == [.int32])
      default: Issue.record("\(name) uses \(operation.name)")
      }
    }
    let divisions = promise.function.steps.count { $0.operation == .elementwise(.divide) }
    #expect(divisions <= 1)
  }

  @Test(arguments: ElementaryPromise.all.map(\.function.name))
  func specialValuesAreTheDocumentedOnes(_ name: String) throws {
    let promise = try #require(ElementaryPromise.named(name))
    let function = ScalarInterpreter(promise.function)
    for (x, y) in promise.specialValues {
      #expect(function([x.bitPattern]) == y.bitPattern, "\(name)(\(x)) is not \(y)")
    }
    for bits in ElementaryInputs.nan { #expect(function([bits]) == 0x7FC0_0000) }
  }

  @Test(arguments: ElementaryPromise.all.map(\.function.name))
  func errorsOfASampleStayBelowOneUlp(_ name: String) throws {
    let promise = try #require(ElementaryPromise.named(name))
    let function = ScalarInterpreter(promise.function)
    let exact = try? ExactFunction(promise, MPFR())
    for x in ElementaryInputs.sample(promise, 20_000) {
      let y = try #require(function(x))
      var error = UlpError.of(y, against: promise.isDefined(x) ? promise.approximate(Double(x)) : .nan)
      // The fp64 evaluation is right to a millionth of an ulp: others need no second judge.
      if error > 0.6, let exact {
        let judged = exact.error(of: y, at: x)
        #expect((judged - error).magnitude < 1e-6 || judged == error, "the fp64 evaluation of \(name)(\(x))")
        error = judged
      }
      if error >= 1 { Issue.record("\(name)(\(x)) gives \(y), wrong by \(error) ulp") }
    }
  }

  /// The oracle itself, where the true value is known.
  @Test func errorsAreMeasuredInUlpsOfTheExactValue() {
    #expect(UlpError.of(1, against: 1) == 0)
    #expect(UlpError.of(Float(1).nextUp, against: 1) == 1)
    #expect(UlpError.of(1, against: 1 - 0x1p-25) == 0.5)
    #expect(UlpError.of(0, against: 0x1p-150) == 0.5)
    #expect(UlpError.of(-0.0, against: 0x1p-150) == .infinity)
    #expect(UlpError.of(.infinity, against: 0x1p128) == 0)
    #expect(UlpError.of(.greatestFiniteMagnitude, against: 0x1p128) == .infinity)
    #expect(UlpError.of(.infinity, against: Double(Float.greatestFiniteMagnitude)) == 1)
    #expect(UlpError.of(.nan, against: 1) == .infinity)
    #expect(UlpError.of(1, against: .nan) == .infinity)
    #expect(UlpError.of(.nan, against: .nan) == 0)
  }
}
