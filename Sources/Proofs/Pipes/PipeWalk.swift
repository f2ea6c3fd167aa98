import MachineIR
import TileIR

/// Follows a pipe program, with what some pipe may not know to be done.
struct PipeWalk {
  /// A touch of memory, or a wait for an event, that was handed out.
  private enum Deed: Hashable {
    case touch(PipeAccess)
    case wait(PipeEvent)

    var pipe: Pipe {
      switch self {
      case .touch(let access): access.pipe
      case .wait(let event): event.to
      }
    }
  }
  /// Who knows a deed to be done, whenever it was last: pipes, and events that stand raised and will tell.
  private struct Knowledge: Hashable {
    var pipes: Set<Pipe>
    var events: Set<PipeEvent> = []
    /// Where it is, for messages.
    let location: SourceLocation?
  }
  private struct State: Equatable {
    var deeds: [Deed: Knowledge] = [:]
    var raised: Set<PipeEvent> = []
    /// Tensors over which another was written since they were.
    var lost: Set<String> = []
  }

  private let kernel: PipeKernel
  private var state = State()
  private var location: SourceLocation?
  private(set) var faults: [PipeProof.Fault] = []
  /// The states in which the innermost loop is left.
  private var left: [State] = []
  private var accesses: [PipeStatement: [PipeAccess]] = [:]

  private var shared: [String: Set<String>] = [:]
  /// Every touch of the program, and the pipes that ever touch what conflicts with one.
  private let all: Set<PipeAccess>
  private var concerned: [PipeAccess: Set<Pipe>] = [:]

  init(_ kernel: PipeKernel) {
    self.kernel = kernel
    var all: Set<PipeAccess> = []
    kernel.forEachStatement { all.formUnion(kernel.accesses(of: $0)) }
    self.all = all
  }

  private mutating func pipes(concernedWith deed: Deed) -> Set<Pipe> {
    switch deed {
    case .wait(let event): return [event.from]
    case .touch(let access):
      if let known = concerned[access] { return known }
      let found = Set(all.filter { $0.conflicts(with: access) }.map(\.pipe))
      concerned[access] = found
      return found
    }
  }

  /// The other tensors that share bytes with one.
  private mutating func neighbours(of name: String) -> Set<String> {
    if let known = shared[name] { return known }
    let bytes = kernel.tensors[name]!.place
    let found = Set(kernel.tensors.values.filter { $0.name != name && $0.place.overlaps(bytes) }.map(\.name))
    shared[name] = found
    return found
  }

  mutating func run() {
    walk(kernel.body)
    for event in state.raised.sorted(by: { "\($0)" < "\($1)" }) { fail("\(Self.name(event)) is left raised") }
  }

  private mutating func fail(_ message: String) {
    let fault = PipeProof.Fault(message: message, location: location)
    if !faults.contains(fault) { faults.append(fault) }
  }

  private static func name(_ event: PipeEvent) -> String {
    "event \(event.from.rawValue)_\(event.to.rawValue) \(event.number)"
  }

  private mutating func walk(_ statements: [PipeStatement]) {
    for statement in statements { walk(statement) }
  }

  private mutating func walk(_ statement: PipeStatement) {
    switch statement {
    case .note(_, let place): location = place ?? location
    case .loop(let loop):
      touch(statement)
      walk(loop)
    case .branch(_, let then, let otherwise):
      touch(statement)
      let before = state
      walk(then)
      let first = state
      state = before
      walk(otherwise)
      join(first, "the sides of a branch")
    case .leave: left.append(state)
    case .set(let event): raise(event)
    case .wait(let event): lower(event)
    case .barrier(let pipe): barrier(pipe)
    default: touch(statement)
    }
  }

  /// Rounds until another changes nothing; a state only loses knowledge from round to round.
  private mutating func walk(_ loop: PipeLoop) {
    let outer = left
    left = []
    if loop.hasRound { walk(loop.body) }
    let early = left
    var entry = state
    repeat {
      entry = state
      left = []
      walk(loop.body)
      // The round may have been the last, or not even the first.
      join(entry, "the beginning and the end of a loop's round")
      for exit in early + left { join(exit, "the end of a loop and where it is left") }
    } while state != entry && faults.isEmpty
    left = outer
  }

  /// Either state may hold: what both know.
  private mutating func join(_ other: State, _ place: String) {
    if state.raised != other.raised {
      let odd = state.raised.symmetricDifference(other.raised).map(Self.name).sorted()
      fail("\(odd.joined(separator: ", ")) stands differently at \(place)")
      state.raised.formUnion(other.raised)
    }
    state.lost.formUnion(other.lost)
    for (deed, theirs) in other.deeds {
      guard var own = state.deeds[deed] else {
        state.deeds[deed] = theirs
        continue
      }
      own.pipes.formIntersection(theirs.pipes)
      own.events.formIntersection(theirs.events)
      state.deeds[deed] = own
    }
  }

