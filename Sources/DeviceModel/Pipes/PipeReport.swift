/// One thing that is wrong with the text of a kernel of pipes, found in one order.
public struct PipeReport: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Int, Sendable, CaseIterable {
    /// Two pipes touch a byte, one of them writes it, and no event puts them in order.
    case hazard
    /// Two instructions of one pipe touch a byte, one of them writes it, and no barrier is between.
    case missingBarrier
    /// An event is raised that stands raised, or whose last wait may be still to come.
    case raisedTwice
    /// A block ends with an event raised.
    case neverAwaited
    /// Pipes wait for events that nobody raises.
    case deadlock
    /// An instruction leaves its tensor, a tensor the unified buffer, or a copy its buffer in main memory.
    case outOfBounds
    case misaligned
    /// A byte that holds nothing decides a result: it is copied out, or read by the scalar unit.
    case undefined
    /// A parameter is beyond what the instruction allows.
    case limit
    /// Two blocks touch a byte of main memory and one of them writes it.
    case blockRace
    case readOnly
    case outOfTime
    /// The scalar unit did what the processor refuses.
    case trapped
  }
  /// A line of the text, from 1, and the operator's line that its nearest comment names.
  public struct Place: Sendable, Hashable, CustomStringConvertible {
    public let line: Int
    public let note: String?
    public var description: String { "line \(line)" + (note.map { " (\($0))" } ?? "") }
  }

  public let kind: Kind
  public let kernel: String
  public let block: Int
  /// The pipe and the place of the instruction at which it was found.
  public let pipe: String
  public let place: Place
  /// The instruction before, where there is one.
  public let otherPipe: String
  public let otherPlace: Place?
  /// The number of the buffer in main memory; nil for the unified buffer and where no memory is meant.
  public let buffer: Int?
  /// The byte, or the event's number.
  public let byte: Int
  let launch: Int
  private let detail: Int
  private let memory: Int

  private static let pipes = ["S", "V", "MTE2", "MTE3", "MTE1", "M", "FIX"]
  private static let cores = ["", "AIV 1 ", "AIC "]
  private static let memories = ["the unified buffer", "AIV 1's unified buffer", "L1", "L0A", "L0B", "L0C"]

  /// A pipe of a core, as the engine numbers them; the first vector core's are named alone.
  private static func name(ofUnit unit: Int) -> String { cores[unit / pipes.count] + pipes[unit % pipes.count] }

  /// An event as the engine numbers them.
  private static func name(ofEvent number: Int) -> String {
    let pairs = 8 * pipes.count * pipes.count
    guard number < pairs * cores.count else {
      let (way, flag) = ((number - pairs * cores.count) / 11, (number - pairs * cores.count) % 11)
      return "flag \(flag) from \(way < 2 ? "the cube core" : "vector core \(way - 2)")"
    }
    let pair = number % pairs / 8
    return "event \(pipes[pair / pipes.count])_\(pipes[pair % pipes.count]) \(number % 8)"
  }

  /// From the engine's words.
  init?(_ words: [Int], kernel: String, _ notes: SourceNotes) {
    guard let kind = Kind(rawValue: words[0]) else { return nil }
    func place(_ line: Int) -> Place? { line == 0 ? nil : Place(line: line, note: notes.note(at: line)) }
    self.kind = kind
    self.kernel = kernel
    launch = words[1]
    block = words[2]
    pipe = Self.name(ofUnit: words[3])
    self.place = place(words[4]) ?? Place(line: 0, note: nil)
    otherPipe = Self.name(ofUnit: words[5])
    otherPlace = place(words[6])
    buffer = words[7] < 0 ? nil : words[7]
    // On chip, bytes of all memories are counted through.
    let isOnChip = words[7] < 0 && ![.raisedTwice, .neverAwaited, .deadlock, .limit].contains(kind)
    memory = isOnChip ? words[8] >> 20 : 0
    byte = isOnChip ? words[8] & (1 << 20 - 1) : words[8]
    detail = words[9]
  }

  public var description: String {
    let onChip = Self.memories.indices.contains(memory) ? Self.memories[memory] : "no memory"
    let memory = buffer.map { "byte \(byte) of buffer \($0)" } ?? "byte \(byte) of \(onChip)"
    let other = otherPlace.map { "\(otherPipe) at \($0)" } ?? otherPipe
    let event = Self.name(ofEvent: byte)
    let what =
      switch kind {
      case .hazard:
        "\(detail == 1 ? "reads" : "writes") \(memory) with no event after \(other) "
          + (detail == 2 ? "reads it" : "writes it")
      case .missingBarrier:
        "\(detail == 1 ? "reads" : "writes") \(memory) with no barrier after \(other) "
          + (detail == 2 ? "reads it" : "writes it")
      case .raisedTwice:
        detail == 0
          ? "raises \(event), which \(other) has raised"
          : "raises \(event), for which \(other) may still have to wait"
      case .neverAwaited: "raises \(event), for which nobody waits"
      case .deadlock: "waits for \(event), which nobody raises"
      case .outOfBounds: "touches \(detail) bytes from \(memory)"
      case .misaligned: "begins at \(memory), which is no multiple of \(detail)"
      case .undefined: "uses \(memory), which holds nothing"
      case .limit: "has a parameter of \(detail), which the instruction does not allow"
      case .blockRace: "touches \(memory), and so does another block"
      case .readOnly: "writes \(memory), which may only be read"
      case .outOfTime: "goes on beyond the time limit"
      case .trapped: "does what the processor refuses, signal \(detail)"
      }
    return "\(kind): \(kernel), block \(block), \(pipe) at \(place) \(what)"
  }
}
