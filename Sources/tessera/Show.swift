import ArgumentParser
import EmitAscend
import EmitC
import EmitCUDA
import Foundation
import MachineIR
import Operators
import Roofline
import Runtime
import Schedules
import TileIR

/// `tessera show`: an operator at one of its stages.
struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print an operator as a tile program, a machine program or generated source.",
    discussion: """
      The tile program is what the author wrote, as data; the machine program is what a schedule made of it \
      for one target; the source is what the target's compiler is given. Every target can be shown on every \
      machine. What GPU kernels take of a multiprocessor is what the compiler reports, which needs no GPU. What \
      the pipes of an Ascend chip do when is predicted, for the first instructions of each kernel.
      """)

  enum Form: EnumerableFlag {
    case program, machine, source, resources

    static func help(for form: Form) -> ArgumentHelp? {
      switch form {
      case .program: "The tile program: what is computed, whatever the target. (default)"
      case .machine: "The machine program: what one target does."
      case .source: "The generated source, as it is compiled."
      case .resources: "What the compiled kernels of a GPU target take: registers, memory, spills."
      }
    }
  }

  @OptionGroup var operators: OperatorArguments
  @OptionGroup var target: ShownTargetOption
  @Flag(exclusivity: .exclusive) var form: Form?

  @Flag(help: "Print JSON; with --resources.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Draw the pipes of an Ascend target over time into a picture, SVG, at the instance's first sizes.",
      valueName: "file"))
  var timeline: String?

  func validate() throws {
    if timeline != nil, form != nil || json {
      throw ValidationError("--timeline stands alone: it draws, and prints nothing of the other forms")
    }
    if json, form != .resources { throw ValidationError("--json goes with --resources") }
  }

  func run() throws {
    let (entry, instance) = try operators.chosen()
    let program = try instance.kernel().program()
    let machine = try target.machine()
    if let timeline { return try draw(entry.name, instance, program, machine, to: timeline) }
    switch form ?? .program {
    case .program: print(program, terminator: "")
    case .machine: print(try Lowering.plan(program, for: machine), terminator: "")
    case .source:
      let plan = try Lowering.plan(program, for: machine)
      print(try source(of: plan), terminator: "")
    case .resources:
      guard machine.gpu != nil else {
        throw Refusal(
          "--resources is of GPU kernels; \(machine.name) is a processor. "
            + "GPU targets: \(MachineDescription.gpus.map(\.name).joined(separator: ", "))")
      }
      let kernels = try KernelResources.all(of: Lowering.plan(program, for: machine))
      print(json ? try tessera.json(kernels) : KernelResources.table(kernels))
    }
  }
}

extension Show {
  private func source(of plan: Plan) throws -> String {
    let (machine, program) = (plan.machine, plan.program)
    return switch machine.kind {
    case .cpu: try EmitC.source(kernels: plan.kernels, machine: machine, program: program)
    case .gpu: try EmitCUDA.source(kernels: plan.kernels, machine: machine, program: program)
    case .npu:
      try EmitAscend.source(
        kernels: AscendProgram.pipes(of: plan), machine: machine, program: program)
    }
  }
}

/// A number of things, by their name.
private func counted(_ count: Int, _ name: String) -> String { "\(count) \(name)\(count == 1 ? "" : "s")" }

extension Show {
  /// Draws the kernels of a launch; the file is written whole or not at all.
  private func draw(
    _ name: String, _ instance: OperatorInstance, _ program: Program, _ machine: MachineDescription, to path: String
  ) throws {
    guard machine.npu != nil else {
      throw Refusal(
        "--timeline is of pipes; \(machine.name) has none. Ascend targets: "
          + MachineDescription.npus.map(\.name).joined(separator: ", "))
    }
    let sizes = instance.shapes.first ?? [:]
    let plan = try Lowering.plan(program, for: machine)
    let pipes = try AscendProgram.pipes(of: plan)
    let kernels = try PipePrediction.timelines(
      plan, pipes, LaunchSizes(program, sizes), limit: PipePanel.mostBars)
    guard !kernels.isEmpty else {
      throw Refusal("\(name) \"\(instance.name)\" at \(settings(sizes)) has no cell to draw")
    }
    let panels = kernels.map { kernel, recorded, leftOut in
      PipePanel(
        title: "\(kernel.kernel): \(counted(kernel.cells, "cell")) on "
          + "\(counted(kernel.cores, kernel.usesCubes ? "group" : "core")), "
          + "\(Int(kernel.ticks.rounded(.up))) cycles; \(recorded.bars.count) bars, \(Int(leftOut.rounded())) later "
          + "instructions left out", bars: recorded.bars, links: recorded.links)
    }
    let picture = PipePicture(
      title: "\(name) \"\(instance.name)\" at \(settings(sizes)) on \(machine.name)", panels: panels)
    do {
      try picture.text.write(to: URL(fileURLWithPath: path), atomically: true, encoding: .utf8)
    } catch {
      throw Refusal("cannot write \(path): \(error.localizedDescription)")
    }
    for panel in panels { print(panel.title) }
  }
}

/// The option that names a target to look at, of a processor, a GPU or an Ascend chip.
struct ShownTargetOption: ParsableArguments {
  private static let machines = MachineDescription.all + MachineDescription.npus

  @Option(
    name: .customLong("target"),
    help: """
      A target: \(machines.map(\.name).joined(separator: ", ")). (default: the best that this \
      processor runs)
      """,
    completion: .list(machines.map(\.name)))
  var name: String?

  /// The target that was named, or that of this processor; an error that lists the others.
  func machine() throws -> MachineDescription {
    try .chosen(name, among: Self.machines)
  }
}
