import Steps
import TileIR

/// A launch of a step in the midst of a run, for whoever does it in the device's place or looks at it: what it
/// is given and what it wrote, as whole host tensors.
public struct HostLaunch {
  /// By position in `Step.launches`.
  public let number: Int
  private let executable: StepExecutable

  init(_ number: Int, of executable: StepExecutable) {
    self.number = number
    self.executable = executable
  }

  private var launch: StepLaunch { executable.step.launches[number] }
  public var program: Program { executable.step.program(of: launch) }
  /// Where in the model it stands, such as `layers.3.attn`.
  public var scope: String { launch.scope }

  /// What it is given, by parameter, as it is now: right until the launch is done.
  public var arguments: [String: Argument] {
    var arguments: [String: Argument] = [:]
    for (parameter, argument) in zip(program.parameters, launch.arguments) where parameter.role != .output {
      switch argument {
      case .view(let view): arguments[parameter.name] = .tensor(executable.contents(of: view))
      case .integer(let size): arguments[parameter.name] = .int(Int32(executable.value(of: size)))
      case .float(let value): arguments[parameter.name] = .float(value)
      }
    }
    return arguments
  }

  /// Extents of all dimensions that arguments or the step's builder bind.
  public var extents: [Dimension: Int] {
    launch.extents.filter { program.lengths[$0.key] == .buffer }.mapValues { executable.value(of: $0) }
  }

  /// What the buffers that it writes hold now, by parameter: its results once it is done.
  public var results: [String: HostTensor] { written.mapValues { executable.contents(of: $0) } }

  /// Where they lie, by parameter.
  public var places: [String: TensorView] { written.mapValues { executable.place(of: $0) } }

  /// Puts tensors in place of what the launch wrote, by parameter.
  ///
  /// They must have the types and shapes that `results` has.
  public func replace(_ tensors: [String: HostTensor]) {
    for (name, tensor) in tensors {
      guard let view = written[name] else { preconditionFailure("\(program.name) writes no \(name)") }
      executable.replace(view, by: tensor)
    }
  }

  private var written: [String: View] {
    var views: [String: View] = [:]
    for (position, argument) in launch.arguments.enumerated() where program.writes(position) {
      if case .view(let view) = argument { views[program.parameters[position].name] = view }
    }
    return views
  }
}
