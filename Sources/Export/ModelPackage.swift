import EmitAscend
import MachineIR
import Runtime
import TileIR

/// Runs of a model as a package: every kernel of every launch in order, what the runs are given, and the bits that
/// each launch must leave.
///
/// Files are handed over as they are complete, so that no more than a run's is kept.
public struct ModelPackage {
  private let recorder: AscendRecorder
  private let title: String
  private var lines: [String] = []
  private var sums: [String] = []
  private var runs: [(name: String, launches: Int, bytes: Int)] = []
  /// Inputs and expected bits of the run at hand.
  private var bytes: [UInt8] = []
  private let write: (AscendPackage.File) throws -> Void

  /// Begins with the memory of a model that was loaded onto `recorder` and has not run yet, and the kernels that lay
  /// its weights out.
  ///
  /// - Parameters:
  ///   - title: what is run, on one line.
  ///   - write: is given each file of the package.
  public init(
    of recorder: AscendRecorder, title: String, write: @escaping (AscendPackage.File) throws -> Void
  ) throws {
    self.recorder = recorder
    self.title = title
    self.write = write
    for (number, area) in recorder.areas.enumerated() {
      let isEmpty = area.allSatisfy { $0 == 0 }
      let file = "data/memory_\(number).bin"
      if !isEmpty { try add(AscendPackage.File(file, Array(area))) }
      lines.append("memory \(area.count)" + (isEmpty ? "" : " \(file)"))
    }
    let calls = recorder.takeCalls()
    if !calls.isEmpty {
      lines.append("run weights")
      lines.append("launch weights laid out")
      for call in calls { note(call) }
    }
  }

  /// Begins a run, whose inputs have been given and none of whose launches is done.
  public mutating func begin(_ name: String, _ run: StepRun) {
    runs.append((name, 0, 0))
    lines.append("run \(word(name)) \(file)")
    for input in recorder.inputs(of: run) where !input.bytes.isEmpty {
      lines.append("write \(text(of: input.place)) \(input.bytes.count) \(keep(input.bytes))")
    }
  }

  /// Notes a launch that is done on the recorder's device, with its results as another has them, by parameter.
  ///
  /// Throws where a result's rows do not follow one another in memory.
  public mutating func note(_ launch: HostLaunch, expected: [String: HostTensor]) throws {
    runs[runs.count - 1].launches += 1
    lines.append("launch \(launch.scope) \(launch.program.name)")
    let calls = recorder.takeCalls()
    for message in calls.first?.messages ?? [] {
      lines.append("message " + message.split(whereSeparator: \.isNewline).joined(separator: " "))
    }
    for (name, tensor) in expected.sorted(by: { $0.key < $1.key }) where !tensor.bytes.isEmpty {
      guard let place = recorder.place(of: launch.places[name]!) else {
        throw ExportError("\(launch.program.name): \(name) lies in memory in pieces, which a package of a model cannot tell")
      }
      let isState = launch.program.parameters.contains { $0.name == name && $0.role == .state }
      let shape = tensor.shape.isEmpty ? "1" : tensor.shape.map(String.init).joined(separator: "x")
      let offset = tensor.bytes.withUnsafeBytes { keep($0) }
      lines.append(
        "\(isState ? "state" : "output") \(name) \(text(of: place)) \(tensor.element.bitWidth) \(shape) "
          + "\(tensor.bytes.count) \(offset)")
    }
    for call in calls { note(call) }
    lines.append("compare")
  }

  /// Ends the run at hand.
  public mutating func end() throws {
    runs[runs.count - 1].bytes = bytes.count
    try add(AscendPackage.File(file, bytes))
    bytes = []
  }

  /// Ends the package. `command` is what a person types to have the same again.
  public mutating func finish(_ machine: MachineDescription, command: String) throws {
    let texts = recorder.texts
    var sources: [String] = []
    for (number, text) in texts.enumerated() {
      sources.append("kernels/\(number)_\(text.program).cpp")
      try add(AscendPackage.File(sources[number], text.source))
    }
    try add(AscendPackage.File("CMakeLists.txt", AscendPackage.buildFile(kernels: sources)))
    try add(AscendPackage.File("device.h", AscendPackage.deviceHeader))
    try add(AscendPackage.File("main.cpp", AscendPackage.runsProgram))
    try add(AscendPackage.File("kernels.h", table))
    try add(AscendPackage.File("runs.txt", lines.joined(separator: "\n") + "\n"))
    let description = ModelDescription(
      title: title, command: command, machine: machine, runs: runs, kernels: texts.reduce(0) { $0 + $1.kernels.count },
      programs: texts.count)
    try add(AscendPackage.File("README.md", description.text))
    try write(AscendPackage.File("SHA256SUMS", sums.joined()))
  }

  private mutating func add(_ file: AscendPackage.File) throws {
    sums.append(AscendPackage.sum(file))
    try write(file)
  }

  // MARK: Statements

  private var file: String { "data/\(word(runs.last!.name)).bin" }

  private func word(_ name: String) -> String { name.split(separator: " ").joined(separator: "_") }

  /// Where bytes begin in the run's file.
  private mutating func keep(_ content: UnsafeRawBufferPointer) -> Int {
    defer { bytes += content }
    return bytes.count
  }

  private func text(of place: AscendRecorder.Place) -> String { "@\(place.area)+\(place.offset)" }

  private mutating func note(_ call: AscendRecorder.Call) {
    let arguments = call.arguments.map { argument in
      switch argument {
      case .memory(let place): text(of: place)
      case .scratch(let bytes): "*\(bytes)"
      case .checks: "!"
      case .integer(let value): "i\(value)"
      case .float(let value): "f" + String(value.bitPattern, radix: 16)
      }
    }
    lines.append((["kernel", call.kernel, "\(call.blocks)"] + arguments).joined(separator: " "))
  }

  /// `kernels.h`: the kernels, and what the program must know besides.
  private var table: String {
    """
    \(EmitAscend.launchTable(of: recorder.texts.map { ($0.kernels, $0.suffix) }))
    static const char *const title = \(HostProgram.literal(title));
    static const size_t checks_bytes = \(recorder.checksByteCount);

    """
  }
}
