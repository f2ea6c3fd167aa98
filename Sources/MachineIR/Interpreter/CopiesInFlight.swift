/// The asynchronous copies of a cell, from their start to the wait that covers them.
///
/// Their bytes land at any time in between; nothing may look: the place that is written is neither read nor written,
/// and what is copied is not changed, until the wait.
final class CopiesInFlight {
  private struct Copy {
    let source: CheckedMemory
    let target: CheckedMemory
    /// Bytes of both.
    let from: Range<Int>
    let to: Range<Int>
    let pieceBytes: Int
    /// The number of its group.
    let group: Int
    let hasLanded: Bool
  }
  private var copies: [Copy] = []
  private var started = 0
  private var groups = 0
  /// Groups that this cell has waited for, and those that all of its threads know to be waited for.
  private var awaited = 0
  private var met = 0
  /// The barriers of its copies and how many; none before the first copy and where threads copy.
  private var barriers: (array: String?, count: Int)?
  private let landsEarly: (Int) -> Bool
  private let races: WarpRaces?

  init(_ order: MachineInterpreter.CellOrder, _ races: WarpRaces?) {
    landsEarly = { order.landsEarly(copy: $0) }
    self.races = races
  }

  var isEmpty: Bool { copies.isEmpty }

  /// Starts `copy` from element `first` of `source` to element `place` of `target`; `count` of its barriers.
  func start(
    _ copy: AsynchronousCopy, _ source: CheckedMemory, _ first: Int, _ target: CheckedMemory, _ place: Int,
    barriers count: Int?, by cell: Int32
  ) throws(MachineFault.Kind) {
    if barriers == nil { barriers = (copy.barriers, count ?? .max) }
    guard barriers!.array == copy.barriers, (copy.barriers == nil) == (count == nil) else {
      throw .malformed("a copy to \(copy.target) at \(copy.barriers ?? "no barriers")")
    }
    try checkBarrier()
    guard let piece = copy.pieceBytes, target.use == .scratch else {
      throw .malformed("a copy of \(copy.byteCount) bytes to \(copy.target)")
    }
    let bits = copy.source.element.bitWidth
    try source.check(first, copy.count, bits: bits)
    try target.check(place, copy.count, bits: bits)
    let (from, to) = (first * bits / 8, place * bits / 8)
    for (memory, byte, element) in [(source, from, first), (target, to, place)] where byte % piece != 0 {
      throw .copyMisaligned(memory: memory.name, element: element, bytes: piece)
    }
    let fresh = Copy(
      source: source, target: target, from: from..<from + copy.byteCount, to: to..<to + copy.byteCount,
      pieceBytes: piece, group: groups, hasLanded: landsEarly(started))
    started += 1
    try check(source, fresh.from, isWrite: false)
    try check(target, fresh.to, isWrite: true)
    try share(fresh)
    if fresh.hasLanded { try land(fresh, by: cell) }
    copies.append(fresh)
  }

  func close() throws(MachineFault.Kind) {
    try checkBarrier()
    groups += 1
  }

  /// Threads wait for each other: what one has waited for all have.
  func meet() { met = awaited }

  /// The barrier of the group at hand is that of one before it.
  private func checkBarrier() throws(MachineFault.Kind) {
    guard let barriers, let array = barriers.array, groups - met >= barriers.count else { return }
    throw .barrierInUse(memory: array, element: groups % barriers.count)
  }

  /// Waits for all but the latest groups.
  func await(allBut latest: Int, by cell: Int32) throws(MachineFault.Kind) {
    let done = copies.filter { $0.group < groups - latest }
    copies.removeAll { $0.group < groups - latest }
    awaited = max(awaited, groups - latest)
    for copy in done {
      if !copy.hasLanded { try land(copy, by: cell) }
      try share(copy)
    }
  }

  /// Refuses an access that looks at a copy under way.
  func check(_ memory: CheckedMemory, _ bytes: Range<Int>, isWrite: Bool) throws(MachineFault.Kind) {
    for copy in copies {
      if memory === copy.target, copy.to.overlaps(bytes) {
        throw .inFlight(
          memory: memory.name, byte: max(bytes.lowerBound, copy.to.lowerBound), isWrite: isWrite)
      }
      if isWrite, memory === copy.source, copy.from.overlaps(bytes) {
        throw .sourceInFlight(memory: memory.name, byte: max(bytes.lowerBound, copy.from.lowerBound))
      }
    }
  }

  /// What is under way where a cell ends.
  func finish() throws(MachineFault.Kind) {
    if let copy = copies.first { throw .neverAwaited(memory: copy.target.name, byte: copy.to.lowerBound) }
  }

  private func land(_ copy: Copy, by cell: Int32) throws(MachineFault.Kind) {
    for (from, to) in zip(copy.from, copy.to) {
      let (code, flaw) = try copy.source.read(from, bits: 8, by: cell)
      try copy.target.write(to, bits: 8, code, flaw: flaw, by: cell)
    }
  }

  /// Each thread writes its pieces, when the copy starts and when it has waited for it.
  private func share(_ copy: Copy) throws(MachineFault.Kind) {
    guard let races else { return }
    races.begin()
    for (number, byte) in copy.to.enumerated() {
      try races.touch(copy.target, byte, bits: 8, by: number / copy.pieceBytes % GPU.warp, isWrite: true)
    }
  }
}
