import MachineIR
import Proofs
import Runtime
import TileIR

extension AscendPackage {
  /// `README.md`: what the package is, how it is built and run, and what its answer means.
  struct Description {
    let text: String

    init(
      title: String, command: String, machine: MachineDescription, _ program: Program, _ launch: AscendLaunch,
      _ host: HostProgram, _ expected: [String: HostTensor]
    ) {
      var rows: [String] = []
      for (number, buffer) in launch.buffers.enumerated() {
        guard case .parameter(let position) = buffer.purpose else { continue }
        let parameter = program.parameters[position]
        let type = "\(parameter.element.rawValue) [\(parameter.axes.map(\.name).joined(separator: ", "))]"
        if parameter.role != .output {
          rows.append(
            "| `\(host.file(of: number))` | \(parameter.role.rawValue) `\(parameter.name)`, \(type) |")
        }
        if let tensor = expected[parameter.name] {
          rows.append(
            "| `\(host.expectedFile(of: number))` | the expected bits of `\(parameter.name)`, \(type), "
              + "\(tensor.shape) |")
        }
      }
      let kernels = launch.kernels.map { kernel in
        let cores =
          switch kernel.call.vectorCoresOfCube {
          case 0: "vector cores"
          case 1: "groups of a cube core and a vector core"
          default: "groups of a cube core and two vector cores"
          }
        return "`\(kernel.call.kernel)` on \(kernel.call.blocks) \(cores)"
      }
      text = """
        # \(title)

        One launch of an operator as Ascend C for \(machine.name), with the bits that it must return. Written by
        `\(command)`.

        \(AscendPackage.buildInstructions)

        ## The answer

        | status | means |
        |---|---|
        | 0 | every bit of every result is as expected |
        | 1 | some are not: how many elements of each result differ, and the first of them with both its bits |
        | 2 | it could not be found out: AscendCL refused something, a file is missing or has another size |

        Results start as the complement of what is expected, so an element that no kernel writes differs. The
        expected bits are the reference interpreter's; every Tessera target returns the same.

        ## Files

        | file | holds |
        |---|---|
        | `kernels.cpp` | the kernels, in Ascend C |
        | `main.cpp` | the launch: memory, kernels in order with all their numbers, comparisons |
        | `device.h` | what `main.cpp` uses of AscendCL |
        | `CMakeLists.txt` | the build |
        | `SHA256SUMS` | the hash of every other file |
        \(rows.joined(separator: "\n"))

        Tensors are row-major and little-endian, elements of 4 bits two to a byte with the first one low. Kernels in
        order: \(kernels.isEmpty ? "none, since the launch is empty" : kernels.joined(separator: ", ")).

        \(AscendPackage.assumptions)

        """
    }
  }

  /// How a package is built and run.
  static let buildInstructions = """
    ## Build and run

    It takes a machine with such a chip, its driver, CANN 8 or newer with the compiler of Ascend C, CMake 3.16
    and a C++17 compiler.

    ```
    sha256sum --check --quiet SHA256SUMS
    source /usr/local/Ascend/ascend-toolkit/set_env.sh
    cmake -B build -DSOC_VERSION=Ascend910B1   # the chip as `npu-smi info` names it
    cmake --build build
    build/check                                # device 0, in this folder; or: build/check DEVICE FOLDER
    ```
    """

  static let assumptions = """
    ## If bits differ

    Nothing here has met a chip before it met yours. What the kernels suppose of it, beyond the proofs:

    \(AscendAssumption.allCases.map { "- `\($0.rawValue)`: \($0.sentence)" }.joined(separator: "\n"))
    """
}
