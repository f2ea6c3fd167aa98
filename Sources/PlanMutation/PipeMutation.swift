import MachineIR
import TileIR

/// A single fault put into a pipe program: what its lowering or a hand might do wrong.
public enum PipeFault: String, Hashable, Sendable, CaseIterable {
  /// Both halves of an event within a core are gone, wherever they stand.
  case dropEvent
  /// One raising, one wait is gone.
  case dropSet, dropWait
  /// Both halves of a flag between cores are gone.
  case dropFlag
  /// An event is raised, is awaited, twice.
  case doubleSet, doubleWait
  /// Two neighbours of one list that raise, or await, other events of the same pair have each other's.
  case swapEvents
  /// An event is raised a statement early, is awaited a statement late.
  case hastenSet, delayWait
  /// An event is raised a statement late, is awaited a statement early: the same order, or more of it.
  case delaySet, hastenWait
  /// A barrier is gone, or comes a statement late.
  case dropBarrier, delayBarrier
  /// A tensor lies where another of its memory does.
  case overlapTensors
  /// A tensor holds half.
  case shrinkTensor
  /// A tensor begins within a block.
  case misalignTensor
  /// A tensor reaches over the end of its memory.
  case overflowMemory
  /// A view begins one element further.
  case shiftView
  /// A copy whose count the launch decides takes all that it ever takes.
  case unmaskTail
  /// A copy that is only made where there is something to copy is always made.
  case dropGuard
  /// A copy is gone, or begins one element further in main memory.
  case dropCopy, moveCopy
  /// A copy takes one element more than it has room for.
  case lengthenCopy
  /// A copy is longer than its field holds.
  case overflowCopy
  /// Rows of a copy lie one element further apart, or are more than its field holds.
  case spreadRows, overflowRows
  /// An event has a number that may be the system's.
  case reserveEvent
  /// An instruction of the vector unit has no lanes, or twice as many.
  case emptyInstruction, doubleLanes
  /// A block is repeated, or lanes of one repeat are chosen, over more than its field holds.
  case overflowRepeats
  /// A matrix has more lines than the field of a cube instruction holds, or no whole fractals.
  case overflowMatrix, splitFractal
}

/// A pipe program with one fault.
public struct PipeMutant: Sendable {
  public let kernel: PipeKernel
  public let fault: PipeFault
  /// Where it is, in words.
  public let place: String
}

extension PipeKernel {
  /// How many places a fault can be put in.
  public func siteCount(of fault: PipeFault) -> Int {
    if let changes = wholeChanges(fault) { return changes.count }
    var editor = PipeStatementEditor(fault, at: nil)
    _ = editor.edit(body)
    return editor.sites
  }

  /// The program with a fault at a place.
  public func mutant(_ fault: PipeFault, site: Int) -> PipeMutant {
    if let changes = wholeChanges(fault) {
      var changed = self
      changes[site].apply(&changed)
      return PipeMutant(kernel: changed, fault: fault, place: "\(source.name): \(changes[site].place)")
    }
    var editor = PipeStatementEditor(fault, at: site)
    var changed = self
    changed.body = editor.edit(body)
    return PipeMutant(kernel: changed, fault: fault, place: "\(source.name): \(editor.place)")
  }

  private typealias Change = (place: String, apply: (inout PipeKernel) -> Void)

  /// The changes of faults that concern a program as a whole; nil for those of single statements.
  private func wholeChanges(_ fault: PipeFault) -> [Change]? {
    switch fault {
    case .dropEvent: events.filter { !$0.isAcross }.map { drop($0) }
    case .dropFlag: events.filter(\.isAcross).map { drop($0) }
    case .reserveEvent: events.filter { !$0.isAcross }.map { renumber($0, Ascend.eventsPerPair) }
    case .overlapTensors: overlaps
    case .shrinkTensor:
      place { tensor in
        LocalTensor(
          tensor.name, tensor.element, count: tensor.count / 2, byteAddress: tensor.byteAddress,
          in: tensor.memory)
      }
    case .misalignTensor:
      place { tensor in
        var moved = tensor
        moved.byteAddress += tensor.memory.alignment / 2
        return moved
      }
    case .overflowMemory:
      place { tensor in
        var moved = tensor
        moved.byteAddress =
          tensor.memory.capacity(of: MachineDescription.ascend910b.npu!) - tensor.memory.alignment
        return moved
      }.filter { change in
        var changed = self
        change.apply(&changed)
        return changed.tensors.values.contains {
          $0.bytes.upperBound > $0.memory.capacity(of: MachineDescription.ascend910b.npu!)
        }
      }
    default: nil
    }
  }

  /// Events in the order in which they are first raised.
  private var events: [PipeEvent] {
    var found: [PipeEvent] = []
    forEachStatement { if case .set(let event) = $0, !found.contains(event) { found.append(event) } }
    return found
  }

  private func drop(_ event: PipeEvent) -> Change {
    (
      "event \(event.name)",
      { kernel in
        kernel = kernel.mapping { _, statement in
          statement == .set(event) || statement == .wait(event) ? [] : [statement]
        }
      }
    )
  }

  private func renumber(_ event: PipeEvent, _ number: Int) -> Change {
    let other = PipeEvent(event.from, event.to, number)
    return (
      "event \(event.name)",
      { kernel in
        kernel = kernel.mapping { _, statement in
          switch statement {
          case .set(event): [.set(other)]
          case .wait(event): [.wait(other)]
          default: [statement]
          }
        }
      }
    )
  }

  private func place(_ change: @escaping (LocalTensor) -> LocalTensor) -> [Change] {
    tensors.keys.sorted().map { name in (name, { $0.tensors[name] = change($0.tensors[name]!) }) }
  }

  /// Each tensor where the next one of its memory by name is, where that is elsewhere.
  private var overlaps: [Change] {
    LocalMemory.allCases.flatMap { memory -> [Change] in
      let names = tensors.keys.sorted().filter { tensors[$0]!.memory == memory }
      return zip(names, names.dropFirst() + names.prefix(1)).compactMap { name, other in
        guard tensors[name]!.byteAddress != tensors[other]!.byteAddress else { return nil }
        return ("\(name) over \(other)", { $0.tensors[name]!.byteAddress = $0.tensors[other]!.byteAddress })
      }
    }
  }
}

extension PipeEvent {
  var name: String { "\(from.rawValue)_\(to.rawValue) \(number)" }
}
