/// Text with the places where it may be broken into lines.
package indirect enum Layout {
  case text(String)
  case sequence([Layout])
  /// Items between `open` and `close`; a line may end after every separator (or before it, for
  /// operators, which start their item).
  case group(open: String, items: [Layout], separator: String, close: String)

  package static let width = 100

  /// All on one line.
  package var flat: String {
    var text = ""
    write(to: &text)
    return text
  }

  fileprivate func write(to text: inout String) {
    switch self {
    case .text(let own): text += own
    case .sequence(let parts): for part in parts { part.write(to: &text) }
    case .group(let open, let items, let separator, let close):
      text += open
      for (number, item) in items.enumerated() {
        if number > 0 {
          text += separator
          text += " "
        }
        item.write(to: &text)
      }
      text += close
    }
  }

  /// The text with lines broken so that they fit, where they can; further lines stand `indent` spaces
  /// in. `column` is where it starts.
  package func broken(at column: Int, indent: Int) -> String {
    var lines = Lines(column: column)
    MeasuredLayout(self).write(to: &lines, indent: indent, rest: 0)
    return lines.text
  }
}

/// A layout whose parts know how wide they are on one line, measured once.
private struct MeasuredLayout {
  let layout: Layout
  let width: Int
  let parts: [MeasuredLayout]

  init(_ layout: Layout) {
    self.layout = layout
    switch layout {
    case .text(let text):
      parts = []
      width = text.utf8.count
    case .sequence(let items):
      parts = items.map(MeasuredLayout.init)
      width = parts.reduce(0) { $0 + $1.width }
    case .group(let open, let items, let separator, let close):
      parts = items.map(MeasuredLayout.init)
      let between = max(0, items.count - 1) * (separator.utf8.count + 1)
      width = open.utf8.count + close.utf8.count + between + parts.reduce(0) { $0 + $1.width }
    }
  }

  /// `rest` is how much follows on the last line.
  func write(to lines: inout Lines, indent: Int, rest: Int) {
    if lines.column + width + rest <= Layout.width { return lines.append(layout) }
    switch layout {
    case .text(let text): lines.append(text)
    case .sequence:
      for (number, part) in parts.enumerated() {
        part.write(to: &lines, indent: indent, rest: number == parts.count - 1 ? rest : 1)
      }
    case .group(let open, _, let separator, let close):
      lines.append(open)
      for (number, item) in parts.enumerated() {
        let isLast = number == parts.count - 1
        let tail = isLast ? close.utf8.count + rest : separator.utf8.count
        if number > 0 {
          let fits = lines.column + 1 + item.width + tail <= Layout.width
          if fits { lines.append(" ") } else { lines.startNew(indent: indent) }
        }
        item.write(to: &lines, indent: indent + 2, rest: tail)
        if !isLast { lines.append(separator) }
      }
      lines.append(close)
    }
  }
}

/// Text being written, and the column that it has reached.
private struct Lines {
  private(set) var text = ""
  private(set) var column: Int

  init(column: Int) { self.column = column }

  mutating func append(_ part: String) {
    text += part
    column += part.utf8.count
  }
  mutating func append(_ layout: Layout) {
    let before = text.utf8.count
    layout.write(to: &text)
    column += text.utf8.count - before
  }
  mutating func startNew(indent: Int) {
    text += "\n" + String(repeating: " ", count: indent)
    column = indent
  }
}
