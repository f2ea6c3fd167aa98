import Foundation
import MachineIR
import Roofline

/// A picture of pipes over time, as SVG: a panel a kernel, a row a pipe, a bar an instruction, a line an
/// event.
struct PipePicture {
  let title: String
  let panels: [PipePanel]

  private static let top = 64.0

  var text: String {
    var (y, parts) = (Self.top, [String]())
    for panel in panels {
      parts += panel.lines(top: y)
      y += panel.height
    }
    parts += PipePanel.legend(of: panels, y: y + 18)
    let (w, h) = (Int(PipePanel.left + PipePanel.width) + 40, Int(y) + 40)
    let lines =
      [
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(w)" height="\(h)" viewBox="0 0 \(w) \(h)" \
        font-family="sans-serif" font-size="13" fill="#1d2530">
        """,
        "<title>\(PipePanel.escaped(title))</title>",
        ##"<rect width="100%" height="100%" fill="#ffffff"/>"##,
        PipePanel.label(16, 26, title, #"font-size="17""#),
        PipePanel.label(
          16, 48, "Predicted, not measured. Cycles from each kernel's beginning, on the first core or group.",
          ##"fill="#4a5563""##),
      ] + parts
    return (lines + ["</svg>", ""]).joined(separator: "\n")
  }
}

/// What the pipes of one core, or group, do when, in one kernel.
struct PipePanel {
  typealias Pipe = MachineIR.Pipe

  let title: String
  let bars: [PipeRecorder.Bar]
  let links: [PipeRecorder.Link]

  /// As many bars as are drawn at most.
  static let mostBars = 600

  fileprivate static let left = 210.0
  fileprivate static let width = 1800.0
  private static let head = 34.0
  private static let rowHeight = 46.0
  private static let barHeight = 26.0

  private static func look(_ pipe: Pipe) -> (colour: String, what: String) {
    switch pipe {
    case .scalar: ("#8a9099", "scalar unit, vector core")
    case .vector: ("#2f6fce", "vector unit")
    case .copyIn: ("#23916a", "main memory to UB")
    case .copyOut: ("#d9792b", "UB to main memory")
    case .cubeScalar: ("#8a9099", "scalar unit, cube core")
    case .cubeCopyIn: ("#23916a", "main memory to L1")
    case .load: ("#8459b8", "L1 to L0A, L0B")
    case .cube: ("#c43d39", "cube")
    case .drain: ("#d9792b", "L0C to main memory")
    }
  }
  private static let eventColour = "#5f6b7a"
  private static let flagColour = "#b0307a"

  private var pipes: [Pipe] { Pipe.allCases.filter { pipe in bars.contains { $0.pipe == pipe } } }
  private var last: Double { bars.map(\.end).max() ?? 1 }
  fileprivate var height: Double { Self.head + Double(pipes.count) * Self.rowHeight + 40 }

  fileprivate func lines(top: Double) -> [String] {
    let first = top + Self.head
    var rows: [Pipe: Double] = [:]
    for (number, pipe) in pipes.enumerated() { rows[pipe] = first + (Double(number) + 0.5) * Self.rowHeight }
    var lines = [Self.label(16, top + 20, title, #"font-weight="bold""#)]
    lines += axis(from: first, to: first + Double(pipes.count) * Self.rowHeight)
    for pipe in pipes { lines += row(pipe, at: rows[pipe]!) }
    lines += links.compactMap { line($0, rows) }
    return lines
  }

  // MARK: Parts

  private func x(_ ticks: Double) -> Double { Self.left + ticks / last * Self.width }

  private func axis(from top: Double, to bottom: Double) -> [String] {
    // Steps of 1, 2 or 5 times a power of ten, about a dozen.
    let power = pow(10, floor(log10(max(1, last / 12))))
    let step = [1, 2, 5, 10].map { $0 * power }.first { last / $0 <= 14 } ?? last
    return stride(from: 0, through: last, by: step).flatMap { ticks in
      [
        ##"<line x1="\##(Self.number(x(ticks)))" x2="\##(Self.number(x(ticks)))" y1="\##(Self.number(top))" "##
          + ##"y2="\##(Self.number(bottom))" stroke="#e3e7ec"/>"##,
        Self.label(x(ticks), bottom + 18, "\(Int(ticks))", ##"text-anchor="middle" fill="#4a5563""##),
      ]
    } + [Self.label(Self.left - 12, bottom + 18, "cycles", ##"text-anchor="end" fill="#4a5563""##)]
  }

  private func row(_ pipe: Pipe, at middle: Double) -> [String] {
    let (colour, what) = Self.look(pipe)
    let own = bars.filter { $0.pipe == pipe }
    return [
      ##"<line x1="\##(Self.number(Self.left))" x2="\##(Self.number(Self.left + Self.width))" "##
        + ##"y1="\##(Self.number(middle))" y2="\##(Self.number(middle))" stroke="#d4dae1"/>"##,
      Self.label(16, middle - 2, pipe.rawValue, #"font-weight="bold""#),
      Self.label(16, middle + 13, what, ##"font-size="11" fill="#4a5563""##),
      ##"<g fill="\##(colour)" stroke="#ffffff" stroke-width="0.3">"##,
    ] + own.map { rectangle($0, middle) } + ["</g>"]
  }

  private func rectangle(_ bar: PipeRecorder.Bar, _ middle: Double) -> String {
    let wide = max(0.6, x(bar.end) - x(bar.begin))
    let place = bar.location.map { "\($0): " } ?? ""
    let title = "\(place)\(bar.text), cycles \(Self.number(bar.begin)) to \(Self.number(bar.end))"
    return "<rect x=\"\(Self.number(x(bar.begin)))\" y=\"\(Self.number(middle - Self.barHeight / 2))\" "
      + "width=\"\(Self.number(wide))\" height=\"\(Self.number(Self.barHeight))\"><title>\(Self.escaped(title))</title></rect>"
  }

  /// An event from the pipe that raises it to the one that waits; nil where a row of them is not drawn.
  private func line(_ link: PipeRecorder.Link, _ rows: [Pipe: Double]) -> String? {
    guard let from = rows[link.event.from], let to = rows[link.event.to], link.taken <= last else {
      return nil
    }
    let (start, end) =
      from < to
      ? (from + Self.barHeight / 2, to - Self.barHeight / 2)
      : (from - Self.barHeight / 2, to + Self.barHeight / 2)
    let name =
      "\(link.event.isAcross ? "flag" : "event") \(link.event.from.rawValue) to \(link.event.to.rawValue) "
      + "\(link.event.number), raised at \(Self.number(link.raised))"
    return
      "<line x1=\"\(Self.number(x(link.raised)))\" y1=\"\(Self.number(start))\" x2=\"\(Self.number(x(link.taken)))\" "
      + "y2=\"\(Self.number(end))\" stroke=\"\(link.event.isAcross ? Self.flagColour : Self.eventColour)\" "
      + "stroke-width=\"0.7\" stroke-opacity=\"0.7\"><title>\(Self.escaped(name))</title></line>"
  }

  fileprivate static func legend(of panels: [PipePanel], y: Double) -> [String] {
    let shown = Set(panels.flatMap(\.pipes))
    let pipes = Pipe.allCases.filter { shown.contains($0) && $0 != .cubeScalar }
    var lines: [String] = []
    var at = 16.0
    func add(_ mark: (Double) -> String, _ text: String) {
      lines += [mark(at), Self.label(at + 26, y, text, "")]
      at += 44 + 7.2 * Double(text.count)
    }
    for pipe in pipes {
      let (colour, what) = Self.look(pipe)
      add(
        {
          ##"<rect x="\##(Self.number($0))" y="\##(Self.number(y - 11))" width="18" height="12" fill="\##(colour)"/>"##
        },
        "\(pipe.rawValue): \(what)")
    }
    for (colour, text) in [
      (Self.eventColour, "event, raised to taken"), (Self.flagColour, "flag between cores"),
    ] {
      add(
        {
          ##"<line x1="\##(Self.number($0))" x2="\##(Self.number($0 + 18))" y1="\##(Self.number(y - 5))" "##
            + ##"y2="\##(Self.number(y - 5))" stroke="\##(colour)"/>"##
        }, text)
    }
    return lines
  }

  fileprivate static func label(_ x: Double, _ y: Double, _ text: String, _ attributes: String) -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\" \(attributes)>\(escaped(text))</text>"
  }

  private static func number(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  fileprivate static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
  }
}
