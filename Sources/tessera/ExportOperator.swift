import ArgumentParser
import Export
import Foundation
import MachineIR
import Operators
import TileIR

/// `tessera export`: an operator as a folder for a machine with a chip that is not at hand.
struct ExportOperator: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write an operator as a package that a machine with CANN builds, runs and compares.",
    discussion: """
      The package has the kernels of one launch in Ascend C, a host program against AscendCL, CMake files, the \
      inputs, the bits that the reference interpreter returns for them, and a README. Its program says whether the \
      chip returns the same bits and where they differ first. The reference is slow: a small instance is taken \
      unless --instance names one. Models are not exported.
      """)

  @OptionGroup var operators: OperatorArguments

  @Option(
    help: "The chip: \(MachineDescription.npus.map(\.name).joined(separator: ", ")).",
    completion: .list(MachineDescription.npus.map(\.name)))
  var target = MachineDescription.ascend910b.name

  @Option(help: "The folder to write; it must be new or empty.", completion: .directory)
  var out: String

  @Option(
    name: .customLong("set"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Extents of run-time dimensions and values of scalars; the instance's own unless given.",
      valueName: "name=number"))
  var settings: [Setting] = []

  @Option(help: "What random inputs hold: ordinary numbers, every magnitude, or NaN and infinities too.")
  var kind: InputKind = .ordinary

  @Option(help: "The seed of random inputs.")
  var seed: UInt64 = 1

  func run() throws {
    let machine = try machine()
    try refuseModels()
    let (entry, instance) = try operators.chosen { $0.isSmall }
    let folder = try PackageFolder(out)
    let launch = try OperatorLaunch(instance, settings: settings, inputs: .random(kind, seed: seed))
    let sizes = launch.extents.isEmpty ? "" : " at \(tessera.settings(launch.extents))"
    let package = try AscendPackage(
      launch.program, for: machine, launch.arguments, extents: launch.boundExtents,
      title: "\(entry.name) \"\(instance.name)\"\(sizes)", command: command(entry, instance, machine))
    try folder.write(package.files)
    let bytes = package.files.reduce(0) { $0 + $1.bytes.count }
    print("\(count(package.files.count, "file")) of \(bytes) bytes in \(out); \(out)/README.md says how to build and run them")
  }

  private func machine() throws -> MachineDescription {
    if let other = MachineDescription.all.first(where: { $0.name == target }) {
      throw Refusal(
        "packages are written for \(MachineDescription.npus.map(\.name).joined(separator: ", ")); "
          + "\(other.name) is a \(other.gpu == nil ? "processor: `tessera run-operator` runs there" : "GPU: `make gpu-check` packs a folder")")
    }
    return try .chosen(target, among: MachineDescription.npus)
  }

  /// A folder is a checkpoint, as other commands take it.
  private func refuseModels() throws {
    let name = operators.operator
    guard OperatorLibrary.named(name) == nil, FileManager.default.fileExists(atPath: name) else { return }
    throw Refusal(
      "\(name) is a file or a folder; models are not exported, only operators of the library: `tessera operators` lists them")
  }

  private func command(_ entry: OperatorEntry, _ instance: OperatorInstance, _ machine: MachineDescription) -> String {
    var words = ["tessera export \(entry.name) --target \(machine.name) --instance \"\(instance.name)\""]
    if !settings.isEmpty { words.append("--set " + settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")) }
    words.append("--kind \(kind.rawValue) --seed \(seed) --out FOLDER")
    return words.joined(separator: " ")
  }
}
