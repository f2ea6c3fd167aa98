import Foundation
import MachineIR
import Operators
import TileIR

/// Whether a plan does to its numbers what its program says: with tokens in place of rounded numbers, results
/// agree on every small shape only if the same operations meet the same operands in the stated order. Numbers
/// that are alike, infinite or none take other branches, and are compared as they are.
enum PlanTokens {
  /// The first difference, or fault on the way; nil for none.
  static func difference(
    _ plan: Plan, _ instance: OperatorInstance, _ program: Program, seed: UInt64
  ) throws -> String? {
    let runs: [(kind: InputKind, seed: UInt64, arithmetic: FloatArithmetic)] = [
      (.ordinary, seed, .tokens(seed: seed)), (.ordinary, seed + 1000, .tokens(seed: seed)),
      (.extreme, seed, .ieee), (.special, seed, .ieee),
    ]
    for extents in instance.shapes {
      for run in runs {
        let launch = try PlanLaunch(
          instance, program, extents, run.kind, seed: run.seed, arithmetic: run.arithmetic)
        // Rows apart, so that strides that trade places are seen.
        if let problem = launch.problem(plan, rowGap: 6) { return problem }
      }
    }
    return nil
  }
}

/// A report as JSON, the same text for the same report.
func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
