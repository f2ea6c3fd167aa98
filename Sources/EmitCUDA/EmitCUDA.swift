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
  /// A warp works on a cell at a time, and warps take cells in turns, so that any grid is right; a block has
  /// `WarpLaunch.threadsPerBlock` threads. Parameters are the kernel's buffers, the numbers of its `WarpLaunch`,
  /// its floats, a pointer to the status, and, where the launch uses it, a base in device memory. The text needs
  /// no header and the options above.
  ///
  /// - Throws: `EmissionError` that names a kernel and what the machine lacks for it, or two kernels of one name.
  public static func source(
    kernels: [MachineKernel], machine: MachineDescription, program: Program
  ) throws(EmissionError) -> String {
    let dialect = CUDADialect()
    for scalar in ["u8", "i32", "i64", "f32"] { dialect.declare(scalar) }
    let functions = try printed(kernels, machine: machine) { kernel in
      var printer = KernelPrinter(kernel, program: program, dialect: dialect)
      return try printer.print()
    }
    let head = """
      // \(program.name) for \(machine.name), from \(program.location)
      // To be compiled with \(options.joined(separator: " ")).
      """
    let parts = [head, dialect.typedefs.joined(separator: "\n")] + dialect.functions + functions
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// The name of a kernel's function: the kernel's own, except where C gives it another meaning.
  public static func symbol(of kernel: MachineKernel) -> String { CNames.symbol(kernel.name) }
}
