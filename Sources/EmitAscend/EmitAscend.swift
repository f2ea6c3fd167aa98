import CFamily
import MachineIR
import TileIR

/// Why a kernel cannot be printed.
public typealias EmissionError = CFamily.EmissionError

/// Prints pipe programs as Ascend C, the basic API with explicit addresses and events: a thin printer that decides
/// nothing.
public enum EmitAscend {
  /// One file: a function for each kernel, for vector cores alone.
  ///
  /// Parameters of a function are the kernel's buffers, its numbers, its floats and the number of cells, which blocks
  /// take in turns. Its name ends in `suffix`, for texts of several programs that become one library.
  public static func source(
    kernels: [PipeKernel], machine: MachineDescription, program: Program, suffix: String = ""
  ) throws(EmissionError) -> String {
    let definitions = Definitions()
    var functions: [String] = []
    for kernel in kernels {
      do {
        var printer = PipeKernelPrinter(
          kernel, named: symbol(of: kernel.source) + suffix, program, definitions,
          capacity: machine.npu?.unifiedBufferBytes ?? 0)
        functions.append(try printer.print())
      } catch let refusal as Refusal {
        throw EmissionError(kernel: kernel.source.name, machine: machine.name, message: refusal.message)
      } catch {
        throw EmissionError(kernel: kernel.source.name, machine: machine.name, message: "\(error)")
      }
    }
    let head = """
      // \(program.name) for \(machine.name), from \(program.location)
      #include "kernel_operator.h"
      using namespace AscendC;
      """
    return ([head] + definitions.functions + functions).joined(separator: "\n\n") + "\n"
  }

  /// The name of a kernel's function.
  public static func symbol(of kernel: MachineKernel) -> String { CNames.symbol(kernel.name) }
}
