import CFamily
import MachineIR
import TileIR

/// Why a kernel cannot be printed.
public typealias EmissionError = CFamily.EmissionError

/// Prints machine kernels as C for clang: a thin printer that decides nothing.
public enum EmitC {
  /// The version of the interface between kernels and launches; it goes into the identity of objects.
  public static let interfaceVersion = 1

  /// One C file: the types and inline functions that these kernels use, then a function a kernel.
  ///
  /// Each is `void NAME(const tessera_launch *launch, int64_t first, int64_t last, unsigned char *scratch)`
  /// and works on the cells `first..<last`; NAME is `symbol(of:)`. `launch->buffers` follow
  /// `kernel.buffers`, `launch->integers` are the kernel's scalars and then the byte offset of each
  /// scratch array (`MachineKernel.scratchLayout`), `launch->floats` follow `kernel.floats`. The text
  /// needs no header and no library but `memset` and `memcpy`, and clang's `-ffp-contract=off -fwrapv`.
  ///
  /// - Throws: `EmissionError` that names a kernel and what the machine lacks for it, or two kernels of
  ///   one name.
  public static func source(
    kernels: [MachineKernel], machine: MachineDescription, program: Program
  ) throws(EmissionError) -> String {
    let prelude = Prelude(machine: machine)
    for scalar in ["u8", "i32", "i64", "f32"] { prelude.vector(scalar, 1) }
    let functions = try printed(kernels, machine: machine) { kernel in
      var printer = KernelPrinter(kernel, program: program, prelude: prelude)
      return try printer.print()
    }
    let head = "// \(program.name) for \(machine.name), from \(program.location)"
    let parts = [head, prelude.typedefs.joined(separator: "\n"), launch] + prelude.functions + functions
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// The name of a kernel's C function: the kernel's own, except where C gives it another meaning.
  public static func symbol(of kernel: MachineKernel) -> String { CNames.symbol(kernel.name) }

  private static let launch = """
    // What a launch passes to every cell.
    typedef struct {
      void *const *buffers;
      const i64 *integers;
      const f32 *floats;
      i32 *status;
    } tessera_launch;
    """
}
