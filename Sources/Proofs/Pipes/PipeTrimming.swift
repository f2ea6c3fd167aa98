import MachineIR

extension PipeKernel {
  /// The program without needless events. Where it is not proved with as few as it has, with an event for each purpose, if
  /// those that are left can share the chip's numbers.
  public func withFewestEvents() -> PipeKernel {
    var own = self
    own.bodiesOfManyEvents = []
    if bodiesOfManyEvents.isEmpty { return own.withoutNeedlessEvents() }
    var walk = PipeWalk(own, PipeSteps(own))
    walk.run()
    for many in walk.faults.isEmpty ? [] : bodiesOfManyEvents {
      var tried = own
      tried.body = many
      guard PipeSteps(tried).events.count <= EventSet.most else { continue }
      // With others in their place some are needless that were not.
      if let shared = tried.withoutNeedlessEvents().withSharedNumbers() { return shared.withoutNeedlessEvents() }
    }
    return own.withoutNeedlessEvents()
  }

  /// The program without the events that it is proved without: others order already what they would.
  ///
  /// A program whose order is not proved comes back as it is.
  public func withoutNeedlessEvents() -> PipeKernel {
    let program = PipeSteps(self)
    var whole = PipeWalk(self, program)
    whole.run()
    guard whole.faults.isEmpty else { return self }
    var needless: Set<Int> = []
    for event in program.events.indices {
      var walk = PipeWalk(self, program, without: needless.union([event]), isOfEvents: true)
      walk.run()
      if walk.faults.isEmpty { needless.insert(event) }
    }
    let events = Set(needless.map { program.events[$0] })
    return mapping { _, statement in
      switch statement {
      case .set(let event), .wait(let event): events.contains(event) ? [] : [statement]
      default: [statement]
      }
    }
  }
}
