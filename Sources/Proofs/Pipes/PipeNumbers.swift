import MachineIR

extension PipeKernel {
  /// The program with the chip's event numbers, for one that is proved but for having too many: two events of a pair of pipes
  /// are one where the program is proved with them as one. Nil where they stay too many.
  func withSharedNumbers() -> PipeKernel? {
    var sharing = EventSharing(self)
    guard let numbers = sharing.numbers() else { return nil }
    var own = self
    own.body.removeAll { $0.event.map(sharing.isShared) ?? false }
    return own.mapping { _, statement in
      switch statement {
      case .set(let event): [.set(PipeEvent(event.from, event.to, numbers[event]!))]
      case .wait(let event): [.wait(PipeEvent(event.from, event.to, numbers[event]!))]
      default: [statement]
      }
    }
  }
}

private struct EventSharing {
  private let kernel: PipeKernel
  private let program: PipeSteps
  /// Events in whose place others are.
  private var others: [Int: Int] = [:]
  /// Events that are raised before all loops, and for each event the lists in which it is awaited.
  private var standing: Set<Int> = []
  private var lists: [Int: Set<Int>] = [:]

  init(_ kernel: PipeKernel) {
    self.kernel = kernel
    program = PipeSteps(kernel)
    var list = 0
    func walk(_ steps: [PipeSteps.Step], _ lists: inout [Int: Set<Int>]) {
      let own = list
      for step in steps {
        switch step {
        case .wait(let event): lists[event, default: []].insert(own)
        case .loop(_, _, let body):
          list += 1
          walk(body, &lists)
        case .branch(let then, let otherwise):
          walk(then, &lists)
          walk(otherwise, &lists)
        default: break
        }
      }
    }
    for case .set(let event) in program.steps { standing.insert(event) }
    walk(program.steps.filter { if case .loop = $0 { true } else { false } }, &lists)
  }

  func isShared(_ event: PipeEvent) -> Bool { program.events.firstIndex(of: event).map { others[$0] != nil } ?? false }

  private func isProved(with others: [Int: Int]) -> Bool {
    var walk = PipeWalk(kernel, program, with: others, isOfEvents: true)
    walk.run()
    return walk.faults.isEmpty
  }

  /// Whether one event in place of both would keep pipes apart that may work at once: both stand raised around one list.
  private func isSlower(_ a: Int, _ b: Int) -> Bool {
    standing.contains(a) && standing.contains(b) && !lists[a, default: []].isDisjoint(with: lists[b, default: []])
  }

  /// Which events are others where one more is, and with it all that it is for.
  private func with(_ event: Int, as one: Int) -> [Int: Int] {
    others.mapValues { $0 == event ? one : $0 }.merging([event: one]) { $1 }
  }

  /// The chip's number of each event; nil where there are not enough.
  mutating func numbers() -> [PipeEvent: Int]? {
    guard isProved(with: [:]) else { return nil }
    // Events of a pair of pipes have numbers of their own, flags those of their direction.
    let groups = Dictionary(grouping: program.events.indices) { number in
      let event = program.events[number]
      return event.isAcross ? [event.from.core == .cube ? Pipe.drain : .copyIn] : [event.from, event.to]
    }
    var numbers: [PipeEvent: Int] = [:]
    for (pipes, events) in groups.sorted(by: { $0.value[0] < $1.value[0] }) {
      let limit = pipes.count == 1 ? Ascend.flagsPerDirection : Ascend.eventsPerPair
      var left = events
      for event in events.reversed() where left.count > limit {
        let one = left.first { one in
          one < event && program.events[one].hasPipes(of: program.events[event]) && !isSlower(one, event)
            && isProved(with: with(event, as: one))
        }
        guard let one else { continue }
        others = with(event, as: one)
        left.removeAll { $0 == event }
      }
      guard left.count <= limit else { return nil }
      for event in events { numbers[program.events[event]] = left.firstIndex(of: others[event] ?? event)! }
    }
    return numbers
  }
}

extension PipeStatement {
  /// The event that it raises or awaits.
  fileprivate var event: PipeEvent? {
    switch self {
    case .set(let event), .wait(let event): event
    default: nil
    }
  }
}

extension PipeEvent {
  fileprivate func hasPipes(of other: PipeEvent) -> Bool { from == other.from && to == other.to }
}
