import DeviceModel
import Foundation
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
    let clang = try Clang.find().path
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("planted-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let program = try PipeCompiler(clang: clang).compile(
      text, kernels: ["planted"], to: folder.appendingPathComponent("planted.run"))
    return try program.run([launch], buffers: &buffers, order: order, timeLimit: 20).reports
  }
}
