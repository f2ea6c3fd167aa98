import ArgumentParser
import Operators

/// `tessera operators`: what the library has.
struct ListOperators: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operators",
    abstract: "List the library's operators, or the instances of one.",
    discussion: """
      Each line gives an operator's name, the numeric classes that say which bits it returns, and what it \
      promises. With a name: its instances, the sizes that they run at when none are given, and their own \
      classes.
      """)

  @Argument(
    help: "An operator whose instances are listed.", completion: .list(OperatorLibrary.all.map(\.name)))
  var `operator`: String?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    guard let name = `operator` else {
      let listings = try OperatorLibrary.all.map(OperatorListing.init)
      return print(json ? try tessera.json(listings) : OperatorListing.lines(listings))
    }
    let listing = try OperatorListing(try OperatorLibrary.entry(name))
    print(json ? try tessera.json(listing) : listing.instanceLines)
  }
}

/// An operator as `operators` lists it.
struct OperatorListing: Encodable {
  let name: String
  let classes: [String]
  let contract: String
  let instances: [Instance]

  struct Instance: Encodable {
    let name: String
    /// Whether the reference interpreter runs it in an instant.
    let isSmall: Bool
    let classes: [String]
    /// Extents of the run-time dimensions; the default first.
    let shapes: [[String: Int]]
  }

  init(_ entry: OperatorEntry) throws {
    name = entry.name
    classes = try entry.numericClasses()
    contract = entry.contract
    instances = try entry.instances.map { instance in
      Instance(
        name: instance.name, isSmall: instance.isSmall,
        classes: try instance.kernel().program().numericClasses, shapes: instance.shapes)
    }
  }

  /// A line an operator, contracts in one column.
  static func lines(_ listings: [OperatorListing]) -> String {
    columns(listings.map { [$0.name, $0.contract, "[\($0.classes.joined(separator: ", "))]"] })
  }

  var instanceLines: String {
    let rows = instances.map { instance in
      [
        "  \"\(instance.name)\"", instance.shapes.first.map(settings) ?? "",
        "[\(instance.classes.joined(separator: ", "))]",
      ]
    }
    return "\(name)  \(contract)\n\(columns(rows))"
  }
}

/// Extents as `--set` takes them: `rows=5 width=131`.
func settings(_ extents: [String: Int]) -> String {
  extents.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
}

/// Rows of cells in columns, two spaces apart.
func columns(_ rows: [[String]]) -> String {
  let width = rows.map(\.count).max() ?? 0
  let widths = (0..<width).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
  return rows.map { row in
    row.indices.map { column in
      column == row.count - 1
        ? row[column] : row[column] + String(repeating: " ", count: widths[column] - row[column].count + 2)
    }.joined()
  }.joined(separator: "\n")
}
