import TileIR

// The elementary functions of the numeric contract on tiles. Each is defined by one program of
// correctly rounded operations, whose measured error stands with it.

/// e to the power of every element.
public func exp(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.exp, file: file, line: line)
}

/// 1 / (1 + exp(-x)) of every element.
public func sigmoid(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.sigmoid, file: file, line: line)
}

/// x * sigmoid(x) of every element.
public func silu(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
  x.applying(.silu, file: file, line: line)
}
