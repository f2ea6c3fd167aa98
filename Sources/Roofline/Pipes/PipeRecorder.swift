import MachineIR
import TileIR

/// What pipes do when, of the first instructions of a program.
public struct PipeRecorder: Sendable {
  /// An instruction on its pipe, or the scalar unit's own work.
  public struct Bar: Sendable {
    public let pipe: Pipe
    public let begin: Double
    public var end: Double
    public let text: String
    public let location: SourceLocation?
    fileprivate var isScalar: Bool { pipe == .scalar || pipe == .cubeScalar }
  }
  /// An event from when it is raised to when the pipe that waits goes on.
  public struct Link: Sendable {
    public let event: PipeEvent
    public let raised: Double
    public var taken: Double
  }

  /// In the order of the program until it is cut, then in that of time.
  public private(set) var bars: [Bar] = []
  public private(set) var links: [Link] = []
  /// More than are kept: a program's order is not that of time.
  private let limit: Int
  private let kept: Int
  /// From when on not all is recorded; nil as long as all is.
  private var horizon: Double?
  private let titles: [PipeCode.Title]
  /// Waits whose pipe has not gone on yet.
  private var waiting: [Pipe: [Int]] = [:]

  init(limit: Int, _ code: PipeCode) {
    kept = limit
    self.limit = 16 * limit
    titles = code.titles
  }

  var isRecording: Bool { horizon == nil }
  /// Instructions among the bars.
  var instructions: Double { Double(bars.count { !$0.isScalar }) }

  mutating func scalar(_ pipe: Pipe, _ begin: Double, _ ticks: Double) {
    guard isRecording else { return }
    if let last = bars.last, last.pipe == pipe, begin - last.end < 1e-3 {
      bars[bars.count - 1].end = begin + ticks
    } else {
      bars.append(Bar(pipe: pipe, begin: begin, end: begin + ticks, text: "scalar unit", location: nil))
    }
  }

  mutating func work(_ work: PipeCode.Work, _ begin: Double, _ ticks: Double) {
    guard isRecording else { return }
    let (pipe, title) = (PipeCode.pipes[work.pipe], titles[work.title])
    bars.append(Bar(pipe: pipe, begin: begin, end: begin + ticks, text: title.text, location: title.location))
    for number in waiting.removeValue(forKey: pipe) ?? [] { links[number].taken = begin }
  }

  mutating func wait(_ event: PipeEvent, raised: Double) {
    guard isRecording else { return }
    links.append(Link(event: event, raised: raised, taken: raised))
    if event.to != .scalar, event.to != .cubeScalar, !event.isAcross {
      waiting[event.to, default: []].append(links.count - 1)
    }
  }

  /// Ends the record when it is full: what comes later in the program begins at `now` or later.
  mutating func closeIfFull(_ now: Double) {
    if isRecording, bars.count >= limit { horizon = now }
  }

  /// Keeps what begins first, no more than has room, and nothing from when on some is missing.
  mutating func cut() {
    bars = bars.filter { $0.begin < horizon ?? .infinity }.sorted { $0.begin < $1.begin }
    if bars.count > kept { horizon = bars[kept].begin }
    bars = Array(bars.prefix(kept))
    links = links.filter { $0.taken < horizon ?? .infinity }
  }
}
