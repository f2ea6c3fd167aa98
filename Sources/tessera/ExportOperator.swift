import ArgumentParser
import Export
import MachineIR
import Operators
import TileIR

/// What `export` takes for operators alone.
struct ExportOperatorOptions: ParsableArguments {
  @Option(
    help: "One of its instances; `tessera operators OPERATOR` lists them. (default: the first small one)")
  var instance: String?

  @OptionGroup var numbers: RunTimeArguments
  @OptionGroup var random: RandomInputArguments

  func refuse(for what: String) throws {
    if instance != nil || !numbers.settings.isEmpty || random.isGiven {
      throw Refusal("--instance, --set, --kind and --seed are for \(what)")
    }
  }

  /// One launch of the operator.
  func package(of name: String, _ machine: MachineDescription) throws -> AscendPackage {
    let entry = try OperatorLibrary.entry(name)
    let small = entry.instances.first { $0.isSmall } ?? entry.instances[0]
    let instance = try instance.map(entry.instance) ?? small
    let launch = try OperatorLaunch(instance, settings: numbers.settings, inputs: random.inputs)
    let sizes = launch.extents.isEmpty ? "" : " at \(tessera.settings(launch.extents))"
    return try AscendPackage(
      launch.program, for: machine, launch.arguments, extents: launch.boundExtents,
      title: "\(entry.name) \"\(instance.name)\"\(sizes)", command: command(entry, instance, machine))
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
