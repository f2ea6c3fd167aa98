import DeepSeek
import Export
import MachineIR
import Runtime

extension ModelRuns {
  /// Runs the model on this processor and hands over the files of a package that asks a chip for the same.
  func export(
    for machine: MachineDescription, title: String, command: String, write: @escaping (AscendPackage.File) throws -> Void
  ) throws {
    let recorder = try AscendRecorder(for: machine)
    let models = [
      try Model.load(weights, options, on: Device(), isQuiet: false),
      try Model.load(weights, options, on: recorder.device, isQuiet: false, named: machine.name),
    ]
    let line = ProgressLine(isQuiet: false)
    defer { line.clear() }
    var package = try ModelPackage(of: recorder, title: title, write: write)
    try forEach(of: models) { place, batch in
      var (own, noted) = (try models[0].begin(batch), try models[1].begin(batch))
      package.begin(place, noted)
      while let launch = try own.advance(), let other = try noted.advance() {
        line.show(place, launch.number + 1, of: models[0].steps[0].launches.count)
        try package.note(other, expected: launch.results)
      }
      try package.end()
      return true
    }
    try package.finish(machine, command: command)
  }
}
