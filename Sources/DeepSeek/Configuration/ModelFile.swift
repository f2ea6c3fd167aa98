import Foundation
import JSON
import Safetensors

/// A small file of a model's folder, read whole.
enum ModelFile {
  /// The bytes of a file that must not be longer than `longest`.
  static func bytes(of path: String, atMost longest: Int) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    guard file.byteCount <= longest else {
      throw ModelRefusal(path, expected: "at most \(longest) bytes", found: "\(file.byteCount)")
    }
    return Array(file.bytes)
  }

  /// The object that a JSON file holds.
  static func object(in path: String, atMost longest: Int = 1 << 22) throws -> JSONObject {
    let bytes = try bytes(of: path, atMost: longest)
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes) } catch {
      throw ModelRefusal(path, expected: "JSON", found: "a mistake in \(error)")
    }
    guard let object = value.object else {
      throw ModelRefusal(path, expected: "an object", found: value.kind.rawValue)
    }
    return object
  }

  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
