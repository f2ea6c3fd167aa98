import DeviceModel
import Runtime

/// An Ascend kernel written for a test, in which faults replace lines.
enum PlantedKernel {
  /// The kernel's lines, each after a note with its number.
  static func body(_ lines: [String], _ change: [Int: String]) -> String {
    lines.enumerated().map { number, line in "  // Planted.swift:\(number)\n  \(change[number] ?? line)" }
      .joined(separator: "\n")
  }

  /// Compiles a text whose kernel is named `planted`, and runs a launch of it.
  static func run(
    _ text: String, _ launch: PipeLaunch, buffers: inout [DeviceBuffer], order: PipeOrder
  ) throws -> [PipeReport] {
    let program = try KernelCache.standard.pipeProgram(of: text, kernels: ["planted"])
    return try program.run([launch], buffers: &buffers, order: order, timeLimit: 20).reports
  }
}
