import TileIR

/// Memory that knows of every byte whether it exists, whether it has a value and who touched it.
///
/// An access names its actor, which today is a cell. Work that completes later (a copy in flight, another
/// pipe) is one more actor: its reads and writes come here when it completes, and whatever orders it after
/// its issuer forgets the pair.
final class CheckedMemory {
  /// What is kept of a byte: which halves have a value, whether it is anyone's, and whether this launch
  /// has written it.
  private enum Mark {
    static let low: UInt8 = 1
    static let high: UInt8 = 2
    static let valued: UInt8 = 3
    static let absent: UInt8 = 4
    static let writtenLow: UInt8 = 8
    static let writtenHigh: UInt8 = 16
  }
  enum Use {
    /// A parameter: each element is written once a launch and not read after.
    case parameter
    /// Between the kernels of a plan: each element is written once a kernel.
    case workspace
    /// Of one cell, as often as it likes.
    case scratch
  }

  let name: String
  let use: Use
  // Every access reads several of these, and pointers that never change need no check of exclusive use.
  private let bytes: UnsafeMutableBufferPointer<UInt8>
  private let marks: UnsafeMutableBufferPointer<UInt8>
  private let flaws: UnsafeMutableBufferPointer<UInt8>
  /// The cell that wrote or read a byte in this kernel: -1 for none, -2 for several readers. Nothing for scratch.
  private let writers: UnsafeMutableBufferPointer<Int32>
  private let readers: UnsafeMutableBufferPointer<Int32>
  /// Bytes outside of it have not been written since the last cell began.
  private var touched = 0..<0

  var byteCount: Int { bytes.count }

  /// Memory of `byteCount` bytes without values.
  init(_ name: String, _ use: Use, byteCount: Int) {
    self.name = name
    self.use = use
    func filled<Value>(_ value: Value, _ count: Int) -> UnsafeMutableBufferPointer<Value> {
      let found = UnsafeMutableBufferPointer<Value>.allocate(capacity: count)
      found.initialize(repeating: value)
      return found
    }
    bytes = filled(0xA5, byteCount)
    marks = filled(0, byteCount)
    flaws = filled(Flaw.undefined.rawValue, byteCount)
    writers = filled(-1, use == .scratch ? 0 : byteCount)
    readers = filled(-1, use == .scratch ? 0 : byteCount)
  }

  deinit {
    for part in [bytes, marks, flaws] { part.deallocate() }
    for part in [writers, readers] { part.deallocate() }
  }

  /// Nobody has touched anything yet: a kernel begins.
  func beginKernel() {
    guard use != .scratch else { return }
    writers.update(repeating: -1)
    readers.update(repeating: -1)
    if use == .workspace {
      for at in marks.indices { marks[at] &= ~(Mark.writtenLow | Mark.writtenHigh) }
    }
  }

  /// Nothing has a value any more: another cell begins.
  func forget() {
    for at in touched {
      bytes[at] = 0xA5
      marks[at] = 0
      flaws[at] = Flaw.undefined.rawValue
    }
    touched = 0..<0
  }

  func setAbsent(_ range: Range<Int>) { for at in range { marks[at] = Mark.absent } }
  func setPresent(_ byte: Int) { marks[byte] &= ~Mark.absent }

  /// Puts a byte that was there before the launch.
  func fill(_ at: Int, _ byte: UInt8) {
    precondition(bytes.indices.contains(at), "byte \(at) of \(name), which has \(bytes.count)")
    bytes[at] = byte
    marks[at] = Mark.valued
  }

  /// Puts an element that was there before the launch.
  func fill(_ element: Int, bits: Int, _ code: UInt64) {
    guard bits == 4 else {
      for byte in 0..<bits / 8 {
        fill(element * bits / 8 + byte, UInt8(truncatingIfNeeded: code >> UInt64(8 * byte)))
      }
      return
    }
    let shift = UInt8(element & 1) * 4
    bytes[element / 2] = bytes[element / 2] & ~(15 << shift) | UInt8(code & 15) << shift
    marks[element / 2] |= shift == 0 ? Mark.low : Mark.high
  }

  /// Elements of `bits` each that the memory holds.
  func count(bits: Int) -> Int { bytes.count * 8 / bits }

  // MARK: Elements

