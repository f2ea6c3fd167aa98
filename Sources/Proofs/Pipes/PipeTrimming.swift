import MachineIR

extension PipeKernel {
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
      var walk = PipeWalk(self, program, without: needless.union([event]), isBrief: true)
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
