import Alignment
import Operators
import Reference
import Runtime
import Steps
import Tiles

/// The sizes of a model: embedding, layers of shifted_norm, gated_up and added_down, a head.
struct ShiftGate {
  var vocabulary = 50
  var width = 32
  var inner = 48
  var layers = 2
  /// Slots of a layer's ring: the row before, and one that a rejected draft may overwrite.
  var span = 2
  /// Tokens of a run at most.
  var chunk = 16

  /// One layer: three launches. // [rows, width] -> [rows, width]
  func layer(_ name: String, _ x: View, start: Size, on b: StepBuilder) throws -> View {
    func weight(_ weight: String, _ shape: Int...) -> View {
      b.weight("\(name).\(weight)", .float32, shape.map { Size($0) })
    }
    return try b.scope(name) {
      let mixed = b.launch(
        try shiftedNorm(width: width, span: span).program(),
        [
          "x": x, "gain": weight("norm.weight", width), "mix": weight("mix", width),
          "ring": b.state("\(name).ring", .float32, [Size(span), Size(width)]),
        ], numbers: ["start": start])["y"]
      let up = b.launch(
        try gatedUp(inputs: width, outputs: inner).program(),
        ["x": mixed, "gate": weight("gate.weight", inner, width), "up": weight("up.weight", inner, width)])["y"]
      return b.launch(
        try addedDown(inputs: inner, outputs: width).program(),
        ["x": up, "down": weight("down.weight", width, inner), "residual": x])["y"]
    }
  }

  /// The whole model over `rows` tokens that begin at position `start`.
  func step() throws -> Step {
    let b = StepBuilder("shift gate")
    let rows = b.number("rows", in: 0...chunk)
    let start = b.number("start", in: 0...1_000_000)
    let table = b.weight("embed.weight", .float32, [Size(vocabulary), Size(width)])
    var x = b.launch(
      try gather(Float.self, width: width).program(),
      ["index": b.input("ids", .int32, [rows]), "table": table])["y"]
    for number in 0..<layers { x = try layer("layers.\(number)", x, start: start, on: b) }
    let head = try matmul(
      inner: width, columns: vocabulary, .ordered(.chained(512), .unfused), transposedRight: true
    ).program()
    let logits = b.launch(
      head, ["a": x, "b": table], into: ["y": b.output("logits", .float32, [rows, Size(vocabulary)])])["y"]
    b.launch(try argmax().program(), ["x": logits], into: ["y": b.output("best", .int32, [rows])])
    return try b.finish()
  }
}

/// A loaded model with one sequence.
final class ShiftGateRun {
  let executable: StepExecutable
  private let states: DeviceMemory
  private let weights: [String: AlignedMemory]
  private(set) var length = 0

  init(_ model: ShiftGate, _ tensors: [String: HostTensor], on device: Device) throws {
    let step = try model.step()
    let states = try DeviceMemory(step.buffers.filter { $0.kind == .state }, on: device)
    var weights: [String: AlignedMemory] = [:]
    for (name, tensor) in tensors {
      let area = try AlignedMemory(byteCount: tensor.bytes.count)
      tensor.bytes.withUnsafeBytes { area.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      weights[name] = area
    }
    executable = try StepExecutable(step, on: device) { buffer in
      if buffer.kind == .state { return try states.view(of: buffer) }
      guard let tensor = tensors[buffer.name] else { throw RuntimeError("no weight \(buffer.name)") }
      return TensorView(tensor.element, weights[buffer.name]!.pointer, shape: tensor.shape)
    }
    (self.states, self.weights) = (states, weights)
  }

  /// Runs the model on the tokens that follow; `by` may do launches in the device's place.
  func feed(_ tokens: [Int32], by substitute: ((HostLaunch) throws -> [String: HostTensor]?)? = nil) throws {
    executable.input("ids").copyBytes(from: tokens.withUnsafeBytes { Array($0) })
    executable.set("rows", to: tokens.count)
    executable.set("start", to: length)
    try executable.run(by: substitute)
    length += tokens.count
  }

  /// The tokens that follow a prompt, each the one with the largest logit.
  func text(after prompt: [Int32], count: Int) throws -> [Int32] {
    var (next, text) = (prompt, [Int32]())
    for _ in 0..<count {
      try feed(next)
      next = [executable.output("best").bindMemory(to: Int32.self)[next.count - 1]]
      text += next
    }
    return text
  }
}

/// The launches of a run whose bits differ from the reference's on the same arguments.
func differingLaunches(_ run: ShiftGateRun, _ tokens: [Int32]) throws -> [String] {
  var names: [String] = []
  var done: (launch: HostLaunch, expected: [String: HostTensor])?
  func compare() {
    guard let done, done.launch.results != done.expected else { return }
    names.append("\(done.launch.scope) \(done.launch.program.name)")
  }
  try run.feed(tokens) { launch in
    compare()
    done = (launch, try launch.byReference()!)
    return nil
  }
  compare()
  return names
}
