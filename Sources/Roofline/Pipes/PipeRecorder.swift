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
  }
  /// An event from when it is raised to when the pipe that waits goes on.
  public struct Link: Sendable {
    public let event: PipeEvent
    public let raised: Double
    public var taken: Double
  }

  public private(set) var bars: [Bar] = []
  public private(set) var links: [Link] = []
  public let limit: Int
  private let titles: [PipeCode.Title]
  /// Waits whose pipe has not gone on yet.
  private var waiting: [Pipe: [Int]] = [:]
  private var recorded = 0.0

  init(limit: Int, _ code: PipeCode) {
    self.limit = limit
    titles = code.titles
  }

  var isRecording: Bool { bars.count < limit }
  /// Instructions among the bars.
  var instructions: Double { recorded }

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
    recorded += 1
    for number in waiting.removeValue(forKey: pipe) ?? [] { links[number].taken = begin }
  }

  mutating func wait(_ event: PipeEvent, raised: Double) {
    guard isRecording else { return }
    links.append(Link(event: event, raised: raised, taken: raised))
    if event.to != .scalar, event.to != .cubeScalar, !event.isAcross {
      waiting[event.to, default: []].append(links.count - 1)
    }
  }
}
