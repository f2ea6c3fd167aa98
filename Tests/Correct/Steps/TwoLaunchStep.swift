import Formats
import Operators
import Runtime
import Steps
import TileIR

/// rms_norm, then a product with a weight, then the rows into a ring: the smallest step with every kind
/// of buffer.
struct TwoLaunchStep {
  let step: Step
  let weights: [String: HostTensor]

  static let width = 24
  static let columns = 10
  static let span = 7

  init() throws {
    let builder = StepBuilder("two launches")
    let rows = builder.number("rows", in: 0...50)
    let start = builder.number("start", in: 0...1000)
    let x = builder.input("x", .bfloat16, [rows, Size(Self.width)])
    let normed = builder.scope("norm") {
      builder.launch(
        try! rmsNorm(width: Self.width).program(),
        ["x": x, "gain": builder.weight("gain", .float32, [Size(Self.width)])])
    }
    let product = try builder.scope("product") {
      builder.launch(
        try matmul(
          BFloat16.self, inner: Self.width, columns: Self.columns, .ordered(.chained(512), .unfused),
          transposedRight: true, result: BFloat16.self
        ).program(),
        ["a": normed["y"], "b": builder.weight("w", .bfloat16, [Size(Self.columns), Size(Self.width)])],
        into: ["y": builder.output("y", .bfloat16, [rows, Size(Self.columns)])])
    }
    builder.launch(
      try scatter(span: Self.span, width: Self.columns).program(),
      [
        "x": product["y"],
        "ring": builder.state("ring", .bfloat16, [Size(Self.span), Size(Self.columns)]),
      ], numbers: ["start": start])
    step = try builder.finish()
    var random = SplitMix64(seed: 5)
    func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in Float.random(in: -2...2, using: &random) } }
    weights = [
      "gain": HostTensor(.float32, [Self.width], numbers: numbers(Self.width)),
      "w": HostTensor(.bfloat16, [Self.columns, Self.width], numbers: numbers(Self.columns * Self.width)),
      "ring": HostTensor(.bfloat16, [Self.span, Self.columns]),
    ]
  }
}

/// Host tensors in memory of their own, as a step's weights and states need them.
final class TensorMemory {
  private var areas: [String: AlignedMemory] = [:]
  private let tensors: [String: HostTensor]

  init(_ tensors: [String: HostTensor]) throws {
    self.tensors = tensors
    for (name, tensor) in tensors {
      let area = try AlignedMemory(byteCount: tensor.bytes.count)
      tensor.bytes.withUnsafeBytes { area.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      areas[name] = area
    }
  }

  func view(_ buffer: StepBuffer) throws -> TensorView {
    guard let tensor = tensors[buffer.name] else { throw RuntimeError("no \(buffer.name)") }
    return TensorView(tensor.element, areas[buffer.name]!.pointer, shape: tensor.shape)
  }

  /// What a buffer holds now.
  func contents(_ name: String) -> HostTensor {
    let tensor = tensors[name]!
    let bytes = UnsafeRawBufferPointer(start: areas[name]!.pointer, count: tensor.bytes.count)
    return HostTensor(tensor.element, tensor.shape, bytes: Array(bytes))
  }
}
