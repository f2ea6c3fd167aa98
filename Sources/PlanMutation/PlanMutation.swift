import MachineIR
import TileIR

/// A single fault put into a plan: what a schedule or a hand might do wrong.
public enum PlanFault: String, Hashable, Sendable, CaseIterable {
  /// A store or load of some lanes takes all of them.
  case dropMask
  /// A loop runs one round further.
  case widenLoop
  /// A loop begins a round late.
  case lateLoop
  /// A loop ends one element early.
  case narrowLoop
  /// Two strides of one parameter trade places.
  case swapStrides
  /// An on-chip array holds half of what it should, the room for whole vectors included.
  case shrinkScratch
  /// A workspace holds half.
  case shrinkWorkspace
  /// An index goes through 16 bits.
  case narrowIndex
  /// The branch that takes what whole vectors leave is gone.
  case skipTail
  /// The last cell is not run.
  case dropCells
  /// A buffer is touched one element further.
  case shiftOffset
  /// A least or greatest value that cuts a block off is gone.
  case dropBound
  /// A number of blocks is rounded down.
  case roundDown
  /// A store happens twice.
  case repeatStore
  /// A store is gone.
  case dropStore
  /// A store to an on-chip array is gone.
  case dropStaging
  /// A loop runs from its end.
  case reverseLoop
  /// (a + b) + c of floats becomes a + (b + c), and neighbours are added where halves of a vector should be.
  case regroup
  /// A product and a sum of floats become one operation.
  case contract
  /// Bytes are not multiplied, or twice, or with what lies four words further.
  case dropProduct
  case repeatProduct
  case shiftProduct
  /// A sum of slices weighs twice as much, or as another.
  case weighSlices
  /// The threads of a warp do not wait for each other.
  case dropWait
  /// They wait one step later.
  case delayWait
  /// They wait one step earlier.
  case hastenWait
  /// A ring of copies has a stage less.
  case shrinkRing
  /// A copy is not started, or brings half of its elements.
  case dropCopy
  case halveCopy
  /// Copies are not waited for.
  case dropCopyWait
  /// One group more may be under way after a wait for copies.
  case weakenCopyWait
}

/// A plan with one fault.
public struct PlanMutant: Sendable {
  public let plan: Plan
  public let fault: PlanFault
  /// Where it is, in words.
  public let place: String
}

extension Plan {
  /// Every place where a fault can be put.
  public func sites(of fault: PlanFault) -> [(kernel: Int, site: Int)] {
    kernels.indices.flatMap { kernel in
      var editor = KernelEditor(fault, at: nil)
      _ = editor.edit(kernels[kernel])
      return (0..<editor.sites).map { (kernel, $0) }
    }
  }

  /// The plan with a fault at a place.
  public func mutant(_ fault: PlanFault, kernel number: Int, site: Int) -> PlanMutant {
    if fault == .shrinkWorkspace {
      var spaces = workspaces
      // Sites of workspaces are counted by the kernels that write them.
      let positions = kernels[number].writtenWorkspaces
      let position = positions[site]
      spaces[position] = Workspace(
        name: spaces[position].name, byteCount: .divided(spaces[position].byteCount, 2),
        prepares: spaces[position].prepares, prints: spaces[position].prints)
      return PlanMutant(
        plan: replacing(workspaces: spaces), fault: fault, place: "workspace \(spaces[position].name)")
    }
    var editor = KernelEditor(fault, at: site)
    let kernel = editor.edit(kernels[number])
    return PlanMutant(
      plan: replacing(kernel: number, by: kernel), fault: fault, place: "\(kernel.name): \(editor.place)")
  }

  private func replacing(workspaces: [Workspace]) -> Plan {
    Plan(
      program: program, machine: machine, schedule: schedule, workspaces: workspaces,
      preparations: preparations,
      variants: variants, messages: messages)
  }

  private func replacing(kernel number: Int, by kernel: MachineKernel) -> Plan {
    var position = 0
    func replaced(_ kernels: [MachineKernel]) -> [MachineKernel] {
      kernels.map { own in
        defer { position += 1 }
        return position == number ? kernel : own
      }
    }
    let layouts = replaced(preparations)
    let all = variants.map { PlanVariant(name: $0.name, guards: $0.guards, kernels: replaced($0.kernels)) }
    return Plan(
      program: program, machine: machine, schedule: schedule, workspaces: workspaces, preparations: layouts,
      variants: all, messages: messages)
  }
}

extension MachineKernel {
  /// Workspaces that it writes, by position in the plan.
  var writtenWorkspaces: [Int] {
    buffers.compactMap { buffer in
      if case .workspace(let position) = buffer.source, buffer.isWritten { position } else { nil }
    }
  }
}
