import Proofs

/// A chip's answers beside those that are supposed.
public struct ProbeVerdict {
  public struct Row {
    public let probe: Probe
    /// Nil where the answer is as supposed, or nothing is.
    public let difference: String?
    /// What was measured, where nothing is supposed.
    public let meaning: String?
  }
  public let chip: String
  public let rows: [Row]
  /// Assumptions that some answer speaks against.
  public let failing: [AscendAssumption]

  /// `supposed` are the device model's answers.
  public init(_ answers: ProbeAnswers, supposed: ProbeAnswers) {
    chip = answers.chip
    rows = Probe.all.map { probe in
      let found = answers.words[probe.name]!
      guard let expected = supposed.words[probe.name] else {
        return Row(probe: probe, difference: nil, meaning: probe.meaning(of: found))
      }
      let places = expected.indices.filter { expected[$0] != found[$0] }
      let difference = places.first.map { at in
        "\(places.count) of \(expected.count) words differ, first \(at): "
          + "\(ProbeAnswers.digits(expected[at])) supposed, \(ProbeAnswers.digits(found[at])) found"
      }
      return Row(probe: probe, difference: difference, meaning: nil)
    }
    let suspects = rows.filter { $0.difference != nil }.flatMap(\.probe.assumptions)
    failing = AscendAssumption.allCases.filter(suspects.contains)
  }

  public var text: String {
    let width = rows.map(\.probe.name.count).max() ?? 0
    var lines = ["\(chip): \(rows.count) probes"]
    for row in rows {
      let name = row.probe.name.padding(to: width)
      if let meaning = row.meaning {
        lines.append("  \(name)  measured: \(meaning)")
      } else {
        let assumptions = row.probe.assumptions.map(\.rawValue).joined(separator: ", ")
        lines.append("  \(name)  \(row.difference ?? "as supposed") (\(assumptions))")
      }
    }
    lines += failing.map { "fails: \($0.rawValue): \($0.sentence)" }
    lines.append(
      "no probe can confirm: \(Probe.unanswered.map(\.rawValue).joined(separator: ", "))")
    lines.append(
      failing.isEmpty
        ? "the chip is as supposed" : "kernels that lean on what fails return other bits on this chip")
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
