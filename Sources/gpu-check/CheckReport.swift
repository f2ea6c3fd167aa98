import Foundation

/// What a GPU returned, and how fast.
struct CheckReport: Encodable {
  let device: String
  let target: String
  let driver: String
  let date: String
  var checks: [CheckResult] = []
  var models: [ModelResult] = []
  var timings: [TimingResult] = []
  /// Why cuBLAS was not timed.
  var cublasError: String?

  struct CheckResult: Encodable {
    let `operator`: String
    let instance: String
    let extents: [String: Int]
    /// Outputs whose hash is another than the reference's; nil where the operator did not run.
    var differing: [String]?
    var error: String?
    var isEqual: Bool { differing == [] }
  }

  /// Of the model, its tokens cut into so many runs.
  struct ModelResult: Encodable {
    let arithmetic: String
    let runs, tokens: Int
    /// Positions of tokens whose logits have other bits; nil where the model did not run.
    let differing: [Int]?
    let error: String?
    var isEqual: Bool { differing == [] && error == nil }
  }

  struct TimingResult: Encodable {
    let `operator`: String
    let instance: String
    let extents: [String: Int]
    var microseconds: Double?
    /// At the memory's bandwidth as the device states its clock and bus.
    var floorMicroseconds: Double?
    /// cuBLAS's time of a product of the same sizes, and of which elements.
    var cublasMicroseconds: Double?
    var cublasKind: String?
    var error: String?
  }

  var isEqual: Bool { checks.allSatisfy(\.isEqual) && models.allSatisfy(\.isEqual) }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// Differences first, then how many are equal, then times.
  func table() -> String {
    func words(_ name: String, _ instance: String, _ extents: [String: Int]) -> String {
      let sizes = extents.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      return "\(name) \"\(instance)\" \(sizes.joined(separator: " "))"
    }
    var lines = ["\(device), \(target), \(driver), \(date)", ""]
    for check in checks where !check.isEqual {
      let what = check.error ?? "other bits in \(check.differing!.joined(separator: ", "))"
      lines.append("\(words(check.operator, check.instance, check.extents)): \(what)")
    }
    lines.append("\(checks.count(where: \.isEqual)) of \(checks.count) launches return the reference's bits")
    for model in models {
      let what =
        model.error ?? model.differing!.first.map { "other logits from token \($0) on, of \(model.differing!.count)" }
        ?? "the processor's bits"
      lines.append("v4-tiny, \(model.arithmetic), \(model.tokens) tokens in \(model.runs) runs: \(what)")
    }
    if !timings.isEmpty { lines += ["", "time; the memory's floor and its share of it; cuBLAS's time and its share:"] }
    if let cublasError { lines.append("no cuBLAS: \(cublasError)") }
    for timing in timings {
      var line = words(timing.operator, timing.instance, timing.extents) + ": "
      if let time = timing.microseconds {
        line += String(format: "%.1f µs", time)
        if let floor = timing.floorMicroseconds { line += String(format: ", %.1f µs, %.2f", floor, floor / time) }
        if let cublas = timing.cublasMicroseconds, let kind = timing.cublasKind {
          line += String(format: "; cuBLAS \(kind) %.1f µs, %.2f", cublas, cublas / time)
        }
      }
      if let error = timing.error { line += (timing.microseconds == nil ? "" : "; ") + error }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }
}
