import MachineIR
import Runtime
import Schedules
import TileIR
import Tiles

/// A scalar function as a compiled operator over rows of floats. For one thread at a time.
final class CompiledFunction {
  /// The most elements of one call.
  static let capacity = 1 << 18

  private let executable: Executable
  private let input, output: AlignedMemory
  let arguments: UnsafeMutableBufferPointer<UInt32>
  let results: UnsafeMutableBufferPointer<UInt32>

  init(_ function: ScalarFunction, on machine: MachineDescription) throws {
    let kernel = Kernel("check_\(function.name)") { k in
      let n = k.dimension("n", in: 0...Self.capacity)
      let x = k.input("x", Float.self, [n])
      let y = k.output("y", Float.self, [n])
      k.parallel(n) { i in y[i] = x[i].applying(function) }
    }
    // A pool of its own: the process's pool runs one launch at a time.
    executable = try Executable(
      plan: Lowering.plan(kernel.program(), for: machine), pool: ThreadPool(threads: 1))
    input = try AlignedMemory(byteCount: 4 * Self.capacity)
    output = try AlignedMemory(byteCount: 4 * Self.capacity)
    arguments = UnsafeMutableBufferPointer(
      start: input.pointer.bindMemory(to: UInt32.self, capacity: Self.capacity), count: Self.capacity)
    results = UnsafeMutableBufferPointer(
      start: output.pointer.bindMemory(to: UInt32.self, capacity: Self.capacity), count: Self.capacity)
  }

  /// `results` of the first `count` of `arguments`, both as bits.
  func evaluate(_ count: Int) throws {
    try executable.launch([
      .buffer(TensorView(.float32, input.pointer, shape: [count])),
      .buffer(TensorView(.float32, output.pointer, shape: [count])),
    ])
  }
}
