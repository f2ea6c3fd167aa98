import Foundation
import JSON

/// The tensors of a model's folder: one `model.safetensors`, or several files that
/// `model.safetensors.index.json` lists.
public final class SafetensorsCheckpoint: Sendable {
  public static let singleName = "model.safetensors"
  public static let indexName = "model.safetensors.index.json"
  /// A longer index is refused.
  static let longestIndex = 1 << 28

  public let folder: String
  /// Every file, by its name.
  public let files: [SafetensorsFile]
  private let places: [String: Int]

  /// Opens and checks every file; only headers are read. With both the single file and an index, the
  /// single file counts.
  ///
  /// - Throws: `SafetensorsError` for what a file of its own is refused for, for a listed file or tensor
  ///   that is missing, and for a tensor that is not listed or stands in two files.
  public init(folder: String) throws {
    self.folder = folder
    let single = folder + "/" + Self.singleName
    let index = folder + "/" + Self.indexName
    if FileManager.default.fileExists(atPath: single) {
      files = [try SafetensorsFile(path: single)]
    } else if FileManager.default.fileExists(atPath: index) {
      files = try Self.shards(of: folder, listedIn: index)
    } else {
      throw SafetensorsError(
        file: folder, expected: "\(Self.singleName) or \(Self.indexName)", found: "neither")
    }
    var places: [String: Int] = [:]
    for (number, file) in files.enumerated() {
      for record in file.records { places[record.name] = number }
    }
    self.places = places
  }

  /// The tensor of a name, or nil.
  public subscript(name: String) -> StoredTensor? { places[name].flatMap { files[$0][name] } }

  /// Every tensor's record, file by file, in order of their bytes.
  public var records: some Sequence<TensorRecord> { files.lazy.flatMap(\.records) }

  private static func shards(of folder: String, listedIn index: String) throws -> [SafetensorsFile] {
    func refuse(_ tensor: String?, _ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(file: index, tensor: tensor, expected: expected, found: found)
    }
    let map = try weightMap(index)
    let files = try Set(map.values).sorted().map { try SafetensorsFile(path: folder + "/" + $0) }
    var count = 0
    for file in files {
      let name = URL(fileURLWithPath: file.path).lastPathComponent
      for record in file.records {
        guard let listed = map[record.name] else {
          throw refuse(record.name, "every tensor listed", "one in \(name) that is not")
        }
        guard listed == name else {
          throw refuse(record.name, "the tensor in \(listed) alone", "one in \(name)")
        }
        count += 1
      }
    }
    if count < map.count {
      let there = Set(files.flatMap { $0.records.map(\.name) })
      let missing = map.keys.filter { !there.contains($0) }.min()!
      throw refuse(missing, "the tensor in \(map[missing]!)", "none of this name there")
    }
    return files
  }

  /// The index's `weight_map`: for each tensor the name of its file.
  private static func weightMap(_ index: String) throws -> [String: String] {
    let file = try MappedFile(path: index)
    guard file.byteCount <= longestIndex else {
      throw SafetensorsError(
        file: index, expected: "at most \(longestIndex) bytes", found: "\(file.byteCount)")
    }
    var map: [String: String]?
    var reader = JSONReader(Array(file.bytes))
    do {
      try reader.object { reader, key in
        guard key == "weight_map" else { return try reader.skip() }
        var found: [String: String] = [:]
        try reader.object { reader, tensor in
          let name = try reader.string()
          // A path could lead out of the folder.
          guard !name.contains("/"), name.hasSuffix(".safetensors") else {
            throw reader.mistake("the name of a .safetensors file expected, \(name.jsonLiteral) found")
          }
          found[tensor] = name
        }
        map = found
      }
      try reader.end()
    } catch let error as JSONError {
      throw SafetensorsError(file: index, expected: "a JSON index", cause: error)
    }
    guard let map else {
      throw SafetensorsError(file: index, expected: "a weight_map", found: "none")
    }
    return map
  }
}
