import Foundation
import Runtime

/// Texts of prompts that a checkpoint brings along in its `encoding` folder, as string literals of the
/// Python code there. They are known by their digests: what is used is what the model was trained on.
public struct FixedTexts: Sendable {
  /// SHA-256 of the texts of one revision of the encoding.
  public struct Digests: Sendable {
    let maximumEffort: String
    let toolsBefore: String
    let toolsAfter: String

    public init(maximumEffort: String, toolsBefore: String, toolsAfter: String) {
      self.maximumEffort = maximumEffort
      self.toolsBefore = toolsBefore
      self.toolsAfter = toolsAfter
    }

    /// The first releases of V4-Flash and V4-Pro.
    public static let preview = Digests(
      maximumEffort: "f7a24f3b3050d4a83781e9b755b316aae2ec1d9dc87562541d90bcb04d7350f7",
      toolsBefore: "c7c9042638154a237b5d1bd48be772374a35a4d24c5cacfd1ffbd92703da329c",
      toolsAfter: "690702850fe256512cb1ee67c4e436ecb3e735c71ebee77ca45ff357a75fb5a7")
  }

  /// Where the texts were looked for.
  public let folder: String
  private let isThere: Bool
  private let effortText: String?
  private let toolTexts: (before: String, after: String)?
  private let formatText: String?

  /// Looks for the texts in a model's folder; that there are none is no error until one is needed.
  public init(modelFolder: String, digests: Digests = .preview) throws {
    folder = modelFolder + "/encoding"
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    isThere = ModelFile.exists(folder)
    var literals: [PythonLiteral] = []
    for file in files.sorted() where file.hasSuffix(".py") {
      literals += PythonLiteral.all(in: try ModelFile.bytes(of: folder + "/" + file, atMost: 1 << 20))
    }
    let names = PromptTemplate.names(in: literals)
    let templates = literals.map { PromptTemplate($0, names: names) }
    effortText = literals.map(\.value).first { Self.digest($0) == digests.maximumEffort }
    toolTexts = templates.lazy.compactMap(\.aroundOnePlace).first {
      Self.digest($0.before) == digests.toolsBefore && Self.digest($0.after) == digests.toolsAfter
    }
    formatText = templates.lazy.compactMap(\.aroundOnePlace).filter(\.after.isEmpty)
      .map { String($0.before.trimmingPrefix(/\n+/)) }.first { $0.hasPrefix("## Response Format:\n\n") }
  }

  private static func digest(_ text: String) -> String { ContentHash.digest(Array(text.utf8)) }

  /// What cannot be encoded for want of texts, in a sentence; nil where nothing is missing.
  public var note: String? {
    if effortText != nil, toolTexts != nil, formatText != nil { return nil }
    let missing = [
      effortText == nil ? "reasoning effort max" : nil, toolTexts == nil ? "tools" : nil,
      formatText == nil ? "response formats" : nil,
    ].compactMap(\.self).joined(separator: ", ")
    return isThere
      ? "\(folder) does not hold the known texts for: \(missing); "
        + "plain conversations are encoded as in V4's first release"
      : "this checkpoint has no encoding folder, so there are no texts for: \(missing); "
        + "plain conversations need none"
  }

  /// The lines that ask for the most thinking.
  func maximumEffort() throws -> String { try effortText ?? missing("reasoning effort max") }

  /// What stands before and after the descriptions of tools.
  func tools() throws -> (before: String, after: String) { try toolTexts ?? missing("tools") }

  /// What stands before the schema of an answer.
  func responseFormat() throws -> String { try formatText ?? missing("response formats") }

  private func missing<Result>(_ what: String) throws -> Result {
    throw ModelRefusal(
      folder, expected: "the text for \(what)", found: isThere ? "none that is known" : "no such folder")
  }
}

/// A literal as `str.format` or an f-string fills it in: names that are assigned short literals themselves
/// are put in their places, the others stay open.
struct PromptTemplate {
  /// Markers are short; longer texts are not put in, so that no file can grow beyond bounds.
  private static let longestValue = 256

  /// What may be put in, by name in lower case; of a name that is assigned twice the first counts.
  static func names(in literals: [PythonLiteral]) -> [String: String] {
    let pairs = literals.compactMap { literal in literal.name.map { ($0.lowercased(), literal.value) } }
    return Dictionary(pairs.filter { $0.1.utf8.count <= longestValue }, uniquingKeysWith: { first, _ in first })
  }

  /// Texts around open places; one more than these.
  private(set) var texts: [String] = [""]

  init(_ literal: PythonLiteral, names: [String: String]) {
    var rest = Substring(literal.value)
    while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      texts[texts.count - 1] += rest[..<brace]
      let after = rest.index(after: brace)
      if after < rest.endIndex, rest[after] == rest[brace] {  // {{ or }}
        texts[texts.count - 1].append(rest[brace])
        rest = rest[rest.index(after: after)...]
      } else if rest[brace] == "{", let end = rest[after...].firstIndex(of: "}") {
        if let value = names[rest[after..<end].lowercased()] {
          texts[texts.count - 1] += value
        } else {
          texts.append("")
        }
        rest = rest[rest.index(after: end)...]
      } else {
        texts[texts.count - 1].append(rest[brace])
        rest = rest[after...]
      }
    }
    texts[texts.count - 1] += rest
  }

  /// The texts before and after, where exactly one place is open.
  var aroundOnePlace: (before: String, after: String)? { texts.count == 2 ? (texts[0], texts[1]) : nil }
}
