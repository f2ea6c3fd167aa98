import Foundation
import JSON

/// Where the project keeps models and fixtures.
enum ModelFiles {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let tiny = root + "/Fixtures/v4-tiny"
  static let nano = root + "/Models/v4-nano"

  static func object(_ path: String) throws -> JSONObject {
    try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path)))).object!
  }
}

extension JSONObject {
  /// With one field set, or removed by nil; a dot leads into an object.
  func setting(_ path: String, to value: JSONValue?) -> JSONObject {
    let keys = path.split(separator: ".", maxSplits: 1).map(String.init)
    var new = value
    if keys.count == 2 { new = .object((self[keys[0]]?.object ?? JSONObject([])).setting(keys[1], to: value)) }
    var found = false
    var members: [Member] = []
    for member in self.members {
      if member.key != keys[0] {
        members.append(member)
      } else if let new {
        members.append(Member(keys[0], new))
        found = true
      }
    }
    if let new, !found { members.append(Member(keys[0], new)) }
    return JSONObject(members)
  }
}
