import MachineIR

extension PipeKernel {
  /// The program without the events that it is proved without: others order already what they would.
  ///
  /// A program that is not proved comes back as it is.
  public func withoutNeedlessEvents() -> PipeKernel {
    guard PipeProof(self).isProved else { return self }
    var events: [PipeEvent] = []
    forEachStatement {
      if case .set(let event) = $0, !events.contains(event) { events.append(event) }
    }
    return events.reduce(self) { kernel, event in
      let without = kernel.mapping { $1 == .set(event) || $1 == .wait(event) ? [] : [$1] }
      return PipeProof(without).isProved ? without : kernel
    }
  }
}
