import MachineIR
import TileIR

/// Why a kernel cannot be printed for a machine, by the name of what it lacks.
public struct EmissionRefusal: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// Prints machine kernels as C for clang.
public enum EmitC {
  /// The version of the calling convention between a host and a printed kernel; part of cache keys.
  public static let callingConvention = 1

  /// One C file with all of `kernels`. It includes no header, so it compiles for any target alone.
  ///
  /// Throws `EmissionRefusal` where the machine lacks what a kernel uses.
  public static func source(
    _ kernels: [MachineKernel], machine: MachineDescription, program: Program
  ) throws -> String {
    var prelude = Prelude(machine: machine)
    var functions: [String] = []
    for kernel in kernels {
      var printer = Printer(prelude: prelude)
      functions.append(try printer.function(kernel))
      prelude = printer.prelude
    }
    return """
      // \(program.name) for \(machine.name), from \(program.location).
      \(runtime)
      \(prelude.text)
      \(functions.joined(separator: "\n"))
      """
  }

  /// What every file begins with: fixed-width integers, the launch record, byte copies and the status.
  private static let runtime = """
    typedef signed char int8_t;
    typedef unsigned char uint8_t;
    typedef short int16_t;
    typedef unsigned short uint16_t;
    typedef int int32_t;
    typedef unsigned int uint32_t;
    typedef long int64_t;
    typedef unsigned long uint64_t;

    // What a launch gives a kernel: buffers, then integers (the kernel's own, then the byte offset of
    // each on-chip array), floats, and a status that keeps the first failed check.
    typedef struct {
      void *const *buffers;
      const int64_t *integers;
      const float *floats;
      int32_t *status;
    } tessera_launch;

    static inline void tessera_copy(void *to, const void *from, int64_t bytes) {
      __builtin_memcpy(to, from, bytes);
    }

    static inline void tessera_clear(void *to, int64_t bytes) {
      __builtin_memset(to, 0, bytes);
    }

    static inline void tessera_raise(const tessera_launch *launch, int32_t code) {
      int32_t none = 0;
      __atomic_compare_exchange_n(launch->status, &none, code, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    }

    """
}
