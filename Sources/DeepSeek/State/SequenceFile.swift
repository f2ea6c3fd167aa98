import Runtime
import Safetensors

/// A sequence in a file: a safetensors file of its tokens and caches, whose metadata say to which model they
/// belong, with the SHA-256 of everything.
extension Sequences {
  private static let format = "tessera sequence 1"
  private static let tokensName = "tokens"

  /// Writes a sequence to a file, whole or not at all. Equal histories give equal bytes.
  public func save(_ sequence: Int, to path: String) throws {
    let ids = tokens[sequence].withUnsafeBytes { Array($0) }
    var tensors = [(name: Self.tokensName, bytes: ids)]
    for buffer in memory.buffers {
      let count = usedBytes(of: buffer, length: length(sequence))
      tensors.append((buffer.name, memory.read(buffer.name, row: sequence, count: count)))
    }
    var metadata = ["format": Self.format, "model": model, "longest_draft": "\(room.longestDraft)"]
    metadata["sha256"] = Self.digest(metadata, tensors)
    try SafetensorsFile.write(
      tensors.map { OutgoingTensor($0.name, .uint8, [$0.bytes.count], bytes: $0.bytes) }, metadata: metadata,
      to: path)
  }

  /// Replaces a sequence by one that `save` wrote.
  ///
  /// Throws where the file is damaged, was written for another model or needs more room than there is; then
  /// the sequence is as it was.
  public func restore(_ sequence: Int, from path: String) throws {
    func refuse(_ expected: String, _ found: String, in tensor: String? = nil) -> SafetensorsError {
      SafetensorsError(file: path, tensor: tensor, expected: expected, found: found)
    }
    let file = try SafetensorsFile(path: path)
    var metadata = file.metadata
    guard metadata["format"] == Self.format else {
      throw refuse("the format \(Self.format)", metadata["format"] ?? "none")
    }
    func bytes(_ name: String) throws -> [UInt8] {
      guard let tensor = file[name], tensor.type == .uint8 else { throw refuse("a tensor of bytes", "none", in: name) }
      return Array(tensor.bytes)
    }
    let digest = metadata.removeValue(forKey: "sha256")
    let tensors = try file.records.map { (name: $0.name, bytes: try bytes($0.name)) }
    guard Self.digest(metadata, tensors) == digest else {
      throw refuse("contents with the SHA-256 \(digest ?? "of the metadata")", "damaged ones")
    }
    guard metadata["model"] == model else {
      throw refuse("a sequence of \(model)", "one of \(metadata["model"] ?? "no model")")
    }
    guard metadata["longest_draft"] == "\(room.longestDraft)" else {
      throw refuse("rings with room for drafts of \(room.longestDraft)", metadata["longest_draft"] ?? "none")
    }
    let ids = try bytes(Self.tokensName)
    let tokens = (0..<ids.count / 4).map { at in
      ids.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4 * at, as: Int32.self) }
    }
    guard tokens.count <= room.context else {
      throw refuse("at most \(room.context) tokens, for which there is room", "\(tokens.count)")
    }
    var caches: [(name: String, bytes: [UInt8])] = []
    for buffer in memory.buffers {
      let found = try bytes(buffer.name)
      let expected = usedBytes(of: buffer, length: tokens.count)
      guard found.count == expected else {
        throw refuse("\(expected) bytes for \(tokens.count) tokens", "\(found.count)", in: buffer.name)
      }
      caches.append((buffer.name, found))
    }
    replace(sequence, tokens: tokens, contents: caches)
  }

  /// Over the metadata without the digest, and the tensors' names, lengths and bytes, in order of names.
  private static func digest(_ metadata: [String: String], _ tensors: [(name: String, bytes: [UInt8])]) -> String {
    var text: [UInt8] = []
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { text += "\(key)\0\(value)\0".utf8 }
    for (name, bytes) in tensors.sorted(by: { $0.name < $1.name }) {
      text += "\(name)\0\(bytes.count)\0".utf8
      text += bytes
    }
    return ContentHash.digest(text)
  }
}
