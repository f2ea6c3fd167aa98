import TileIR

/// What joining regions asks of numbers. Where a certificate is wanted, each answer that it goes on with is kept.
extension WrittenRegions {
  mutating func isAtLeastZero(_ a: Polynomial) -> Bool {
    guard walk.prover.isAtLeastZero(a) else { return false }
    keep(a)
    return true
  }

  mutating func isZero(_ a: Polynomial) -> Bool {
    guard walk.prover.isZero(a) else { return false }
    keep(a)
    keep(a * -1)
    return true
  }

  /// Whether the place at hand is never reached.
  mutating func isUnreachable() -> Bool {
    guard walk.prover.isUnreachable() else { return false }
    keep(Polynomial(-1))
    return true
  }

  private mutating func keep(_ goal: Polynomial) {
    let what = goal.constant == nil ? "\(walk.prover.text(goal)) >= 0" : "not reached"
    guard walk.certifies, goal.constant.map({ $0 < 0 }) ?? true,
      let obligation = walk.prover.certificate(
        goal, isOrdered ? .reductionOrder : .writtenOnce, kernel: walk.kernel.name, at: walk.location,
        "joining what is \(isOrdered ? "added" : "written"): \(what)")
    else { return }
    obligations.append((obligation, .proved(.affine)))
  }
}
