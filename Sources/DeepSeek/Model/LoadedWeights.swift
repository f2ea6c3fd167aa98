import Formats
import Foundation
import Operators
import Runtime
import Steps
import TileIR

/// The weights that a model's steps ask for, in the form that they ask for.
///
/// A tensor that is stored as an operator takes it stays where the checkpoint has it. Others are made once:
/// bf16 gains widened to fp32, quantised weights dequantised, int64 narrowed, all by operators but for the
/// last. A `*` in a name stands for every expert's number: those tensors become one with an axis in front,
/// which costs no copy where they lie at equal distances.
public final class LoadedWeights {
  private let experts: Int
  private let store: any WeightStore
  private let device: Device
  private var views: [String: TensorView] = [:]
  private var areas: [AlignedMemory] = []
  private var conversions: [Conversion] = []

  private struct Conversion {
    let target: StepBuffer
    let stored: [TensorView]
    let program: Program
    /// Names of the program's inputs for `stored`, and their shapes.
    let inputs: [(name: String, shape: [Int])]
    let shape: [Int]
  }

  /// Bytes made beside the checkpoint.
  public var byteCount: Int { areas.reduce(0) { $0 + $1.byteCount } }

  /// Makes what `steps` ask for.
  ///
  /// - Parameters:
  ///   - made: weights that no checkpoint holds, such as rotary tables.
  ///   - progress: told how many of how many conversions are done.
  public init(
    of steps: [Step], from store: any WeightStore, experts: Int, made: [String: HostTensor] = [:],
    on device: Device, progress: (Int, _ of: Int) -> Void = { _, _ in }
  ) throws {
    self.store = store
    self.device = device
    self.experts = experts
    for (name, tensor) in made {
      let area = try allocate(tensor.bytes.count)
      tensor.bytes.withUnsafeBytes { area.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      views[name] = TensorView(tensor.element, area, shape: tensor.shape)
    }
    for buffer in steps.flatMap(\.buffers) where buffer.kind == .weight && views[buffer.name] == nil {
      try find(buffer)
    }
    try convert(progress)
  }

  /// The memory of a weight, for a step to be bound to.
  public func view(of buffer: StepBuffer) throws -> TensorView {
    guard let view = views[buffer.name] else { throw RuntimeError("\(buffer.name) was not loaded") }
    return view
  }

  private func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    let area = try device.memory(byteCount)
    areas.append(area)
    return area.pointer
  }

  // MARK: Stored forms

  private func find(_ buffer: StepBuffer) throws {
    let shape = buffer.shape.map { $0.fixed! }
    let stored = try stored(buffer.name)
    switch (stored.kind, buffer.element) {
    case (.element(let element), _) where element == buffer.element:
      try expect(stored.shape, shape, of: buffer, element)
      views[buffer.name] =
        try stored.view(shape) ?? TensorView(element, copy(stored, element), shape: shape)
    case (.int64, .int32): views[buffer.name] = TensorView(.int32, try narrow(stored, buffer), shape: shape)
    case (.element(.bfloat16), .float32):
      try expect(stored.shape, shape, of: buffer, .bfloat16)
      let flat = [shape.dropLast().reduce(1, *), shape.last ?? 1]
      try plan(
        buffer, shape, [(stored, .bfloat16)], try widen().program(), inputs: [("x", flat)], as: flat)
    case (.element(.e4m3), .float32), (.element(.e4m3), .bfloat16):
      try expect(stored.shape, shape, of: buffer, .e4m3)
      let (matrices, outputs, inputs) = stored.matrices
      let kernel =
        buffer.element == .float32
        ? dequantiseFP8(inputs: inputs, outputs: outputs)
        : dequantiseFP8(inputs: inputs, outputs: outputs, result: BFloat16.self)
      try plan(
        buffer, shape, [(stored, .e4m3), (try scale(of: buffer.name), .e8m0)], try kernel.program(),
        inputs: [
          ("w", [matrices, outputs, inputs]), ("scale", [matrices, (outputs + 127) / 128, (inputs + 127) / 128]),
        ], as: [matrices, outputs, inputs])
    case (.element(.e2m1), .float32):
      try expect(stored.shape, shape, of: buffer, .e2m1)
      let (matrices, outputs, inputs) = stored.matrices
      try plan(
        buffer, shape, [(stored, .e2m1), (try scale(of: buffer.name), .e8m0)],
        try dequantiseFP4(inputs: inputs, outputs: outputs).program(),
        inputs: [("w", [matrices, outputs, inputs]), ("scale", [matrices, outputs, (inputs + 31) / 32])],
        as: [matrices, outputs, inputs])
    case (let kind, let element):
      throw RuntimeError("\(buffer.name): the model takes \(element.rawValue), the checkpoint has \(kind)")
    }
  }

  private func expect(_ found: [Int], _ shape: [Int], of buffer: StepBuffer, _ element: ElementType) throws {
    guard found.reduce(1, *) == shape.reduce(1, *), found.last == shape.last else {
      throw RuntimeError("\(buffer.name): \(element.rawValue) \(shape) expected, \(found) found")
    }
  }

  private func scale(of name: String) throws -> Stack {
    try stored(name.replacingSuffix("weight", by: "scale"))
  }

  /// Tensors of one shape: one, or those of all experts.
  private struct Stack {
    let kind: WeightTensor.Kind
    let tensors: [WeightTensor]
    let isStacked: Bool
    var shape: [Int] { (isStacked ? [tensors.count] : []) + tensors[0].shape }

