import ArgumentParser
import Export
import Foundation
import MachineIR
import Operators
import TileIR

/// `tessera export`: an operator, or probes, as a folder for a machine with a chip that is not at hand.
struct ExportOperator: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write an operator as a package that a machine with CANN builds, runs and compares.",
    discussion: """
      The package has the kernels of one launch in Ascend C, a host program against AscendCL, CMake files, \
      the inputs, the bits that the reference interpreter returns for them, and a README. Its program says \
      whether the chip returns the same bits and where they differ first. The reference is slow: a small \
      instance is taken unless --instance names one. Models are not exported. With --probes the package asks \
      the chip what Tessera supposes of it, and writes a file for `tessera probes`.
      """)

  @ArgumentParser.Argument(
    help: "An operator of the library; `tessera operators` lists them.",
    completion: .list(OperatorLibrary.all.map(\.name)))
  var `operator`: String?

  @Option(
    help: "One of its instances; `tessera operators OPERATOR` lists them. (default: the first small one)")
  var instance: String?

  @Flag(help: "Write probes of a chip instead of an operator.")
  var probes = false

  @Option(
    help: "The chip: \(MachineDescription.npus.map(\.name).joined(separator: ", ")).",
    completion: .list(MachineDescription.npus.map(\.name)))
  var target = MachineDescription.ascend910b.name

  @Option(help: "The folder to write; it must be new or empty.", completion: .directory)
  var out: String

  @OptionGroup var numbers: RunTimeArguments
  @OptionGroup var random: RandomInputArguments

  func validate() throws {
    guard probes != (`operator` != nil) else {
      throw ValidationError("an operator or --probes expected, \(probes ? "both" : "neither") found")
    }
    if probes, instance != nil || !numbers.settings.isEmpty || random.isGiven {
      throw ValidationError("--instance, --set, --kind and --seed are for operators")
    }
  }

  func run() throws {
    let machine = try machine()
    if let name = `operator` { try refuseModels(name) }
    let folder = try PackageFolder(out)
    let package = try `operator`.map { try self.package(of: $0, machine) } ?? .probes(for: machine)
    try folder.write(package.files)
    let bytes = package.files.reduce(0) { $0 + $1.bytes.count }
    print(
      "\(count(package.files.count, "file")) of \(bytes) bytes in \(out); "
        + "\(out)/README.md says how to build and run them"
    )
  }

  private func package(of name: String, _ machine: MachineDescription) throws -> AscendPackage {
    let entry = try OperatorLibrary.entry(name)
    let small = entry.instances.first { $0.isSmall } ?? entry.instances[0]
    let instance = try instance.map(entry.instance) ?? small
    let launch = try OperatorLaunch(instance, settings: numbers.settings, inputs: random.inputs)
    let sizes = launch.extents.isEmpty ? "" : " at \(tessera.settings(launch.extents))"
    return try AscendPackage(
      launch.program, for: machine, launch.arguments, extents: launch.boundExtents,
      title: "\(entry.name) \"\(instance.name)\"\(sizes)", command: command(entry, instance, machine))
  }

  private func machine() throws -> MachineDescription {
    if let other = MachineDescription.all.first(where: { $0.name == target }) {
      throw Refusal(
        "packages are written for \(MachineDescription.npus.map(\.name).joined(separator: ", ")); "
          + "\(other.name) is a "
          + (other.gpu == nil
            ? "processor: `tessera run-operator` runs there" : "GPU: `make gpu-check` packs a folder")
      )
    }
    return try .chosen(target, among: MachineDescription.npus)
  }

  /// A folder is a checkpoint, as other commands take it.
  private func refuseModels(_ name: String) throws {
    guard OperatorLibrary.named(name) == nil, FileManager.default.fileExists(atPath: name) else { return }
    throw Refusal(
      "\(name) is a file or a folder; models are not exported, only operators of the library: "
        + "`tessera operators` lists them"
    )
  }

  private func command(
    _ entry: OperatorEntry, _ instance: OperatorInstance, _ machine: MachineDescription
  ) -> String {
    var words = ["tessera export \(entry.name) --target \(machine.name) --instance \"\(instance.name)\""]
    if !numbers.settings.isEmpty {
      words.append("--set " + numbers.settings.map { "\($0.name)=\($0.value)" }.joined(separator: " "))
    }
    let (kind, seed) = random.chosen
    words.append("--kind \(kind.rawValue) --seed \(seed) --out FOLDER")
    return words.joined(separator: " ")
  }
}
