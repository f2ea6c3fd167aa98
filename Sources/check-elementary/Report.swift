import ElementaryOracle
import Foundation
import TileIR

/// What is known of one function after its check.
struct Report: Codable {
  /// An input and its result, as numbers and as bits.
  struct Case: Codable {
    let input, result: String
    let inputBits, resultBits: String
    var ulps: Double?

    init(x: UInt32, y: UInt32, ulps: Double? = nil) {
      input = "\(Float(bitPattern: x))"
      result = "\(Float(bitPattern: y))"
      inputBits = Self.hexadecimal(x)
      resultBits = Self.hexadecimal(y)
      self.ulps = ulps.flatMap { $0.isFinite ? $0 : nil }
    }

    private static func hexadecimal(_ bits: UInt32) -> String {
      let digits = String(bits, radix: 16, uppercase: true)
      return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    var text: String { "\(input) (\(inputBits)) gives \(result) (\(resultBits))" }
  }

  let function: String
  let target: String
  let operations, budget: Int
  let inputs: Int
  let seconds: Double
  /// The worst error, nil where a result is of the wrong kind, such as a NaN for a number.
  let worstUlps: Double?
  let worst: Case?
  /// Inputs that MPFR judged; 0 without the library.
  let arbitrated: Int
  /// Whether the pieces that the function rises or falls on were in order; nil where it has none.
  let isMonotonic: Bool?
  let violations: [String]

  init(
    _ findings: Findings, _ promise: ElementaryPromise, target: String, seconds: Double,
    wrongSpecialValues: [String], _ library: MPFR?
  ) throws {
    function = promise.function.name
    self.target = target
    operations = promise.function.operationCount
    budget = promise.budget
    inputs = findings.inputs
    self.seconds = seconds
    var violations = wrongSpecialValues
    if operations > budget { violations.append("\(operations) operations, \(budget) allowed") }

    // The second judgement: every input near the worst or the bound.
    let exact = try library.map { try ExactFunction(promise, $0) }
    var worst: (evaluation: Evaluation, error: Double)?
    var over: [Case] = []
    var arbitrated = 0
    for suspect in findings.suspects where suspect.error >= findings.threshold {
      var error = suspect.error
      if let exact {
        error = exact.error(of: Float(bitPattern: suspect.y), at: Float(bitPattern: suspect.x))
        arbitrated += 1
      }
      if error > worst?.error ?? -1 { worst = (suspect, error) }
      if error >= 1 { over.append(Case(x: suspect.x, y: suspect.y, ulps: error)) }
    }
    self.arbitrated = arbitrated
    self.worst = worst.map { Case(x: $0.evaluation.x, y: $0.evaluation.y, ulps: $0.error) }
    worstUlps = (worst?.error).flatMap { $0.isFinite ? $0 : nil }
    for bad in over.sorted(by: { $0.ulps ?? .infinity > $1.ulps ?? .infinity }).prefix(5) {
      violations.append("\(bad.text), wrong by \(bad.ulps.map { "\($0) ulp" } ?? "kind")")
    }
    if over.count > 5 { violations.append("\(over.count) such results in all, or more") }
    if findings.dropped >= findings.threshold {
      violations.append("more inputs near the worst than could be judged again")
    }

    for leak in findings.leakedNaN.map({ Case(x: $0.x, y: $0.y) }) {
      violations.append("\(leak.text), not the canonical NaN")
    }
    if findings.leakedNaNCount > 5 { violations.append("\(findings.leakedNaNCount) such NaN in all") }

    for reversal in findings.reversals.map({ Case(x: $0.x, y: $0.y) }) {
      violations.append("\(reversal.text), which breaks the order of its neighbour below")
    }
    if findings.reversalCount > 5 { violations.append("\(findings.reversalCount) such neighbours in all") }
    isMonotonic = promise.rises.isEmpty && promise.falls.isEmpty ? nil : findings.reversalCount == 0
    self.violations = violations
  }

  /// One line, and one for each violation.
  var text: String {
    let error = worstUlps.map { String(format: "%.6f ulp", $0) } ?? "no bound"
    let order = switch isMonotonic {
    case true?: "monotonic"
    case false?: "NOT monotonic"
    case nil: "no order promised"
    }
    let judge = arbitrated > 0 ? "\(arbitrated) judged by MPFR" : "not judged by MPFR"
    let place = worst.map { " at \($0.text)" } ?? ""
    let head = "\(function): \(operations) operations of \(budget); \(inputs) inputs on \(target) in "
      + "\(String(format: "%.1f", seconds)) s; worst \(error)\(place); \(order); \(judge)"
    return ([head] + violations.map { "  VIOLATION: \($0)" }).joined(separator: "\n")
  }
}
