import Foundation
import Safetensors
import Testing
import TileIR

@Suite struct SafetensorsTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  private var everyType: [(name: String, tensor: HostTensor)] {
    ElementType.allCases.enumerated().flatMap { number, element in
      [[], [3, 2], [2, 0, 4], [1, 1, 6]].filter { element.bitWidth > 4 || $0.last ?? 1 % 2 == 0 }.map { shape in
        let count = shape.reduce(1, *)
        let top: UInt32 = element == .bool ? 1 : element.bitWidth == 32 ? .max : 1 << UInt32(element.bitWidth) - 1
        let codes = (0..<count).map { UInt32(truncatingIfNeeded: ($0 + number + 1) &* 2_654_435_761) & top }
        return ("\(element.rawValue).\(shape)", HostTensor(element, shape, codes: codes))
      }
    }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let path = folder.file("all.safetensors")
    let tensors = everyType
    try SafetensorsFile.write(
      tensors.map { OutgoingTensor($0.name, $0.tensor) }, metadata: ["format": "é\n\"", "step": "3"], to: path)
    #expect(folder.names == ["all.safetensors"])
    let file = try SafetensorsFile(path: path)
    #expect(file.metadata == ["format": "é\n\"", "step": "3"])
    #expect(file.records.count == tensors.count)
    for (name, tensor) in tensors {
      let stored = try #require(file[name])
      #expect(stored.isAligned)
      #expect(stored.byteCount == tensor.bytes.count)
      #expect(try stored.tensor(as: tensor.element) == tensor)
      if tensor.element.bitWidth != 4 { #expect(try file.tensor(name) == tensor) }
    }
  }

  @Test func equalContentsMakeEqualFiles() throws {
    let tensors = everyType.map { OutgoingTensor($0.name, $0.tensor) }
    let paths = ["one", "two"].map(folder.file)
    try SafetensorsFile.write(tensors, metadata: ["a": "1", "b": "2", "c": "3"], to: paths[0])
    try SafetensorsFile.write(tensors.reversed(), metadata: ["c": "3", "a": "1", "b": "2"], to: paths[1])
    #expect(try Data(contentsOf: URL(fileURLWithPath: paths[0])) == Data(contentsOf: URL(fileURLWithPath: paths[1])))
  }

  @Test func aFileWithoutTensors() throws {
    try SafetensorsFile.write([], to: folder.file("none"))
    #expect(try SafetensorsFile(path: folder.file("none")).records.isEmpty)
  }

  @Test func integersOfEveryWidth() throws {
    let path = folder.file("integers")
    let wide: [Int64] = [.min, -1, 0, .max]
    try wide.withUnsafeBytes { bytes in
      try SafetensorsFile.write(
        [
          OutgoingTensor("wide", .int64, [4], memory: bytes),
          OutgoingTensor("int32", HostTensor(.int32, [2], integers: [-5, 6])),
          OutgoingTensor("int8", HostTensor(.int8, [2], integers: [-5, 6])),
          OutgoingTensor("uint8", HostTensor(.uint8, [2], integers: [250, 6])),
        ], to: path)
    }
    let file = try SafetensorsFile(path: path)
    #expect(try file["wide"]?.integers() == wide.map(Int.init))
    #expect(try file["int32"]?.integers() == [-5, 6])
    #expect(try file["int8"]?.integers() == [-5, 6])
    #expect(try file["uint8"]?.integers() == [250, 6])
    #expect { try file.tensor("wide") } throws: {
      "\($0)".hasSuffix("a type that tiles have expected, I64, which only integers() reads found")
    }
  }

  /// Data may begin anywhere, as when the header's length is odd.
  @Test func tensorsOffTheirAlignmentAreRead() throws {
    let header = #"{"b":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#
    var bytes = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
    bytes += [7, 0, 0, 0x80, 0x3F]
    let path = folder.file("odd")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let file = try SafetensorsFile(path: path)
    #expect(try file.tensor("f").numbers == [1])
    #expect(try file.tensor("b").integers == [7])
    #expect(file["f"]?.isAligned == false || file["b"]?.isAligned == true)
  }

  @Test func aTensorOutlivesItsFile() throws {
    let path = folder.file("kept")
    try SafetensorsFile.write([OutgoingTensor("x", HostTensor(.float32, [3], numbers: [1, 2, 3]))], to: path)
    let stored = try SafetensorsFile(path: path)["x"]
    try FileManager.default.removeItem(atPath: path)
    #expect(try stored?.tensor().numbers == [1, 2, 3])
  }

  @Test func writingReplacesWhatWasThere() throws {
    let path = folder.file("x")
    for value in [1, 2] as [Float] {
      let old = try? SafetensorsFile(path: path)
      try SafetensorsFile.write([OutgoingTensor("x", HostTensor(.float32, [1], numbers: [value]))], to: path)
      #expect(try SafetensorsFile(path: path).tensor("x").numbers == [value])
      // A file that is open keeps its own bytes.
      if let old { #expect(try old.tensor("x").numbers == [value - 1]) }
    }
  }

  @Test func shardsThatAnIndexLists() throws {
    let tensors = everyType
    var map: [String] = []
    for shard in 0..<3 {
      let mine = tensors.enumerated().filter { $0.offset % 3 == shard }.map(\.element)
      let name = "model-0000\(shard)-of-00003.safetensors"
      try SafetensorsFile.write(mine.map { OutgoingTensor($0.name, $0.tensor) }, to: folder.file(name))
      map += mine.map { "\"\($0.name)\": \"\(name)\"" }
    }
    try Data(#"{"metadata": {"total_size": 5}, "weight_map": {\#(map.joined(separator: ", "))}}"#.utf8)
      .write(to: URL(fileURLWithPath: folder.file("model.safetensors.index.json")))
    let checkpoint = try SafetensorsCheckpoint(folder: folder.path)
    #expect(checkpoint.files.count == 3)
    #expect(Set(checkpoint.records.map(\.name)) == Set(tensors.map(\.name)))
    for (name, tensor) in tensors { #expect(try checkpoint[name]?.tensor(as: tensor.element) == tensor) }
    #expect(checkpoint["other"] == nil)
  }

  @Test func theTinyCheckpoint() throws {
    let checkpoint = try SafetensorsCheckpoint(folder: Self.root + "/Fixtures/v4-tiny")
    #expect(checkpoint.files.count == 1)
    #expect(checkpoint["embed.weight"]?.type == .bfloat16)
    #expect(checkpoint["embed.weight"]?.shape == [512, 256])
    #expect(checkpoint["layers.0.ffn.gate.tid2eid"]?.type == .int64)
    #expect(try checkpoint["layers.0.ffn.gate.tid2eid"]?.integers().allSatisfy { (0..<8).contains($0) } == true)
    #expect(checkpoint.records.allSatisfy { checkpoint[$0.name]?.isAligned == true })
    let golden = try SafetensorsFile(path: Self.root + "/Fixtures/v4-tiny/golden.safetensors")
    #expect(try golden.tensor("ids.5").integers.allSatisfy { (0..<512).contains($0) })
    #expect(try golden.tensor("transformers.logits.5").shape == [5, 512])
  }
}
