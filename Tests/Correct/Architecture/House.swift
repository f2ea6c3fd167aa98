import Foundation

/// The table, the manifest and the sources, read from the repository.
struct House {
  struct Floor {
    let name: String
    let imports: [String]
  }

  /// Products of other packages that the table names.
  static let packages: Set<String> = ["ArgumentParser"]
  /// What comes with the toolchain and the system.
  static let platform: Set<String> = ["Foundation", "Synchronization", "Glibc", "Musl", "Darwin"]

  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The rows of the table, in order.
  let floors: [Floor]
  /// The folders of `Sources`.
  let folders: Set<String>
  /// Dependencies by target; targets of tests and examples are left out.
  let manifest: [String: [String]]

  init() {
    floors = Self.table(Self.text("Documentation/architecture.md"))
    let sources = Self.root.appendingPathComponent("Sources")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: sources.path)) ?? []
    folders = Set(names.filter { !$0.hasPrefix(".") })
    manifest = Self.targets(Self.text("Package.swift"))
  }

  static func text(_ path: String) -> String {
    (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
  }

  /// The first table whose heading begins with "module".
  static func table(_ document: String) -> [Floor] {
    let lines = document.split(separator: "\n", omittingEmptySubsequences: false)
    guard let heading = lines.firstIndex(where: { $0.hasPrefix("| module ") }) else { return [] }
    return lines[(heading + 2)...].prefix { $0.hasPrefix("|") }.map { row in
      let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      func names(_ cell: String) -> [String] {
        cell.split(separator: "`").enumerated().filter { $0.offset % 2 == (cell.hasPrefix("`") ? 0 : 1) }
          .map { String($0.element) }
      }
      return Floor(name: names(cells[0])[0], imports: names(cells[2]))
    }
  }

  /// Targets that are not for tests and lie in `Sources`, with the names in their dependencies; a product
  /// counts by its own name.
  static func targets(_ manifest: String) -> [String: [String]] {
    var found: [String: [String]] = [:]
    for start in [".target(", ".executableTarget("].flatMap({ manifest.ranges(of: $0) }) {
      let call = balanced(manifest[start.upperBound...], "(", ")")
      guard !call.contains("path:"), let name = call.firstMatch(of: /name: "([^"]+)"/)?.1 else { continue }
      var list = ""
      if let key = call.firstRange(of: "dependencies: [") {
        list = String(balanced(call[key.upperBound...], "[", "]"))
      }
      let plain = list.replacing(/\.product\(\s*name: ("[^"]+")[^)]*\)/) { String($0.output.1) }
      found[String(name)] = plain.matches(of: /"([^"]+)"/).map { String($0.output.1) }
    }
    return found
  }

  /// What stands before the bracket that closes one opened just before `text`.
  private static func balanced(_ text: Substring, _ open: Character, _ close: Character) -> Substring {
    var depth = 1
    for index in text.indices {
      if text[index] == open { depth += 1 }
      if text[index] == close { depth -= 1 }
      if depth == 0 { return text[..<index] }
    }
    return text
  }

  /// Everything that a floor's row reaches, the row's floor itself left out.
  func reach(of name: String) -> Set<String> {
    var reached: Set<String> = []
    var open = floors.first { $0.name == name }?.imports ?? []
    while let next = open.popLast() {
      guard reached.insert(next).inserted else { continue }
      open += floors.first { $0.name == next }?.imports ?? []
    }
    return reached
  }

  /// The Swift sources of a module, at any depth.
  func sources(of module: String) throws -> [URL] {
    let folder = Self.root.appendingPathComponent("Sources/\(module)")
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    return paths.filter { $0.hasSuffix(".swift") }.map { folder.appendingPathComponent($0) }
  }

  /// The modules that each Swift source of a module imports.
  func imports(of module: String) throws -> [(file: String, imports: [String])] {
    let form = /^\s*(?:@\w+ |public |package |internal |private |fileprivate )*import (?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+)/
      .anchorsMatchLineEndings()
    return try sources(of: module).map { file in
      let text = try String(contentsOf: file, encoding: .utf8)
      return (file.lastPathComponent, text.matches(of: form).map { String($0.output.1) })
    }
  }
}
