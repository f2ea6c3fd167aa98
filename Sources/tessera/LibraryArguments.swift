import ArgumentParser
import MachineIR
import Operators
import Runtime

/// The argument that names an operator and the option that names one of its instances.
struct OperatorArguments: ParsableArguments {
  @Argument(
    help: "An operator of the library; `tessera operators` lists them.",
    completion: .list(OperatorLibrary.all.map(\.name)))
  var `operator`: String

  @Option(
    help: "One of its instances, which fix its constants; `tessera operators OPERATOR` lists them.")
  var instance: String?

  /// The operator that was named, or an error that lists names near to it.
  func entry() throws -> OperatorEntry { try OperatorLibrary.entry(`operator`) }

  /// The instance that was named, the first that `isDefault` holds for where none was.
  func chosen(
    default isDefault: (OperatorInstance) -> Bool = { _ in true }
  ) throws -> (entry: OperatorEntry, instance: OperatorInstance) {
    let entry = try entry()
    guard let instance else {
      return (entry, entry.instances.first(where: isDefault) ?? entry.instances[0])
    }
    return (entry, try entry.instance(named: instance))
  }
}

extension OperatorEntry {
  /// The instance of a name, or an error that lists names near to it.
  func instance(named name: String) throws -> OperatorInstance {
    guard let instance = instance(name) else {
      throw unknown(
        "instance of \(self.name)", "\"\(name)\"", among: instances.map { "\"\($0.name)\"" },
        listing: "tessera operators \(self.name)")
    }
    return instance
  }
}

extension OperatorLibrary {
  /// The operator of a name, or an error that lists names near to it.
  static func entry(_ name: String) throws -> OperatorEntry {
    guard let entry = named(name) else {
      throw unknown("operator", name, among: all.map(\.name), listing: "tessera operators")
    }
    return entry
  }
}

/// The option that names a target that runs operators.
struct TargetOption: ParsableArguments {
  @Option(
    name: .customLong("target"),
    help: """
      A target: \(RunTarget.all.map(\.description).joined(separator: ", ")). (default: the best that this \
      processor runs)
      """,
    completion: .list(RunTarget.all.map(\.description)))
  var name: String?

  /// The target that was named, or that of this processor; an error that lists the others.
  func target() throws -> RunTarget { try name.map(RunTarget.chosen) ?? .host }
}

extension RunTarget {
  /// The target of a name, or an error that lists them.
  static func chosen(_ name: String) throws -> RunTarget {
    guard let target = named(name) else {
      throw unknown("target", name, among: all.map(\.description), listing: "tessera run-operator --help")
    }
    return target
  }
}

extension MachineDescription {
  /// The one of `machines` that is named, or that of this processor; an error that lists them.
  static func chosen(_ name: String?, among machines: [MachineDescription]) throws -> MachineDescription {
    guard let name else { return try .host }
    guard let machine = machines.first(where: { $0.name == name }) else {
      throw unknown("target", name, among: machines.map(\.name))
    }
    return machine
  }
}
