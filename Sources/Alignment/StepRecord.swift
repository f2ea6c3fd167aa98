import Runtime
import TileIR

/// What every launch of a run wrote: a run that others are compared with, launch by launch.
public struct StepRecord {
  /// By launch and parameter.
  public private(set) var results: [[String: HostTensor]] = []

  public init() {}

  /// Keeps what the launch that was just done wrote; launches come in order.
  public mutating func note(_ launch: HostLaunch) {
    precondition(launch.number == results.count, "launches are noted in order")
    results.append(launch.results)
  }
}
