/// A promise of the author in place of a proof: what the prover can neither prove nor refute may run.
public struct Waiver: Hashable, Sendable {
  /// Kind and subject of the obligations, such as `writtenOnce ring`.
  public let name: String
  public let reason: String
  public let location: SourceLocation

  public init(name: String, reason: String, location: SourceLocation) {
    self.name = name
    self.reason = reason
    self.location = location
  }
}
