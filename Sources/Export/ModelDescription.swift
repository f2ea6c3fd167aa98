import MachineIR
import Proofs

/// `README.md` of a model's package.
struct ModelDescription {
  let text: String

  init(
    title: String, command: String, machine: MachineDescription,
    runs: [(name: String, launches: Int, bytes: Int)], kernels: Int, programs: Int
  ) {
    let rows = runs.map { "| \($0.name) | \($0.launches) | \($0.bytes) |" }
    text = """
      # \(title)

      Runs of a model as Ascend C for \(machine.name): every kernel of every launch, with the bits that it must leave.
      Written by `\(command)`.

      \(AscendPackage.buildInstructions)

      ## The answer

      | status | means |
      |---|---|
      | 0 | every launch of every run left the expected bits |
      | 1 | some did not: the run, the launch and the operator, how many elements differ, and the first with both its bits |
      | 2 | it could not be found out: AscendCL refused something, a file is missing, a line of `runs.txt` makes no sense |

      A result that differs is replaced by the expected one, so every launch is judged by itself: the first line names
      where the chip went another way. Outputs start as the complement of what is expected. The expected bits are those
      of a processor; every Tessera target returns the same.

      | run | launches | bytes of inputs and results |
      |---|---|---|
      \(rows.joined(separator: "\n"))

      ## Files

      | file | holds |
      |---|---|
      | `kernels/` | \(kernels) kernels of \(programs) programs, in Ascend C |
      | `kernels.h` | each kernel by its name |
      | `runs.txt` | memory, and the launches of all runs with all their numbers; `main.cpp` says what its lines mean |
      | `main.cpp` | what carries `runs.txt` out |
      | `device.h` | what it uses of AscendCL |
      | `data/memory_*.bin` | weights and tables, as the model's kernels are given them |
      | `data/*.bin` | a run's inputs and the expected results |
      | `CMakeLists.txt` | the build |
      | `SHA256SUMS` | the hash of every other file |

      \(AscendPackage.assumptions)

      """
  }
}
