import ArgumentParser
import Foundation
import MachineIR
import Operators
import Runtime
import Schedules

/// `gpu-check pack`: everything that a machine with a GPU needs, in one folder.
struct Pack: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a folder that checks a GPU on a machine without a toolchain.")

  @ArgumentParser.Argument(help: "The folder; it must not exist yet.", completion: .directory)
  var folder: String

  @Option(help: "Only these operators, and no model.")
  var operators: [String] = []

  @Option(help: "The checkpoint that is run whole.", completion: .directory)
  var model = "Fixtures/v4-tiny"

  func run() throws {
    let place = URL(fileURLWithPath: folder)
    guard !FileManager.default.fileExists(atPath: place.path) else {
      throw CheckFailure("\(folder) exists already; name a folder that does not")
    }
    for name in operators where OperatorLibrary.named(name) == nil {
      throw CheckFailure("no operator \(name); `tessera operators` lists them")
    }
    // Written beside its place and moved there whole.
    let draft = place.deletingLastPathComponent().appendingPathComponent(".\(place.lastPathComponent).draft")
    try? FileManager.default.removeItem(at: draft)
    defer { try? FileManager.default.removeItem(at: draft) }
    let code = PackedCode(folder: draft)
    var index = CheckIndex()
    let entries = OperatorLibrary.all.filter { operators.isEmpty || operators.contains($0.name) }
    for (number, entry) in entries.enumerated() {
      FileHandle.standardError.write(Data("packing \(number + 1) of \(entries.count): \(entry.name)\n".utf8))
      for (position, instance) in entry.instances.enumerated() {
        let program = try instance.kernel().program()
        for machine in MachineDescription.gpus { try code.add(Lowering.plan(program, for: machine)) }
        guard instance.isSmall else {
          index.timings += try CheckIndex.timings(of: entry, instance)
          continue
        }
        for (shape, extents) in instance.shapes.enumerated() {
          let kind = InputKind.allCases[(number + position + shape) % InputKind.allCases.count]
          index.checks.append(
            .init(
              operator: entry.name, instance: instance.name, extents: extents, kind: kind.rawValue,
              hashes: try CheckLaunch(instance, extents, kind).hashesByReference()))
        }
      }
    }
    if operators.isEmpty {
      FileHandle.standardError.write(Data("packing the model of \(model)\n".utf8))
      index.models = try PackedModel.pack(model, into: draft)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(index).write(to: draft.appendingPathComponent(CheckIndex.name))
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath(), to: draft.appendingPathComponent("gpu-check"))
    try FileManager.default.moveItem(at: draft, to: place)
    print("\(index.checks.count) checks, a model in \(index.models.count) arithmetics and \(index.timings.count) timings in \(folder); on the machine with the GPU:")
    print("  \(place.lastPathComponent)/gpu-check run")
  }
}
