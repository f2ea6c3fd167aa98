/// What the threads of a warp have touched since they last waited for each other. Between two waits they may run
/// in any order, so a byte that one of them writes must not be another's.
final class WarpRaces {
  private struct Place: Hashable {
    let memory: ObjectIdentifier
    let byte: Int
  }
  /// One touch: by a thread, or by all of them.
  private struct Touch {
    var threads: Set<Int>
    var isByAll: Bool
    /// The step that touched it last; lanes of one step are ordered by its printer.
    var step: Int

    func meets(_ thread: Int?, in step: Int) -> Bool {
      guard step != self.step else { return false }
      return isByAll || thread == nil || threads.contains { $0 != thread }
    }
    mutating func add(_ thread: Int?, in step: Int) {
      if let thread { threads.insert(thread) } else { isByAll = true }
      self.step = step
    }
  }
  private var reads: [Place: Touch] = [:]
  private var writes: [Place: Touch] = [:]
  private var step = 0

  /// All threads have waited for each other.
  func wait() {
    reads.removeAll(keepingCapacity: true)
    writes.removeAll(keepingCapacity: true)
  }

  /// The next read or write begins.
  func begin() { step += 1 }

  /// Notes that a thread touches an element, every thread where it is nil.
  func touch(
    _ memory: CheckedMemory, _ element: Int, bits: Int, by thread: Int?, isWrite: Bool
  ) throws(MachineFault.Kind) {
    for byte in element * bits / 8...(element * bits + bits - 1) / 8 {
      let place = Place(memory: ObjectIdentifier(memory), byte: byte)
      let isUnordered = writes[place]?.meets(thread, in: step) ?? false
        || isWrite && reads[place]?.meets(thread, in: step) ?? false
      if isUnordered { throw .unordered(memory: memory.name, element: element) }
      if isWrite {
        writes[place, default: Touch(threads: [], isByAll: false, step: step)].add(thread, in: step)
      } else {
        reads[place, default: Touch(threads: [], isByAll: false, step: step)].add(thread, in: step)
      }
    }
  }
}
