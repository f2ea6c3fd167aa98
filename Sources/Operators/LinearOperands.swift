import Tiles

/// Channels that share a scale in front of every quantised product.
let activationBlock = 128

/// The rows that a quantised linear takes: E4M3 codes with a scale for each block of 128 channels; in the
/// float32 arithmetic the numbers themselves.
struct LinearRows {
  private enum Storage {
    case codes(Tensor<E4M3>, Tensor<E8M0>)
    case numbers(Tensor<Float>)
  }
  private let storage: Storage
  private let inputs: Dimension

  /// Declares the inputs `name`_codes and `name`_scale, or `name` in float32, over `axes` and `inputs`.
  init(
    _ k: Trace, _ name: String, _ axes: [Dimension], _ inputs: Dimension, _ arithmetic: Arithmetic
  ) {
    self.inputs = inputs
    switch arithmetic {
    case .quantised:
      storage = .codes(
        k.input("\(name)_codes", E4M3.self, axes + [inputs]),
        k.input("\(name)_scale", E8M0.self, axes + [inputs.blocks(of: activationBlock)]))
    case .float32: storage = .numbers(k.input(name, Float.self, axes + [inputs]))
    }
  }

  /// The product of the row at `row` with the outputs `output` of `weight`, of its part at `part` where it
  /// has axes of its own, in the class of their formats; not yet rounded to what the model stores.
  func times(
    _ weight: LinearWeight, at row: [any Coordinate], _ output: Block, part: [any Coordinate] = [],
    file: String = #fileID, line: Int = #line
  ) -> Tile<Float> {
    let column = part + [output]
    switch (storage, weight.storage) {
    case (.codes(let codes, let scale), .fp8(let w, let wScale)):
      let block = Position(inputs) / activationBlock
      let left = codes[at: row + [inputs], file: file, line: line].scaled(
        by: scale[at: row + [block], file: file, line: line])
      let right = w[at: column + [inputs], file: file, line: line].scaled(
        by: wScale[at: part + [output.position / LinearWeight.tile, block], file: file, line: line])
      return product(left, right, contracting: inputs, .exactBlock(128), file: file, line: line)
    case (.codes(let codes, let scale), .fp4(let w, let wScale)):
      let left = codes[at: row + [inputs], file: file, line: line].scaled(
        by: scale[at: row + [Position(inputs) / activationBlock], file: file, line: line])
      let right = w[at: column + [inputs], file: file, line: line].scaled(
        by: wScale[at: column + [Position(inputs) / LinearWeight.group], file: file, line: line])
      return product(left, right, contracting: inputs, .exactBlock(128), file: file, line: line)
    case (.numbers(let x), .numbers(let w)):
      return product(
        x[at: row + [inputs], file: file, line: line], w[at: column + [inputs], file: file, line: line],
        contracting: inputs, Arithmetic.float32.product(), file: file, line: line)
    default: preconditionFailure("rows and weights of one arithmetic")
    }
  }
}

/// How a checkpoint stores a quantised weight.
public enum WeightFormat: String, Sendable {
  /// E4M3, a scale for each tile of 128 x 128.
  case fp8
  /// E2M1, a scale for each 32 inputs of an output.
  case fp4
}

/// A weight of a quantised linear, [outputs, inputs] behind any axes of its own: codes and scales as the
/// checkpoint has them; in the float32 arithmetic dequantised numbers.
struct LinearWeight {
  fileprivate enum Storage {
    case fp8(Tensor<E4M3>, Tensor<E8M0>)
    case fp4(Tensor<E2M1>, Tensor<E8M0>)
    case numbers(Tensor<Float>)
  }
  fileprivate let storage: Storage
  fileprivate static let tile = 128
  fileprivate static let group = 32

  /// Declares the weight `name`, and `name`_scale where it is quantised.
  init(
    _ k: Trace, _ name: String, parts axes: [Dimension] = [], _ outputs: Dimension,
    _ inputs: Dimension, _ format: WeightFormat, _ arithmetic: Arithmetic
  ) {
    switch (arithmetic, format) {
    case (.quantised, .fp8):
      storage = .fp8(
        k.weight(name, E4M3.self, axes + [outputs, inputs]),
        k.weight(
          "\(name)_scale", E8M0.self, axes + [outputs.blocks(of: Self.tile), inputs.blocks(of: Self.tile)]))
    case (.quantised, .fp4):
      storage = .fp4(
        k.weight(name, E2M1.self, axes + [outputs, inputs]),
        k.weight("\(name)_scale", E8M0.self, axes + [outputs, inputs.blocks(of: Self.group)]))
    case (.float32, _): storage = .numbers(k.weight(name, Float.self, axes + [outputs, inputs]))
    }
  }
}

/// Rows that an operator writes for the quantised linears behind it: what `LinearRows` reads.
struct LinearRowsOutput {
  private enum Storage {
    case codes(Tensor<E4M3>, Tensor<E8M0>, lane: Dimension)
    case numbers(Tensor<Float>)
  }
  private let storage: Storage
  private let channels: Dimension

  /// Declares the outputs `name`_codes and `name`_scale, or `name` in float32, over `axes` and
  /// `channels`, which are a multiple of 128 where they are quantised.
  init(
    _ k: Trace, _ name: String, _ axes: [Dimension], _ channels: Dimension, _ arithmetic: Arithmetic
  ) {
    self.channels = channels
    switch arithmetic {
    case .quantised:
      k.require(
        channels.extent! % activationBlock == 0, "\(channels.name) are a multiple of \(activationBlock)")
      storage = .codes(
        k.output("\(name)_codes", E4M3.self, axes + [channels]),
        k.output("\(name)_scale", E8M0.self, axes + [channels.blocks(of: activationBlock)]),
        lane: k.axis("lane", activationBlock))
    case .float32: storage = .numbers(k.output(name, Float.self, axes + [channels]))
    }
  }

  /// Writes `x`, which has the axis of the channels, at `row`: quantised by Q8 of the specification.
  func store(
    _ x: Tile<Float>, at row: [any Coordinate], file: String = #fileID, line: Int = #line
  ) {
    switch storage {
    case .codes(let codes, let scale, let lane):
      let blocks = channels.blocks(of: activationBlock)
      let channel = Position(blocks) * activationBlock + Position(lane)
      let (q, s) = x.at(channels, channel, file: file, line: line).quantisedQ8(along: lane)
      codes[at: row + [channel], file: file, line: line] = q
      scale[at: row + [blocks], file: file, line: line] = s
    case .numbers(let tensor): tensor[at: row + [channels], file: file, line: line] = x
    }
  }
}
