/// Why a library or a symbol could not be had, with all that a person needs to put it right.
public enum DynamicLibraryError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One call of the loader and its answer.
  public struct Attempt: Error, Sendable, Equatable {
    public let path: String
    public let message: String
  }

  /// None of the candidates could be opened.
  case notFound(candidates: [String], directories: [String], attempts: [Attempt])
  /// The library is open and does not define the symbol, or it was closed.
  case noSymbol(name: String, library: String, message: String)

  public var description: String {
    switch self {
    case .notFound(let candidates, let directories, let attempts):
      let places = directories + ["the loader's own search path"]
      let head = """
        no library opened: looked for \(candidates.joined(separator: ", ")) \
        in \(places.joined(separator: ", "))
        """
      return ([head] + attempts.map { "  \($0.path): \($0.message)" }).joined(separator: "\n")
    case .noSymbol(let name, let library, let message):
      return "no symbol \(name) in \(library): \(message)"
    }
  }
}
