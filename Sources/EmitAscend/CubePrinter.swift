import CFamily
import MachineIR
import TileIR

/// Instructions of cube cores: calls with their parameters by name, and the fractals of each load.
extension PipeKernelPrinter {
  mutating func add(_ instruction: CubeInstruction) throws {
    switch instruction {
    case .stage(let to, let buffer, let offset, let lines, let depth):
      // Rows that follow each other, to fractals of 32 bytes of depth that follow each other.
      let source = "\(scalars.names.identifier(buffer))[\(try scalars.text(offset))]"
      call(
        "DataCopy", [try text(to), source, "Nd2NzParams(1, \(lines), \(depth), 0, \(depth), \(lines), 1, 0)"])
    case .stageLines(let staged): try add(staged)
    case .loadTurned(let to, let from, let columns, let depth):
      // Squares of 32 lines one below the other become two fractals side by side.
      let (squares, apart) = (depth / CubeInstruction.lineBytes, columns / CubeInstruction.lines - 1)
      for first in stride(from: 0, to: columns, by: CubeInstruction.lineBytes) {
        let source = moved(from, by: first * depth)
        let part = moved(to, by: first * CubeInstruction.lineBytes)
        call(
          "LoadDataWithTranspose",
          [try text(part), try text(source), "LoadData2dTransposeParams(0, \(squares), 1, \(apart), 0)"])
      }
    case .loadLeft(let to, let from, let lines, let depth):
      // Fractals of the same rows follow each other.
      let (down, along) = (lines / CubeInstruction.lines, depth / CubeInstruction.lineBytes)
      for block in 0..<down {
        let part = moved(to, by: block * along * CubeInstruction.lines * CubeInstruction.lineBytes)
        call("LoadData", [try text(part), try text(from), load(start: block, count: along, stride: down)])
      }
    case .loadRight(let to, let from, let lines, let depth):
      // As they are in L1.
      let count = lines / CubeInstruction.lines * (depth / CubeInstruction.lineBytes)
      for first in stride(from: 0, to: count, by: 255) {
        let part = moved(to, by: first * CubeInstruction.lines * CubeInstruction.lineBytes)
        call(
          "LoadData",
          [try text(part), try text(from), load(start: first, count: min(255, count - first), stride: 1)])
      }
    case .multiply(let sums, let left, let right, let rows, let columns, let depth, let clears):
      let shape = "\(rows), \(columns), \(depth), 0, false, \(clears)"
      call("Mmad", [try text(sums), try text(left), try text(right), "MmadParams(\(shape))"])
    case .drain(let buffer, let offset, let from, let rows, let columns):
      let target = "\(scalars.names.identifier(buffer))[\(try scalars.text(offset))]"
      call(
        "Fixpipe<int32_t, int32_t, CFG_ROW_MAJOR>",
        [target, try text(from), "FixpipeParamsV220(\(columns), \(rows), \(rows), \(columns), false)"])
    }
  }

  /// A loop that copies each line's slices to where the fractals of its number have them.
  private mutating func add(_ staged: StagedLines) throws {
    let counter = scalars.names.identifier(staged.counter.name)
    let line = scalars.names.own("\(staged.counter.name)_line")
    let buffer = scalars.names.identifier(staged.buffer)
    let shape = "Nd2NzParams(1, 1, \(staged.depth), 0, \(staged.depth), \(staged.lines), 1, 0)"
    add("for (int64_t \(counter) = 0; \(counter) < \(staged.lines); \(counter)++) {")
    try indented { printer in
      printer.add("const int64_t \(line) = \(try printer.scalars.text(staged.offset));")
      for slice in 0..<staged.slices {
        let first = Expression.constant(slice * staged.lines * staged.depth)
        let place = first + .variable(staged.counter) * .constant(CubeInstruction.lineBytes)
        let to = try printer.text(LocalView(staged.to.tensor, staged.to.element, offset: place))
        let from = slice == 0 ? line : "\(line) + \(slice * staged.depth)"
        printer.call("DataCopy", [to, "\(buffer)[\(from)]", shape])
      }
    }
    add("}")
  }

  private func moved(_ view: LocalView, by bytes: Int) -> LocalView {
    LocalView(view.tensor, view.element, offset: view.offset + .constant(bytes))
  }

  /// Fractals from number `start` on, `stride` from one to the next, to places that follow each other.
  private func load(start: Int, count: Int, stride: Int) -> String {
    "LoadData2DParams(\(start), \(count), \(stride), 0, 0, false, 0)"
  }
}
