import DeepSeek
import Foundation
import Runtime
import Safetensors

/// The tiny random checkpoint with golden data, and the trained one.
struct ModelFixture {
  static let tiny = ModelFixture("Fixtures/v4-tiny")
  static let nano = ModelFixture("Models/v4-nano")

  let folder: String

  private init(_ path: String) {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    folder = root.appendingPathComponent(path).path
  }

  func configuration() throws -> Configuration { try Configuration(folder: folder) }

  func store() throws -> any WeightStore { try FileStore(path: folder + "/model.safetensors") }

  /// Results of independent implementations.
  func golden() throws -> SafetensorsFile { try SafetensorsFile(path: folder + "/golden.safetensors") }
}

/// A file whose tensors have the names that the model uses.
private final class FileStore: WeightStore {
  private let file: SafetensorsFile

  init(path: String) throws { file = try SafetensorsFile(path: path) }

  func tensor(named name: String) throws -> WeightTensor {
    guard let tensor = file[name].flatMap(WeightTensor.init) else { throw RuntimeError("no tensor \(name)") }
    return tensor
  }
}
