import TileIR

/// A run of a step that whoever holds it carries forward launch by launch, in step with another device's for one.
public struct StepRun {
  public let executable: StepExecutable
  let threads: Int
  private var next = 0

  /// A run whose numbers and inputs were found good.
  init(_ executable: StepExecutable, threads: Int) {
    self.executable = executable
    self.threads = threads
  }

  /// Does the next launch, or has `substitute` do it where that gives results; nil where all are done.
  ///
  /// What the launch wrote can be read when this returns. Throws the message of a failed assertion.
  public mutating func advance(
    by substitute: ((HostLaunch) throws -> [String: HostTensor]?)? = nil
  ) throws -> HostLaunch? {
    guard next < executable.step.launches.count else { return nil }
    let launch = HostLaunch(next, of: executable)
    if let results = try substitute?(launch) {
      launch.replace(results)
    } else {
      try executable.launch(next, threads: threads)
    }
    next += 1
    return launch
  }
}