  /// Throws where elements `first ..< first + count` do not exist.
  func check(_ first: Int, _ count: Int, bits: Int) throws(MachineFault.Kind) {
    guard count > 0 else { return }
    let (end, overflow) = first.addingReportingOverflow(count)
    guard first >= 0, !overflow, end <= self.count(bits: bits) else {
      throw .outOfBounds(memory: name, first: first, end: end, count: self.count(bits: bits))
    }
    let (from, to) = (first * bits / 8, (end * bits + 7) / 8)
    for at in from..<to where marks[at] & Mark.absent != 0 {
      throw .betweenRows(memory: name, element: at * 8 / bits)
    }
  }

  /// The code of an element that exists, and what is wrong with it. On chip, an element that nothing has written
  /// is not even loaded.
  func read(_ element: Int, bits: Int, by cell: Int32) throws(MachineFault.Kind) -> LaneArithmetic.Result {
    let first = element * bits / 8
    let width = max(1, bits / 8)
    var code: UInt64 = 0
    var flaw: UInt8 = 0
    let needed = bits == 4 ? (element & 1 == 0 ? Mark.low : Mark.high) : Mark.valued
    let written = bits == 4 ? (element & 1 == 0 ? Mark.writtenLow : Mark.writtenHigh) : Mark.writtenLow
    for at in first..<first + width {
      code |= UInt64(bytes[at]) << UInt64(8 * (at - first))
      if marks[at] & needed != needed { flaw = flaws[at] }
      guard use != .scratch else {
        if flaw == Flaw.undefined.rawValue { throw .unwritten(memory: name, element: element) }
        continue
      }
      if use == .parameter, marks[at] & written != 0 { throw .readAfterWrite(memory: name, element: element) }
      if writers[at] >= 0, writers[at] != cell {
        throw .race(memory: name, element: element, cells: [Int(writers[at]), Int(cell)])
      }
      readers[at] = readers[at] == -1 || readers[at] == cell ? cell : -2
    }
    if bits == 4 { code = element & 1 == 0 ? code & 15 : code >> 4 }
    return (code, flaw)
  }

  /// Writes an element that exists. A value without meaning may only go to scratch.
  func write(
    _ element: Int, bits: Int, _ code: UInt64, flaw: UInt8, by cell: Int32
  ) throws(MachineFault.Kind) {
    if flaw != 0, use != .scratch { throw .noValue(Flaw(rawValue: flaw)!) }
    let first = element * bits / 8
    let width = max(1, bits / 8)
    if use == .scratch {
      let own = first..<first + width
      touched =
        touched.isEmpty ? own : min(touched.lowerBound, first)..<max(touched.upperBound, own.upperBound)
    }
    for at in first..<first + width {
      let isHigh = bits == 4 && element & 1 == 1
      let halves = bits == 4 ? (isHigh ? Mark.high : Mark.low) : Mark.valued
      let written =
        bits == 4 ? (isHigh ? Mark.writtenHigh : Mark.writtenLow) : Mark.writtenLow | Mark.writtenHigh
      if use != .scratch {
        if writers[at] >= 0, writers[at] != cell {
          throw .race(memory: name, element: element, cells: [Int(writers[at]), Int(cell)])
        }
        if readers[at] != -1, readers[at] != cell {
          throw .race(memory: name, element: element, cells: [Int(max(readers[at], 0)), Int(cell)])
        }
        if marks[at] & written != 0 { throw .writtenTwice(memory: name, element: element) }
        writers[at] = cell
        marks[at] |= written
      }
      if bits == 4 {
        let shift: UInt8 = isHigh ? 4 : 0
        bytes[at] = bytes[at] & ~(15 << shift) | UInt8(code & 15) << shift
      } else {
        bytes[at] = UInt8(truncatingIfNeeded: code >> UInt64(8 * (at - first)))
      }
      if flaw == 0 {
        marks[at] |= halves
      } else {
        marks[at] &= ~halves
        flaws[at] = flaw
      }
    }
  }

  /// The code of an element, or nil where it has no value.
  func value(_ element: Int, bits: Int) -> UInt64? {
    let first = element * bits / 8
    let needed = bits == 4 ? (element & 1 == 0 ? Mark.low : Mark.high) : Mark.valued
    var code: UInt64 = 0
    for at in first..<first + max(1, bits / 8) {
      guard marks[at] & needed == needed else { return nil }
      code |= UInt64(bytes[at]) << UInt64(8 * (at - first))
    }
    return bits == 4 ? (element & 1 == 0 ? code & 15 : code >> 4) : code
  }
}
