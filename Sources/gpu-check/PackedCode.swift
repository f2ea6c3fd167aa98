import EmitCUDA
import Foundation
import MachineIR
import Runtime
import TileIR

/// The machine code in a packed folder. A plan's is found by the text that it was compiled from, so that a program
/// which would emit another text does not find what is not its own.
struct PackedCode {
  let folder: URL

  /// Compiles a plan into the folder, unless it is there.
  func add(_ plan: Plan) throws {
    let file = try file(of: plan)
    guard !FileManager.default.fileExists(atPath: file.path) else { return }
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try KernelCache.standard.code(of: plan).code.image.write(to: file)
  }

  /// Throws where the folder has none.
  func image(of plan: Plan) throws -> Data {
    let file = try file(of: plan)
    guard let image = try? Data(contentsOf: file) else {
      throw CheckFailure("\(file.path) cannot be read; machine code of \(plan.program.name) is expected")
    }
    return image
  }

  private func file(of plan: Plan) throws -> URL {
    let text = try EmitCUDA.source(kernels: plan.kernels, machine: plan.machine, program: plan.program)
    let hash = ContentHash.digest(text.utf8).prefix(16)
    return folder.appendingPathComponent("kernels/\(plan.machine.name)/\(plan.program.name)-\(hash).cubin")
  }
}
