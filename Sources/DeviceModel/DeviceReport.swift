import Foundation

/// One thing that is wrong with a kernel's text, found in one order of threads.
///
/// Reports of one kind about the same lines are made once, for the first time that it happened.
public struct DeviceReport: Sendable, CustomStringConvertible {
  public enum Kind: Int, Sendable, CaseIterable {
    /// Two threads touch a byte, at least one writes it, and no barrier puts them in order.
    case race
    /// Data of an asynchronous copy that was not waited for is read.
    case readInFlight
    /// The destination, or the source, of an asynchronous copy under way is written.
    case overwriteInFlight
    /// A thread, or a block, ended while a copy that it started was under way.
    case neverWaited
    /// Threads that must meet arrived at different barriers or shuffles, or one is not in its own mask.
    case diverged
    /// A thread that others wait for has ended.
    case exitedEarly
    /// A shuffle takes the value of a thread that takes no part.
    case inactiveLane
    /// All threads wait, for what never comes.
    case deadlock
    case outOfBounds
    case misaligned
    /// A buffer that may not be written is written.
    case readOnly
    /// A byte that holds nothing is read.
    case undefined
    /// An mbarrier is used before it was initialised, or initialised with no arrivals.
    case barrierMisuse
    /// An instruction got an operand that its manual leaves without meaning.
    case undefinedOperand
    /// A thread needs more than 128 KiB of local memory, or reaches for another's.
    case stackOverflow
    /// The processor refused an instruction: a division by zero, `__trap()`.
    case trapped
    case outOfTime
  }

  /// Where in the text.
  public struct Place: Sendable, Hashable {
    /// The line of the access, then that of the call of the function that it stands in, and so on to the
    /// kernel's own. Lines count from 1.
    public let lines: [Int]
    /// `file:line` of the last comment above the kernel's own line that names a source line.
    public let note: String?

    /// The kernel's own line.
    public var line: Int { lines.last! }
  }

  /// A thread at its work.
  public struct Party: Sendable {
    /// nil for what was there before the launch.
    public let block: Int?
    /// nil for the copy engine.
    public let thread: Int?
    /// nil where no line is known.
    public let place: Place?
  }

  public enum Memory: Sendable, Hashable {
    case shared
    case buffer(Int)
  }

  public let kind: Kind
  /// The number of the launch, and its kernel.
  public let launch: Int
  public let kernel: String
  /// Who did it.
  public let party: Party
  /// Whom it clashed with: the earlier of two accesses, a thread that waits elsewhere or has ended.
  public let other: Party?
  /// Which memory; nil where it has to do with none, or with none that there is.
  public let memory: Memory?
  /// The first byte that clashed, from the beginning of `tessera_shared` or of the buffer; arrays of function
  /// bodies lie outside of `tessera_shared`. Or an address, where there is no such memory.
  public let offset: Int
  /// How many bytes the access has.
  public let byteCount: Int
  private let detail: Int

  static let mismatchKind: Int64 = 100

  init?(_ words: [Int64], kernel: String, _ places: LineTable) {
    guard let kind = Kind(rawValue: Int(words[0])) else { return nil }
    self.kind = kind
    launch = Int(words[1])
    self.kernel = kernel
    party = Party(block: Int(words[2]), thread: Int(words[3]), place: places[words[9]])
    let otherThread = words[5] < 0 || words[5] > 1023 ? nil : Int(words[5])
    other = words[5] < 0 && words[10] == 0
      ? nil : Party(block: words[4] < 0 ? nil : Int(words[4]), thread: otherThread, place: places[words[10]])
    memory = words[6] == -2 ? nil : words[6] == -1 ? .shared : .buffer(Int(words[6]))
    offset = Int(words[7])
    byteCount = Int(words[8])
    detail = Int(words[11])
  }

  public var description: String { text { "buffer \($0)" } }

  /// The report in words; `name` says what a buffer is called.
  public func text(_ name: (Int) -> String) -> String {
    let who = "\(kernel), block \(party.block ?? 0), thread \(party.thread ?? 0)\(Self.at(party.place))"
    let where_ =
      switch memory {
      case .shared: "byte \(offset) of shared memory"
      case .buffer(let number): "byte \(offset) of \(name(number))"
      case nil: "address 0x\(String(offset, radix: 16))"
      }
    let whom = other.map { other in
      "\(other.thread.map { "thread \($0)" } ?? "the copy engine")"
        + "\(other.block.map { $0 == party.block ? "" : " of block \($0)" } ?? "")\(Self.at(other.place))"
    } ?? ""
    let what =
      switch kind {
      case .race: "touches \(where_) with no barrier after \(whom)"
      case .readInFlight: "reads \(where_), whose copy by \(whom) is not waited for"
      case .overwriteInFlight:
        detail == 2
          ? "waits for a copy from \(where_), which was written meanwhile"
          : "writes \(where_), which a copy by \(whom) is under way to"
      case .neverWaited: "ends while its copy to \(where_) is under way"
      case .diverged: other == nil ? "is not in its own mask" : "waits for \(whom)"
      case .exitedEarly: "waits for \(whom), which has ended"
      case .inactiveLane: "takes the value of lane \(detail), which takes no part"
      case .deadlock: "waits for what never comes, as all threads do"
      case .outOfBounds: "leaves its memory: \(byteCount) bytes at \(where_)"
      case .misaligned: "touches \(where_), which is not aligned to \(detail) bytes"
      case .readOnly: "writes \(where_), which is only read"
      case .undefined: "reads \(where_), which holds nothing"
      case .barrierMisuse: "uses \(where_), which is no barrier\(detail == 1 ? " of any arrivals" : "")"
      case .undefinedOperand: "gives an instruction an operand without meaning"
      case .stackOverflow: "leaves its local memory"
      case .trapped: "was stopped by the processor (signal \(detail))"
      case .outOfTime: "had not ended when time was up"
      }
    return "\(kind): \(who) \(what)"
  }

  private static func at(_ place: Place?) -> String {
    guard let place else { return "" }
    let calls = place.lines.count > 1 ? " in line \(place.lines[0])" : ""
    return " at line \(place.line)\(calls)\(place.note.map { " (\($0))" } ?? "")"
  }
}
