import MachineIR
import TileIR

/// Follows a pipe program, with what some pipe may not know to be done.
struct PipeWalk {
  /// Who knows a deed to be done, whenever it was last: pipes, a bit each, and events that stand raised and will tell.
  fileprivate struct Knowledge: Equatable {
    /// Whether some pipe that is concerned may not know.
    var isOpen = false
    var pipes: UInt16 = 0
    var events = EventSet()
  }
  private struct State: Equatable {
    /// Touches by their numbers, and behind them waits for events by theirs.
    var deeds: [Knowledge]
    var raised = EventSet()
    /// Tensors over which another was written since they were.
    var lost: Set<Int> = []
  }

  private let kernel: PipeKernel
  private let program: PipeSteps
  /// Events that the program is walked without.
  private let ignored: Set<Int>
  /// Events in whose place others are raised and awaited.
  private let others: [Int: Int]
  /// Whether other events of a program that is proved are tried: the first fault is all that is asked for.
  private let isOfEvents: Bool
  private var state: State
  private var location: SourceLocation?
  /// Where each touch was last, for messages.
  private var places: [SourceLocation?]
  private(set) var faults: [PipeProof.Fault] = []
  /// The states in which the innermost loop is left.
  private var left: [State] = []

  private static let scalar = PipeSteps.number(.scalar)
  private static let ofVectorCore = PipeSteps.bits(of: .vector)
  private static func bit(_ pipe: Int) -> UInt16 { 1 << UInt16(pipe) }

  init(
    _ kernel: PipeKernel, _ program: PipeSteps, without ignored: Set<Int> = [], with others: [Int: Int] = [:],
    isOfEvents: Bool = false
  ) {
    self.kernel = kernel
    self.program = program
    (self.ignored, self.others) = (ignored, others)
    let deeds = program.touches.count + program.events.count
    state = State(deeds: Array(repeating: Knowledge(), count: deeds))
    places = Array(repeating: nil, count: program.touches.count)
    self.isOfEvents = isOfEvents
  }

  mutating func run() {
    // An event that stands in another's place is not raised a second time before all loops, nor lowered behind them.
    walk(program.steps.filter { $0.event.map { others[$0] == nil } ?? true })
    for name in names(of: state.raised) { fail("\(name) is left raised") }
  }

  private mutating func fail(_ message: String) {
    let fault = PipeProof.Fault(message: message, location: location)
    if !faults.contains(fault) { faults.append(fault) }
  }

  private func name(_ event: Int) -> String {
    let event = program.events[event]
    return "event \(event.from.rawValue)_\(event.to.rawValue) \(event.number)"
  }

  private func names(of events: EventSet) -> [String] {
    program.events.indices.filter(events.contains).map(name).sorted()
  }

  private mutating func walk(_ steps: [PipeSteps.Step]) {
    for step in steps {
      if isOfEvents, !faults.isEmpty { return }
      walk(step)
    }
  }

  private mutating func walk(_ step: PipeSteps.Step) {
    switch step {
    case .note(let place): location = place
    case .loop(let hasRound, let apart, let body):
      walk(loop: body, hasRound: hasRound)
      close(apart)
    case .branch(let then, let otherwise):
      let before = state
      walk(then)
      let first = state
      state = before
      walk(otherwise)
      join(first, "the sides of a branch")
    case .leave: left.append(state)
    case .set(let event): if !ignored.contains(event) { raise(others[event] ?? event) }
    case .wait(let event): if !ignored.contains(event) { lower(others[event] ?? event) }
    case .barrier(let pipe): barrier(pipe)
    case .touch(let own, let read, let written):
      touch(own)
      // Whatever events there are, tensors hold the same.
      if !isOfEvents { checkContents(read, written) }
    }
  }

  /// Rounds until another changes nothing; a state only loses knowledge from round to round.
  private mutating func walk(loop body: [PipeSteps.Step], hasRound: Bool) {
    let outer = left
    left = []
    if hasRound { walk(body) }
    let early = left
    var entry = state
    repeat {
      entry = state
      left = []
      walk(body)
      // The round may have been the last, or not even the first.
      join(entry, "the beginning and the end of a loop's round")
      for exit in early + left { join(exit, "the end of a loop and where it is left") }
    } while state != entry && faults.isEmpty
    left = outer
  }

  /// Behind a loop its writes may meet those of the next time that it is carried out: others stand for them.
  private mutating func close(_ apart: [Int: Int]) {
    for (touch, twin) in apart {
      state.deeds[twin].join(state.deeds[touch])
      state.deeds[touch] = Knowledge()
      places[twin] = places[touch]
    }
  }

