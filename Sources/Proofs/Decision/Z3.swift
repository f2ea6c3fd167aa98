import DynamicLibrary
import Foundation

/// The solver, loaded at run time. Each query has a context of its own with a fixed seed and a limit of
/// steps, never of time, so that an answer depends on the query alone.
public final class Z3: Sendable {
  /// How to get it, for messages.
  public static let advice =
    "Z3 is not here: run Scripts/bootstrap, or set TESSERA_Z3 to the path of libz3.so of version 5 "
    + "(pip install z3-solver brings it)"

  private typealias Text = UnsafePointer<CChar>
  private let makeConfiguration: @Sendable @convention(c) () -> OpaquePointer?
  private let setParameter: @Sendable @convention(c) (OpaquePointer?, Text, Text) -> Void
  private let deleteConfiguration: @Sendable @convention(c) (OpaquePointer?) -> Void
  private let makeContext: @Sendable @convention(c) (OpaquePointer?) -> OpaquePointer?
  private let deleteContext: @Sendable @convention(c) (OpaquePointer?) -> Void
  private let evaluate: @Sendable @convention(c) (OpaquePointer?, Text) -> Text?
  private let setErrorHandler:
    @Sendable @convention(c) (OpaquePointer?, (@convention(c) (OpaquePointer?, CInt) -> Void)?) -> Void
  /// Such as `Z3 5.4.1.0`.
  public let version: String
  private let library: DynamicLibrary
  /// Where it was found.
  public var path: String { library.path }

  /// The solver of this machine, or nil: `$TESSERA_Z3`, the project's `.tools`, the system's.
  public static let standard: Z3? = try? Z3()

  public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    library = try DynamicLibrary(
      at: "TESSERA_Z3", in: environment, orNamed: ["libz3.so", "libz3.so.4", "libz3.dylib"],
      inPackage: "z3/lib")
    makeConfiguration = try library.symbol("Z3_mk_config", as: type(of: makeConfiguration))
    setParameter = try library.symbol("Z3_set_param_value", as: type(of: setParameter))
    deleteConfiguration = try library.symbol("Z3_del_config", as: type(of: deleteConfiguration))
    makeContext = try library.symbol("Z3_mk_context", as: type(of: makeContext))
    deleteContext = try library.symbol("Z3_del_context", as: type(of: deleteContext))
    evaluate = try library.symbol("Z3_eval_smtlib2_string", as: type(of: evaluate))
    setErrorHandler = try library.symbol("Z3_set_error_handler", as: type(of: setErrorHandler))
    // Of every engine that draws numbers: a later version may have another default.
    let setGlobal = try library.symbol("Z3_global_param_set", as: (@convention(c) (Text, Text) -> Void).self)
    for engine in ["smt.random_seed", "sat.random_seed", "nlsat.seed"] { setGlobal(engine, "0") }
    let fullVersion = try library.symbol(
      "Z3_get_full_version", as: (@convention(c) () -> UnsafePointer<CChar>).self)
    // `Z3 5.4.1.0`, or the number alone.
    let number = String(cString: fullVersion())
    version = number.hasPrefix("Z3") ? number : "Z3 \(number)"
  }

  /// A solver's answer to a query.
  enum Answer {
    case unsat
    case sat(Counterexample)
    case unknown(String)
  }

  /// Steps after which a query is given up: some seconds of work.
  static let limit = 20_000_000

  func check(_ query: Query) -> Answer {
    let configuration = makeConfiguration()
    setParameter(configuration, "rlimit", "\(Self.limit)")
    let context = makeContext(configuration)
    deleteConfiguration(configuration)
    defer { deleteContext(context) }
    // The default handler ends the process.
    setErrorHandler(context) { _, _ in }
    func run(_ text: String) -> String { evaluate(context, text).map { String(cString: $0) } ?? "" }
    let answer = run(query.text).trimmingCharacters(in: .whitespacesAndNewlines)
    switch answer {
    case "unsat": return .unsat
    case "sat": return .sat(model(query, run))
    case "unknown":
      let reason = run("(get-info :reason-unknown)").trimmingCharacters(in: .whitespacesAndNewlines)
      return .unknown("\(version) gives up: \(reason)")
    default: return .unknown("\(version) answers \(answer)")
    }
  }

  private func model(_ query: Query, _ run: (String) -> String) -> Counterexample {
    // ((name value)), the value `12`, `(- 12)`, `#x0c` or `#b01`; the name has bars or not.
    func number(_ symbol: String) -> Int? {
      let text = run("(get-value (\(symbol)))")
      guard let end = text.lastIndex(where: { $0 != ")" && !$0.isWhitespace }) else { return nil }
      let value = text[...end].reversed().prefix { $0.isHexDigit || $0 == "#" || $0 == "x" }.reversed()
      let digits = String(value)
      for (mark, radix) in [("#x", 16), ("#b", 2)] where digits.hasPrefix(mark) {
        return UInt64(digits.dropFirst(2), radix: radix).map { Int(truncatingIfNeeded: $0) }
      }
      let isNegative = text[...end].dropLast(digits.count).hasSuffix("(- ")
      return Int(digits).map { isNegative ? -$0 : $0 }
    }
    var values: [Counterexample.Value] = []
    for name in query.variables.map(\.name) + query.words.map(\.name) {
      if let value = number(name.smtSymbol) { values.append(.init(name, value)) }
    }
    return Counterexample(values)
  }
}
