import Foundation
import Runtime
import Testing

/// What `predict` says can be read by people and by scripts.
@Suite(.enabled(if: (try? NVRTC.standard.get()) != nil, "\(NVRTC.advice)"))
struct PredictTests {
  private static func rows(_ arguments: [String]) throws -> [[String: Any]] {
    let outcome = try Command.run("tessera", ["predict", "--json"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let report = try #require(JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(report["isMeasured"] as? Bool == false)
    return try #require(report["rows"] as? [[String: Any]])
  }

  @Test func aDenseProductIsPredictedAtFewRowsAndAtMany() throws {
    let rows = try Self.rows(["linear_fp4", "--instance", "matrix-vector"])
    #expect(rows.compactMap { ($0["numbers"] as? [String: Int])?["rows"] } == [1, 4, 16, 4096])
    let times = rows.compactMap { $0["microseconds"] as? Double }
    #expect(times.count == 4 && times[3] > times[0])
    #expect(try Self.rows(["linear_fp4", "--instance", "matrix-vector", "--set", "rows=2"]).count == 1)
  }
}