    /// The shape as matrices one after the other.
    var matrices: (Int, Int, Int) {
      let shape = shape
      return (shape.dropLast(2).reduce(1, *), shape[shape.count - 2], shape[shape.count - 1])
    }

    /// A view of the tensors where they lie under another shape; nil where they lie at unequal distances.
    func view(_ shape: [Int]) -> TensorView? {
      guard case .element(let element) = kind else { return nil }
      let base = UnsafeMutableRawPointer(mutating: tensors[0].pointer)
      let alignment = max(1, element.bitWidth / 8)
      guard tensors.allSatisfy({ Int(bitPattern: $0.pointer) % alignment == 0 }) else { return nil }
      let whole = TensorView(element, base, shape: shape)
      guard tensors.count > 1 else { return whole }
      let distances = zip(tensors.dropFirst(), tensors).map { $0.pointer - $1.pointer }
      guard let step = distances.first, step >= tensors[0].byteCount, shape.first == tensors.count,
        distances.allSatisfy({ $0 == step }), step * 8 % element.bitWidth == 0
      else { return nil }
      return TensorView(element, base, shape: shape, strides: [step * 8 / element.bitWidth] + whole.strides.dropFirst())
    }
  }

  private func stored(_ name: String) throws -> Stack {
    guard name.contains("*") else {
      let tensor = try store.tensor(named: name)
      return Stack(kind: tensor.kind, tensors: [tensor], isStacked: false)
    }
    let tensors = try (0..<experts).map { try store.tensor(named: name.replacing("*", with: "\($0)")) }
    for (expert, tensor) in tensors.enumerated()
    where tensor.kind != tensors[0].kind || tensor.shape != tensors[0].shape {
      throw RuntimeError(
        "\(name): expert 0 has \(tensors[0].kind) \(tensors[0].shape), expert \(expert) has \(tensor.kind) \(tensor.shape)")
    }
    return Stack(kind: tensors[0].kind, tensors: tensors, isStacked: true)
  }

  private func copy(_ stack: Stack, _ element: ElementType) throws -> UnsafeMutableRawPointer {
    let size = stack.tensors[0].byteCount
    let area = try allocate(size * stack.tensors.count)
    for (number, tensor) in stack.tensors.enumerated() {
      (area + number * size).copyMemory(from: tensor.pointer, byteCount: size)
    }
    return area
  }

  private func narrow(_ stack: Stack, _ buffer: StepBuffer) throws -> UnsafeMutableRawPointer {
    let tensor = stack.tensors[0]
    let area = try allocate(4 * tensor.count)
    for at in 0..<tensor.count {
      let wide = tensor.pointer.loadUnaligned(fromByteOffset: 8 * at, as: Int64.self)
      guard let value = Int32(exactly: wide) else {
        throw RuntimeError("\(buffer.name): element \(at) is \(wide), which no int32 holds")
      }
      area.storeBytes(of: value, toByteOffset: 4 * at, as: Int32.self)
    }
    return area
  }

  // MARK: Conversions

  private func plan(
    _ target: StepBuffer, _ shape: [Int], _ stored: [(Stack, ElementType)], _ program: Program,
    inputs: [(name: String, shape: [Int])], as converted: [Int]
  ) throws {
    let sources = try zip(stored, inputs).map { stored, input in
      guard case .element(stored.1) = stored.0.kind else {
        throw RuntimeError("\(target.name): \(stored.1.rawValue) expected, \(stored.0.kind) found")
      }
      guard stored.0.shape.reduce(1, *) == input.shape.reduce(1, *) else {
        throw RuntimeError("\(target.name): \(input.name) of \(input.shape) expected, \(stored.0.shape) found")
      }
      return try stored.0.view(input.shape)
        ?? TensorView(stored.1, copy(stored.0, stored.1), shape: input.shape)
    }
    let area = try allocate(HostTensor.byteCount(of: target.element, shape))
    views[target.name] = TensorView(target.element, area, shape: shape)
    conversions.append(
      Conversion(target: target, stored: sources, program: program, inputs: inputs, shape: converted))
  }

  /// Runs all conversions as one step.
  private func convert(_ progress: (Int, _ of: Int) -> Void) throws {
    guard !conversions.isEmpty else { return }
    let builder = StepBuilder("load")
    var sources: [String: TensorView] = [:]
    for conversion in conversions {
      var inputs: [String: Steps.View] = [:]
      for (input, view) in zip(conversion.inputs, conversion.stored) {
        let name = "\(conversion.target.name) \(input.name)"
        inputs[input.name] = builder.weight(name, view.element, input.shape.map { Size($0) })
        sources[name] = view
      }
      let target = builder.state(conversion.target.name, conversion.target.element, conversion.shape.map { Size($0) })
      builder.launch(conversion.program, inputs, into: ["y": target])
    }
    let executable = try StepExecutable(builder.finish(), on: device) { buffer in
      if let source = sources[buffer.name] { return source }
      let view = self.views[buffer.name]!
      return TensorView(view.element, view.pointer, shape: buffer.shape.map { $0.fixed! })
    }
    try withoutActuallyEscaping(progress) { progress in
      try executable.run(observe: { progress($0 + 1, self.conversions.count) })
    }
    conversions = []
  }
}

extension String {
  fileprivate func replacingSuffix(_ suffix: String, by other: String) -> String {
    hasSuffix(suffix) ? String(dropLast(suffix.count)) + other : self
  }
}
