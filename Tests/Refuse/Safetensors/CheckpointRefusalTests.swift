import Foundation
import Safetensors
import Testing
import TileIR

/// Folders whose index and files disagree.
@Suite struct CheckpointRefusalTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["a", "b"] {
      let tensor = OutgoingTensor(name, HostTensor(.float32, [1]))
      try SafetensorsFile.write([tensor], to: folder.file("\(name).safetensors"))
    }
  }

  private func refusal(ofIndex text: String) throws -> String? {
    let path = folder.file("model.safetensors.index.json")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    do {
      _ = try SafetensorsCheckpoint(folder: folder.path)
      return nil
    } catch {
      return "\(error)".replacing(folder.path + "/", with: "")
    }
  }

  @Test func aFolderWithoutTensors() {
    #expect { try SafetensorsCheckpoint(folder: folder.path) } throws: {
      "\($0)" == "\(folder.path): model.safetensors or model.safetensors.index.json expected, neither found"
    }
  }

  @Test(arguments: [
    (#"{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}"#, nil),
    (#"{}"#, "model.safetensors.index.json: a weight_map expected, none found"),
    (#"{"weight_map": {"a": "a.safetensors", "c": "c.safetensors"}}"#,
     "c.safetensors: a file that can be read expected, No such file or directory found"),
    (#"{"weight_map": {"a": "a.safetensors", "c": "b.safetensors"}}"#,
     "model.safetensors.index.json: tensor \"b\": every tensor listed expected, one in b.safetensors that is not found"),
    (#"{"weight_map": {"a": "a.safetensors", "b": "b.safetensors", "c": "b.safetensors"}}"#,
     "model.safetensors.index.json: tensor \"c\": the tensor in b.safetensors expected, none of this name there found"),
    (#"{"weight_map": {"a": "b.safetensors", "b": "a.safetensors"}}"#,
     "model.safetensors.index.json: tensor \"a\": the tensor in b.safetensors alone expected, one in a.safetensors found"),
    (#"{"weight_map": {"a": "../a.safetensors"}}"#,
     "model.safetensors.index.json: a JSON index expected; line 1, column 40: "
       + "the name of a .safetensors file expected, \"../a.safetensors\" found"),
    (#"{"weight_map": {"a": "a.safetensors", "a": "a.safetensors"}}"#,
     "model.safetensors.index.json: a JSON index expected; line 1, column 39: "
       + "the key \"a\" stands twice in one object"),
  ] as [(String, String?)])
  func indices(text: String, message: String?) throws {
    #expect(try refusal(ofIndex: text) == message)
  }

  /// A tensor that stands in two files has no one meaning.
  @Test func aTensorInTwoFiles() throws {
    try SafetensorsFile.write(
      [OutgoingTensor("a", HostTensor(.float32, [1])), OutgoingTensor("c", HostTensor(.float32, [1]))],
      to: folder.file("c.safetensors"))
    let found = try refusal(
      ofIndex: #"{"weight_map": {"a": "a.safetensors", "b": "b.safetensors", "c": "c.safetensors"}}"#)
    #expect(
      found == "model.safetensors.index.json: tensor \"a\": the tensor in a.safetensors alone expected, "
        + "one in c.safetensors found")
  }
}
