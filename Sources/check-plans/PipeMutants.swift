import MachineIR
import Operators
import PlanMutation
import Runtime
import Schedules
import TileIR

/// Pipe programs of small instances with a single fault, without end, drawn by a seed: an operator, one of
/// its small instances, a fault that fits, a kernel, a place.
struct PipeMutants: Sequence, IteratorProtocol, Sendable {
  struct Drawn: Sendable {
    let name: String
    let instance: OperatorInstance
    let plan: Plan
    /// The plan's programs, of which one is the mutant's.
    let kernels: [PipeKernel]
    let mutant: PipeMutant
    var title: String { "\(name) \(instance.name), \(mutant.place)" }
  }
  private var random: SplitMix64
  private let faults: [PipeFault]
  private let programs: [(name: String, instance: OperatorInstance, program: Program)]
  /// Plans with their pipe programs, by number of `programs`, made when first drawn; nil where the chip
  /// refuses it.
  private var lowered: [Int: (plan: Plan, kernels: [PipeKernel])?] = [:]

  init(faults: [PipeFault], operators: [String], seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    self.faults = faults
    programs = try OperatorLibrary.small(operators)
  }

  mutating func next() -> Drawn? {
    // A fault that fits nowhere is met with another draw.
    for _ in 0..<1000 {
      let number = programs.indices.randomElement(using: &random)!
      let fault = faults.randomElement(using: &random)!
      guard let (plan, kernels) = lower(number) else { continue }
      let kernel = kernels.indices.randomElement(using: &random)!
      let count = kernels[kernel].siteCount(of: fault)
      guard count > 0 else { continue }
      let mutant = kernels[kernel].mutant(fault, site: Int.random(in: 0..<count, using: &random))
      guard mutant.kernel != kernels[kernel] else { continue }
      var changed = kernels
      changed[kernel] = mutant.kernel
      return Drawn(
        name: programs[number].name, instance: programs[number].instance, plan: plan, kernels: changed,
        mutant: mutant)
    }
    return nil
  }

  private mutating func lower(_ number: Int) -> (plan: Plan, kernels: [PipeKernel])? {
    if let known = lowered[number] { return known }
    let made: (Plan, [PipeKernel])?
    if let plan = try? Lowering.plan(programs[number].program, for: .ascend910b),
      let kernels = try? AscendProgram.pipes(of: plan)
    {
      made = (plan, kernels)
    } else {
      made = nil
    }
    lowered[number] = .some(made)
    return made
  }
}
