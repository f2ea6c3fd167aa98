import ArgumentParser
import EmitC
import MachineIR
import Operators
import Schedules
import TileIR

/// `tessera show`: an operator at one of its stages.
struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print an operator as a tile program, a machine program or generated source.",
    discussion: """
      The tile program is what the author wrote, as data; the machine program is what a schedule made of it \
      for one target; the source is what the target's compiler is given. Every target can be shown on every \
      machine.
      """)

  enum Form: EnumerableFlag {
    case program, machine, source

    static func help(for form: Form) -> ArgumentHelp? {
      switch form {
      case .program: "The tile program: what is computed, whatever the target. (default)"
      case .machine: "The machine program: what one target does."
      case .source: "The generated source, as it is compiled."
      }
    }
  }

  @OptionGroup var operators: OperatorArguments
  @OptionGroup var target: TargetOption
  @Flag(exclusivity: .exclusive) var form: Form?

  func run() throws {
    let program = try operators.chosen().instance.kernel().program()
    let machine = try target.machine()
    switch form ?? .program {
    case .program: print(program, terminator: "")
    case .machine: print(try Lowering.plan(program, for: machine), terminator: "")
    case .source:
      let plan = try Lowering.plan(program, for: machine)
      let source = try EmitC.source(kernels: plan.kernels, machine: machine, program: program)
      print(source, terminator: "")
    }
  }
}
