import ArgumentParser

/// `gpu-check`: whether a GPU returns the reference's bits, and how fast it is.
@main
struct GPUCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gpu-check",
    abstract: "Check on an NVIDIA GPU that every operator returns the reference's bits, and time it.",
    discussion: """
      `pack` runs where NVRTC is: it writes a folder with this program, machine code of every operator for each \
      target, and the hashes that the reference computed. `run` needs that folder and NVIDIA's driver, nothing \
      else: no toolchain, no compiler.
      """,
    subcommands: [Pack.self, RunChecks.self])
}
