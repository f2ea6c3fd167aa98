import TileIR

/// The typedefs and functions that a generated file begins with, each once, after those it needs.
open class Definitions {
  package private(set) var typedefs: [String] = []
  package private(set) var functions: [String] = []
  private var known: Set<String> = []
  /// Scalar functions by their name in the text, to tell apart two of one name.
  private var scalarFunctions: [String: ScalarFunction] = [:]

  public init() {}

  /// Adds a typedef once.
  package func addType(_ name: String, _ text: @autoclosure () -> String) {
    if known.insert(name).inserted { typedefs.append(text()) }
  }

  /// Adds the text of a function once; `text` may ask for other functions, which come before it.
  @discardableResult
  package func add(_ name: String, _ text: () throws -> String) rethrows -> String {
    guard !known.contains(name) else { return name }
    let definition = try text()
    known.insert(name)
    functions.append(definition)
    return name
  }

  package func isKnown(_ name: String) -> Bool { known.contains(name) }

  /// The name of a scalar function: its own, numbered where another body has the name.
  package func name(of function: ScalarFunction) -> String {
    let legal = CNames.legal(function.name)
    var name = legal
    var number = 2
    while let other = scalarFunctions[name], other != function {
      name = "\(legal)_\(number)"
      number += 1
    }
    scalarFunctions[name] = function
    return name
  }
}
