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

  private func moved(_ view: LocalView, by bytes: Int) -> LocalView {
    LocalView(view.tensor, view.element, offset: view.offset + .constant(bytes))
  }

  /// Fractals from number `start` on, `stride` from one to the next, to places that follow each other.
  private func load(start: Int, count: Int, stride: Int) -> String {
    "LoadData2DParams(\(start), \(count), \(stride), 0, 0, false, 0)"
  }
}
