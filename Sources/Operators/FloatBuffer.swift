import Tiles

/// A buffer of numbers in the storage type of an arithmetic, bf16 or fp32: read widened, rounded where it
/// is written.
struct FloatBuffer {
  private enum Storage {
    case bfloat16(Tensor<BFloat16>)
    case float32(Tensor<Float>)
  }
  private let storage: Storage

  /// Declares the buffer on `k`.
  init(
    _ k: Trace, _ role: Role, _ name: String, _ axes: [Dimension], _ arithmetic: Arithmetic,
    file: String = #fileID, line: Int = #line
  ) {
    func declare<E: TileElement>(_: E.Type) -> Tensor<E> {
      switch role {
      case .output: k.output(name, E.self, axes, file: file, line: line)
      case .state: k.state(name, E.self, axes, file: file, line: line)
      case .weight: k.weight(name, E.self, axes, file: file, line: line)
      case .input, .scalar: k.input(name, E.self, axes, file: file, line: line)
      }
    }
    switch arithmetic {
    case .quantised: storage = .bfloat16(declare(BFloat16.self))
    case .float32: storage = .float32(declare(Float.self))
    }
  }

  subscript(
    _ coordinates: any Coordinate..., file file: String = #fileID, line line: Int = #line
  ) -> Tile<Float> {
    get { self[at: coordinates, file: file, line: line] }
    nonmutating set {
      switch storage {
      case .bfloat16(let tensor):
        tensor[at: coordinates, file: file, line: line] = newValue.cast(
          to: BFloat16.self, file: file, line: line)
      case .float32(let tensor): tensor[at: coordinates, file: file, line: line] = newValue
      }
    }
  }

  subscript(
    at coordinates: [any Coordinate], file file: String = #fileID, line line: Int = #line
  ) -> Tile<Float> {
    switch storage {
    case .bfloat16(let tensor):
      tensor[at: coordinates, file: file, line: line].cast(to: Float.self, file: file, line: line)
    case .float32(let tensor): tensor[at: coordinates, file: file, line: line]
    }
  }

  /// Writes `value` at three coordinates where `condition` holds.
  func write(
    _ value: Tile<Float>, at a: any Coordinate, _ b: any Coordinate, _ c: any Coordinate,
    where condition: Tile<Bool>, file: String = #fileID, line: Int = #line
  ) {
    switch storage {
    case .bfloat16(let tensor):
      tensor.write(
        value.cast(to: BFloat16.self, file: file, line: line), at: a, b, c, where: condition,
        file: file, line: line)
    case .float32(let tensor):
      tensor.write(value, at: a, b, c, where: condition, file: file, line: line)
    }
  }
}
