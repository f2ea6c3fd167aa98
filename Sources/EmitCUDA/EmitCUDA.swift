import CFamily
import MachineIR
import TileIR

/// Why a kernel cannot be printed.
public typealias EmissionError = CFamily.EmissionError

/// Prints machine kernels as CUDA C++: a thin printer that decides nothing.
public enum EmitCUDA {
  /// The version of the interface between kernels and launches; it goes into the identity of objects.
  public static let interfaceVersion = 1

  /// The compiler options that keep the numeric contract: no contraction, subnormals kept, division and square
  /// root correctly rounded.
  public static let options = [
    "--std=c++17", "-fmad=false", "-ftz=false", "-prec-div=true", "-prec-sqrt=true",
  ]

  /// One file: the types and device functions that these kernels use, then a function a kernel.
  ///
  /// An agent works on a cell at a time, and agents take cells in turns, so that any grid is right; a block has
  /// `WarpLaunch.threadsPerBlock` threads. Kernels whose agents are blocks stand in a namespace of their own, since a
  /// vector's lanes lie elsewhere in them. Parameters are the kernel's buffers, the numbers of its `WarpLaunch`,
  /// its floats, a pointer to the status, and, where the launch uses it, a base in device memory. The text needs
  /// no header and the options above.
  ///
  /// - Throws: `EmissionError` that names a kernel and what the machine lacks for it, or two kernels of one name.
  public static func source(
    kernels: [MachineKernel], machine: MachineDescription, program: Program
  ) throws(EmissionError) -> String {
    let head = """
      // \(program.name) for \(machine.name), from \(program.location)
      // To be compiled with \(options.joined(separator: " ")).
      """
    for (_, same) in Dictionary(grouping: kernels, by: symbol) where Set(same.map(\.vectorWarps)).count > 1 {
      throw EmissionError(kernel: same[0].name, machine: machine.name, message: "another kernel has this name")
    }
    var parts = [head]
    for warps in Set(kernels.map(\.vectorWarps)).sorted() {
      let dialect = CUDADialect(agentWarps: warps)
      for scalar in ["u8", "i32", "i64", "f32"] { dialect.declare(scalar) }
      let those = kernels.filter { $0.vectorWarps == warps }
      let functions = try printed(those, machine: machine) { kernel in
        var printer = KernelPrinter(kernel, program: program, dialect: dialect)
        return try printer.print()
      }
      let own = [dialect.typedefs.joined(separator: "\n")] + dialect.functions + functions
      guard warps > 1 else {
        parts += own
        continue
      }
      let space = "agents_of_\(warps)_warps"
      let names = Set(those.map(symbol)).sorted().map { "using \(space)::\($0);" }
      parts += ["namespace \(space) {"] + own + ["}", names.joined(separator: "\n")]
    }
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// The name of a kernel's function: the kernel's own, except where C gives it another meaning.
  public static func symbol(of kernel: MachineKernel) -> String { CNames.symbol(kernel.name) }
}

extension MachineKernel {
  /// Warps that a vector is striped over.
  fileprivate var vectorWarps: Int { vectorThreads / GPU.warp }
}
