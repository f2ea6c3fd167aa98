import Foundation
import MachineIR
import Runtime
import Schedules
import TileIR
import Tiles

/// Kernels that tests of the runtime launch.
enum SmallKernels {
  static let rows = Dimension("rows", in: 0...4096)
  static let width = Dimension("width", 6)

  /// y = x * factor, in `float32`.
  static func scaled(by factor: Float, name: String = "scaled") throws -> Program {
    try Kernel(name) { k in
      let x = k.input("x", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows, width])
      k.parallel(rows) { r in y[r] = x[r] * factor }
    }.program()
  }

  /// Rows of `width` floats.
  static func input(rows: Int, _ value: (Int) -> Float) -> [String: Argument] {
    ["x": .floats([rows, 6], (0..<rows * 6).map(value))]
  }
}

/// A folder that goes with its owner.
final class ScratchFolder {
  let url: URL
  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }

  /// Files of this kind in it.
  func files(_ suffix: String) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == suffix }.sorted { $0.path < $1.path }
  }
}
