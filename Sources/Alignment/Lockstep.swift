import Runtime
import Steps
import TileIR

/// Runs of one step on several devices, carried forward together: each launch is compared before the next begins,
/// so that nothing has to be kept.
///
/// Where a run differs from the first, it is given the first's results, so that every launch is judged on equal
/// arguments and what differs later is no consequence.
public struct Lockstep {
  private var sides: [Side]

  /// A run on one side of the comparison.
  public struct Side {
    public let name: String
    public var run: StepRun
    /// Does launches in the device's place, where it gives results.
    public let substitute: ((HostLaunch) throws -> [String: HostTensor]?)?

    public init(
      _ name: String, _ run: StepRun, by substitute: ((HostLaunch) throws -> [String: HostTensor]?)? = nil
    ) {
      self.name = name
      self.run = run
      self.substitute = substitute
    }
  }

  /// A launch after which a run's results were not the first's.
  public struct Difference: Sendable {
    /// Of the run that differs.
    public let side: String
    /// By position in the step.
    public let launch: Int
    /// Where in the model the launch stands.
    public let scope: String
    public let program: String
    /// In the first result that differs.
    public let divergence: Divergence
  }

  /// Runs that have begun, of steps that are equal; the others are compared with the first.
  public init(_ sides: [Side]) {
    precondition(sides.count > 1, "a comparison has two sides or more")
    self.sides = sides
  }

  /// Does the next launch on every side and compares; nil where all are done.
  ///
  /// Throws `SideFailure` where a side throws.
  public mutating func advance() throws -> [Difference]? {
    guard let first = try advance(0) else { return nil }
    let expected = first.results
    var differences: [Difference] = []
    for side in sides.indices.dropFirst() {
      guard let launch = try advance(side) else {
        preconditionFailure("steps of one model have equal launches")
      }
      let found = launch.results
      guard found != expected else { continue }
      let divergences = try Divergence.all(expected: expected, found: found, of: launch.program)
      guard let divergence = divergences.first else { continue }
      differences.append(
        Difference(
          side: sides[side].name, launch: launch.number, scope: launch.scope, program: launch.program.name,
          divergence: divergence))
      launch.replace(expected)
    }
    return differences
  }

  private mutating func advance(_ side: Int) throws -> HostLaunch? {
    do {
      return try sides[side].run.advance(by: sides[side].substitute)
    } catch {
      throw SideFailure(side: sides[side].name, error: error)
    }
  }
}

/// What one side of a comparison threw instead of a result.
public struct SideFailure: Error, CustomStringConvertible {
  public let side: String
  public let error: any Error

  public init(side: String, error: any Error) {
    self.side = side
    self.error = error
  }

  public var description: String { "\(side): \(error)" }
}