  // MARK: Steps

  private mutating func touch(_ statement: PipeStatement) {
    let own = accesses[statement] ?? kernel.accesses(of: statement)
    accesses[statement] = own
    for access in own {
      for (deed, known) in state.deeds {
        guard case .touch(let earlier) = deed, earlier.conflicts(with: access), !known.pipes.contains(access.pipe)
        else { continue }
        fail(
          "\(access.pipe.rawValue) \(access.isWrite ? "writes" : "reads") \(describe(access.place)) with no "
            + (earlier.pipe == access.pipe ? "barrier" : "event") + " after \(earlier.pipe.rawValue) "
            + (earlier.isWrite ? "writes it" : "reads it") + (known.location.map { " at \($0)" } ?? ""))
      }
    }
    for access in own { add(.touch(access)) }
    checkContents(statement)
  }

  /// Nothing of another name was written over what is read. That it was written at all, element by element, is part
  /// of the proof of the plan.
  private mutating func checkContents(_ statement: PipeStatement) {
    let (read, written): ([String], String?)
    switch statement {
    case .vector(let instruction):
      (read, written) = (instruction.sources.map(\.tensor), instruction.destination.tensor)
    case .copyIn(let copy): (read, written) = ([], copy.local.tensor)
    case .copyOut(let copy): (read, written) = ([copy.local.tensor], nil)
    case .cube(let instruction):
      (read, written) = (instruction.reads.map(\.view.tensor), instruction.write?.view.tensor)
    case .read(_, let view): (read, written) = ([view.tensor], nil)
    case .write(let view, _): (read, written) = ([], view.tensor)
    default: return
    }
    for name in read where state.lost.contains(name) {
      fail("\(name) is read where another tensor may have been written over it")
    }
    guard let written else { return }
    state.lost.formUnion(neighbours(of: written))
    state.lost.remove(written)
  }

  private mutating func add(_ deed: Deed) {
    var pipes: Set<Pipe> = []
    if case .touch(let access) = deed, access.pipe == .scalar || access.pipe == .cubeScalar {
      // The scalar unit hands out its next instruction when it is done with what it reads; what it writes, others
      // see when an event says so, itself at once.
      if access.isWrite {
        pipes = [access.pipe]
      } else {
        pipes = Pipe.all(of: access.pipe.core)
        if self.pipes(concernedWith: deed).isSubset(of: pipes) { return }
      }
    }
    state.deeds[deed] = Knowledge(pipes: pipes, location: location)
  }

  private mutating func raise(_ event: PipeEvent) {
    if state.raised.contains(event) { fail("\(Self.name(event)) is raised twice") }
    if let wait = state.deeds[.wait(event)], !wait.pipes.contains(event.from) {
      fail("\(Self.name(event)) is raised anew where the wait for it may still be to come")
    }
    state.raised.insert(event)
    for (deed, known) in state.deeds where deed.pipe == event.from || known.pipes.contains(event.from) {
      state.deeds[deed]!.events.insert(event)
    }
  }

  private mutating func lower(_ event: PipeEvent) {
    if !state.raised.contains(event) { fail("\(Self.name(event)) is awaited where nobody has raised it") }
    state.raised.remove(event)
    for (deed, known) in state.deeds where known.events.contains(event) {
      state.deeds[deed]!.events.remove(event)
      state.deeds[deed]!.pipes.insert(event.to)
      if event.to == .scalar { state.deeds[deed]!.pipes.formUnion(Pipe.all(of: .vector)) }
    }
    forget()
    if event.to != .scalar { state.deeds[.wait(event)] = Knowledge(pipes: [], location: location) }
  }

  private mutating func barrier(_ pipe: Pipe?) {
    guard let pipe else {
      for deed in state.deeds.keys where deed.pipe.core == .vector {
        state.deeds[deed]!.pipes.formUnion(Pipe.all(of: .vector))
      }
      return forget()
    }
    for deed in state.deeds.keys where deed.pipe == pipe { state.deeds[deed]!.pipes.insert(pipe) }
    forget()
  }

  /// What every pipe that is concerned knows to be done orders nothing any more.
  private mutating func forget() {
    for (deed, known) in state.deeds where pipes(concernedWith: deed).isSubset(of: known.pipes) {
      state.deeds[deed] = nil
    }
  }

  private func describe(_ place: PipeAccess.Place) -> String {
    switch place {
    case .buffer(let source):
      return kernel.source.buffers.first { $0.source == source }?.name ?? "a buffer"
    case .local(let bytes):
      let names = kernel.tensors.values.filter { $0.place.overlaps(bytes) }.map(\.name).sorted()
      return names.prefix(3).joined(separator: " or ")
    }
  }
}