  /// Either state may hold: what both know.
  private mutating func join(_ other: State, _ place: String) {
    if state.raised != other.raised {
      let odd = names(of: state.raised.symmetricDifference(other.raised))
      fail("\(odd.joined(separator: ", ")) stands differently at \(place)")
      state.raised.formUnion(other.raised)
    }
    state.lost.formUnion(other.lost)
    for deed in other.deeds.indices { state.deeds[deed].join(other.deeds[deed]) }
  }

  // MARK: Steps

  private mutating func touch(_ own: [Int]) {
    for number in own {
      let access = program.touches[number]
      let bit = Self.bit(access.pipe)
      for deed in program.conflicts[number] where state.deeds[deed].isOpen && state.deeds[deed].pipes & bit == 0 {
        if deed == number, program.apart.contains(number) { continue }
        report(program.accesses[number], after: program.accesses[deed], places[deed])
      }
    }
    for number in own { add(touch: number) }
  }

  private mutating func report(_ access: PipeAccess, after earlier: PipeAccess, _ place: SourceLocation?) {
    fail(
      "\(access.pipe.rawValue) \(access.isWrite ? "writes" : "reads") \(describe(access.place)) with no "
        + (earlier.pipe == access.pipe ? "barrier" : "event") + " after \(earlier.pipe.rawValue) "
        + (earlier.isWrite ? "writes it" : "reads it") + (place.map { " at \($0)" } ?? ""))
  }

  /// Nothing of another name was written over what is read. That it was written at all, element by element, is part
  /// of the proof of the plan.
  private mutating func checkContents(_ read: [Int], _ written: Int?) {
    for tensor in read where state.lost.contains(tensor) {
      fail("\(program.tensors[tensor]) is read where another tensor may have been written over it")
    }
    guard let written else { return }
    for tensor in read where program.crossing[written].contains(tensor) {
      fail("\(program.tensors[tensor]) is read while \(program.tensors[written]) is written over it")
    }
    state.lost.formUnion(program.neighbours[written])
    state.lost.remove(written)
  }

  private mutating func add(touch number: Int) {
    let access = program.touches[number]
    var pipes: UInt16 = 0
    let pipe = PipeSteps.pipes[access.pipe]
    if pipe == .scalar || pipe == .cubeScalar {
      // The scalar unit hands out its next instruction when it is done with what it reads; what it writes, others
      // see when an event says so, itself at once.
      pipes = access.isWrite ? Self.bit(access.pipe) : PipeSteps.bits(of: pipe.core)
      if !access.isWrite, program.concernedByDeed[number] & ~pipes == 0 { return }
    }
    state.deeds[number] = Knowledge(isOpen: true, pipes: pipes)
    places[number] = location
  }

  private mutating func raise(_ event: Int) {
    if state.raised.contains(event) { fail("\(name(event)) is raised twice") }
    let from = PipeSteps.number(program.events[event].from)
    let wait = state.deeds[program.touches.count + event]
    if wait.isOpen, wait.pipes & Self.bit(from) == 0 {
      fail("\(name(event)) is raised anew where the wait for it may still be to come")
    }
    state.raised.insert(event)
    for deed in state.deeds.indices where state.deeds[deed].isOpen {
      if state.deeds[deed].pipes & Self.bit(from) != 0 || program.pipeOfDeed[deed] == from {
        state.deeds[deed].events.insert(event)
      }
    }
  }

  private mutating func lower(_ event: Int) {
    if !state.raised.contains(event) { fail("\(name(event)) is awaited where nobody has raised it") }
    state.raised.remove(event)
    let to = PipeSteps.number(program.events[event].to)
    for deed in state.deeds.indices where state.deeds[deed].events.contains(event) {
      state.deeds[deed].events.remove(event)
      // What the scalar unit knows, all instructions that it hands out after do.
      state.deeds[deed].pipes |= to == Self.scalar ? Self.ofVectorCore : Self.bit(to)
    }
    forget()
    if to != Self.scalar {
      state.deeds[program.touches.count + event] = Knowledge(isOpen: true)
    }
  }

  private mutating func barrier(_ pipe: Int?) {
    guard let pipe else {
      for deed in state.deeds.indices where PipeSteps.pipes[program.pipeOfDeed[deed]].core == .vector {
        state.deeds[deed].pipes |= Self.ofVectorCore
      }
      return forget()
    }
    for deed in state.deeds.indices where program.pipeOfDeed[deed] == pipe { state.deeds[deed].pipes |= Self.bit(pipe) }
    forget()
  }

  /// What every pipe that is concerned knows to be done orders nothing any more.
  private mutating func forget() {
    for deed in state.deeds.indices where program.concernedByDeed[deed] & ~state.deeds[deed].pipes == 0 {
      state.deeds[deed] = Knowledge()
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

extension PipeWalk.Knowledge {
  /// Either may hold: what both know.
  fileprivate mutating func join(_ other: Self) {
    guard other.isOpen else { return }
    guard isOpen else { return self = other }
    pipes &= other.pipes
    events.formIntersection(other.events)
  }
}
