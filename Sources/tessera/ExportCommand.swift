import ArgumentParser
import Export
import Foundation
import MachineIR
import Operators
import TileIR

/// `tessera export`: a launch of an operator, runs of a model, or probes, as a folder for a machine with a chip that is
/// not at hand.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write an operator or a model as a package that a machine with CANN builds, runs and compares.",
    discussion: """
      The package has kernels in Ascend C, a host program against AscendCL, CMake files, the inputs, the bits that are \
      expected for them, and a README. Its program says whether the chip returns the same bits and where they differ \
      first. Of an operator it has one launch, with the bits of the reference interpreter, which is slow: a small \
      instance is taken unless --instance names one. Of a model it has a prefill and some decode steps, with the bits \
      that every launch leaves on this processor. With --probes the package asks the chip what Tessera supposes of it, \
      and writes a file for `tessera probes`.
      """)

  @ArgumentParser.Argument(
    help: ArgumentHelp(
      "An operator of the library, which `tessera operators` lists, or a model's folder.", valueName: "operator|model"),
    completion: .directory)
  var subject: String?

  @Flag(help: "Write probes of a chip instead.")
  var probes = false

  @Option(
    help: "The chip: \(MachineDescription.npus.map(\.name).joined(separator: ", ")).",
    completion: .list(MachineDescription.npus.map(\.name)))
  var target = MachineDescription.ascend910b.name

  @Option(help: "The folder to write; it must be new or empty.", completion: .directory)
  var out: String

  @OptionGroup(title: "Operators") var operatorOptions: ExportOperatorOptions
  @OptionGroup(title: "Models") var modelOptions: ModelRunOptions

  func validate() throws {
    guard probes != (subject != nil) else {
      throw ValidationError("an operator, a model or --probes expected, \(probes ? "more than one" : "none") found")
    }
  }

  func run() throws {
    let machine = try machine()
    let folder = try PackageFolder(out)
    var (files, bytes) = (0, 0)
    func written(_ file: AscendPackage.File) { (files, bytes) = (files + 1, bytes + file.bytes.count) }
    if let model = try modelFolder() {
      try operatorOptions.refuse(for: "an operator")
      let runs = try modelOptions.runs(of: model)
      let name = URL(fileURLWithPath: model).lastPathComponent
      try folder.write { add in
        try runs.export(
          for: machine, title: title(of: name, runs), command: modelOptions.command(model, machine)
        ) { file in
          try add(file)
          written(file)
        }
      }
    } else {
      try modelOptions.refuse(for: "a model")
      if probes { try operatorOptions.refuse(for: "an operator") }
      let package = try subject.map { try operatorOptions.package(of: $0, machine) } ?? .probes(for: machine)
      try folder.write(package.files)
      package.files.forEach(written)
    }
    print("\(count(files, "file")) of \(bytes) bytes in \(out); \(out)/README.md says how to build and run them")
  }

  /// The model that is meant; nil where an operator is.
  private func modelFolder() throws -> String? {
    guard let subject, OperatorLibrary.named(subject) == nil else { return nil }
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: subject, isDirectory: &isFolder)
    if exists, isFolder.boolValue { return subject.count > 1 && subject.hasSuffix("/") ? String(subject.dropLast()) : subject }
    guard !exists, !subject.contains("/") else {
      throw Refusal("no model \(subject); an operator or a folder with config.json expected")
    }
    return nil
  }

  private func title(of model: String, _ runs: ModelRuns) -> String {
    "\(model), a prefill of \(count(runs.prompt.count, "token")) and \(count(runs.decode, "decode step")), "
      + runs.options.arithmetic.rawValue
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
}
