import TileIR

/// What an execution of a machine program found wrong: the first thing that a chip would hide or do wrong.
public struct MachineFault: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Error, Hashable, Sendable {
    /// Elements `first ..< end` of memory that holds `count`.
    case outOfBounds(memory: String, first: Int, end: Int, count: Int)
    /// A place between the rows of a buffer, which belongs to someone else.
    case betweenRows(memory: String, element: Int)
    /// A packed vector that does not begin at a whole byte.
    case misaligned(memory: String, element: Int)
    /// A value without meaning reached memory, an address or a decision.
    case noValue(Flaw)
    /// An element on chip, or of a register array, is loaded that nothing has written, used or not.
    case unwritten(memory: String, element: Int)
    case writtenTwice(memory: String, element: Int)
    /// An element of a parameter that this launch has already written is read.
    case readAfterWrite(memory: String, element: Int)
    /// Two cells of a kernel touch one byte and at least one of them writes.
    case race(memory: String, element: Int, cells: [Int])
    /// Two threads of a warp touch one element, at least one of them writes, and they have not waited in between.
    case unordered(memory: String, element: Int)
    /// A copy whose place is no multiple of what a thread copies at once.
    case copyMisaligned(memory: String, element: Int, bytes: Int)
    /// The place that an asynchronous copy writes is touched before it was waited for.
    case inFlight(memory: String, byte: Int, isWrite: Bool)
    /// What an asynchronous copy reads is changed before it was waited for.
    case sourceInFlight(memory: String, byte: Int)
    /// A cell ends with a copy under way.
    case neverAwaited(memory: String, byte: Int)
    /// A group of bulk copies begins at a barrier that not all threads have waited for since the group before it.
    case barrierInUse(memory: String, element: Int)
    case neverWritten(memory: String, element: Int)
    case registerIndex(array: String, index: Int, extent: Int)
    /// A decision whose lanes could disagree.
    case notUniform(lanes: Int)
    /// A step that no printer takes: types that do not fit, a name without memory.
    case malformed(String)
    case noVariant
  }
  public let kind: Kind
  public let kernel: String
  /// The cell that found it; nil outside of kernels.
  public let cell: Int?
  /// The statement, printed, and the author's line that asked for it, from the nearest note above.
  public let statement: String
  public let location: SourceLocation?

  public var description: String {
    let place = cell.map { "cell \($0) of \(kernel)" } ?? kernel
    let line = location.map { "\($0): " } ?? ""
    return "\(line)\(kind.description) in \(place)\(statement.isEmpty ? "" : ": \(statement)")"
  }
}

/// Why a lane has no value.
public enum Flaw: UInt8, Hashable, Sendable {
  /// Read from memory or a register that nothing has written.
  case undefined = 1
  /// Integer arithmetic left its width.
  case overflow
  /// A shift by less than 0 or by the width and more.
  case shift
  /// A quotient or remainder of a negative number, or by less than 1.
  case division
  /// An integer that the narrower type cannot hold.
  case narrowed

  public var description: String {
    switch self {
    case .undefined: "an element that nothing has written"
    case .overflow: "an integer that overflowed"
    case .shift: "a shift past the width"
    case .division: "a division of or by a number that is not positive"
    case .narrowed: "an integer cut to fewer bits than it has"
    }
  }
}

extension MachineFault.Kind {
  public var description: String {
    switch self {
    case .outOfBounds(let memory, let first, let end, let count):
      "\(memory) has elements 0..<\(count), and \(first)..<\(end) are touched"
    case .betweenRows(let memory, let element): "element \(element) of \(memory) lies between its rows"
    case .misaligned(let memory, let element): "a vector of half bytes at odd element \(element) of \(memory)"
    case .noValue(let flaw): "\(flaw.description) is used"
    case .unwritten(let memory, let element):
      "element \(element) of \(memory) is read, and nothing has written it"
    case .writtenTwice(let memory, let element): "element \(element) of \(memory) is written twice"
    case .readAfterWrite(let memory, let element):
      "element \(element) of \(memory) is read after this launch has written it"
    case .race(let memory, let element, let cells):
      "cells \(cells.map(String.init).joined(separator: " and ")) share element \(element) of \(memory)"
    case .unordered(let memory, let element):
      "threads of a warp share element \(element) of \(memory) without waiting for each other"
    case .copyMisaligned(let memory, let element, let bytes):
      "a copy begins at element \(element) of \(memory), no multiple of \(bytes) bytes"
    case .inFlight(let memory, let byte, let isWrite):
      "byte \(byte) of \(memory) is \(isWrite ? "written" : "read") while a copy to it is in flight"
    case .sourceInFlight(let memory, let byte):
      "byte \(byte) of \(memory) is written while a copy of it is in flight"
    case .neverAwaited(let memory, let byte):
      "the cell ends while a copy to byte \(byte) of \(memory) is in flight"
    case .barrierInUse(let memory, let element):
      "copies begin at barrier \(element) of \(memory) before all threads have waited for those before them"
    case .neverWritten(let memory, let element): "element \(element) of \(memory) is never written"
    case .registerIndex(let array, let index, let extent):
      "index \(index) of register array \(array), which holds \(extent)"
    case .notUniform(let lanes): "a decision of \(lanes) lanes"
    case .malformed(let what): what
    case .noVariant: "no variant covers this launch"
    }
  }
}
