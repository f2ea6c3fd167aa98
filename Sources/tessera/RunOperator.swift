import Alignment
import ArgumentParser
import AscendDriver
import CUDADriver
import Foundation
import Operators
import Reference
import Runtime
import TileIR

/// `tessera run-operator`: one launch of an operator of the library.
struct RunOperator: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run-operator",
    abstract: "Run an operator once and print what it returns.",
    discussion: """
      Inputs are random numbers that are the same on every machine for a seed, or come from a file. For each \
      output its type, shape, SHA-256 and first elements are printed: equal hashes mean equal bits, so two \
      runs, on two targets or two machines, compare by one line. cuda-model runs a GPU's CUDA text on this \
      processor and checks every access, ascend-model the same of an NPU's; cuda:0 is a GPU of this machine, \
      ascend:0 an NPU.
      """)

  @OptionGroup var operators: OperatorArguments
  @OptionGroup var target: TargetOption

  @OptionGroup var numbers: RunTimeArguments

  @Option(
    help: ArgumentHelp(
      "Take the inputs from a safetensors file, by their names, instead of drawing them.", valueName: "file"),
    completion: .file(extensions: ["safetensors"]))
  var inputs: String?

  @Option(
    help: ArgumentHelp("Write outputs and states to a safetensors file.", valueName: "file"),
    completion: .file(extensions: ["safetensors"]))
  var out: String?

  @OptionGroup var random: RandomInputArguments

  @Option(help: "Threads to run on. (default: one a core)")
  var threads: Int?

  @Flag(
    help: """
      Run the reference interpreter too, and exit with status 1 unless all bits agree. It is slow, as the device \
      model is: with either, a small instance is taken unless --instance names one.
      """)
  var check = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); 1 to 1024 expected")
    }
    if inputs != nil, random.isGiven {
      throw ValidationError("--inputs gives the inputs; --kind and --seed are for random ones")
    }
  }

  func run() throws {
    let target = try target.target()
    let (entry, instance) = try operators.chosen { $0.isSmall || !check && target.isQuick }
    let source = try inputs.map { OperatorLaunch.Inputs.file(try InputFile(path: $0)) }
    let launch = try OperatorLaunch(
      instance, settings: numbers.settings, inputs: source ?? random.inputs)
    let pool = threads.map { ThreadPool(threads: $0) } ?? .shared
    let toStandardError = json
    let run = try launch.run(on: target, pool: pool) { line in
      toStandardError ? FileHandle.standardError.write(Data("\(line)\n".utf8)) : print(line)
    }
    if let out { try writeResults(run.results, to: out) }
    let differences = check ? try launch.differences(of: run.results) : nil
    let report = RunReport(
      operator: entry.name, instance: instance.name, launch: launch, run: run, threads: pool.threads,
      differences: differences)
    print(json ? try tessera.json(report) : report.text)
    if let differences, !differences.isEmpty { throw ExitCode.failure }
  }
}

extension InputKind: ExpressibleByArgument {}

/// What random inputs are drawn from.
struct RandomInputArguments: ParsableArguments {
  @Option(
    help: """
      What random inputs hold: ordinary numbers, every magnitude, or NaN and infinities too. (default: ordinary)
      """)
  var kind: InputKind?

  @Option(help: "The seed of random inputs. (default: 1)")
  var seed: UInt64?

  var isGiven: Bool { kind != nil || seed != nil }
  /// As they are where nothing is given.
  var chosen: (kind: InputKind, seed: UInt64) { (kind ?? .ordinary, seed ?? 1) }
  var inputs: OperatorLaunch.Inputs { .random(chosen.kind, seed: chosen.seed) }
}

/// The option that sets a launch's numbers.
struct RunTimeArguments: ParsableArguments {
  @Option(
    name: .customLong("set"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Extents of run-time dimensions and values of scalars; the instance's own unless given.",
      valueName: "name=number"))
  var settings: [Setting] = []
}

/// A run-time number by name, as `--set` takes it.
struct Setting: ExpressibleByArgument, Equatable {
  let name: String
  let value: Int

  init?(argument: String) {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, let value = Int(parts[1]) else { return nil }
    name = String(parts[0])
    self.value = value
  }
}

/// What `run-operator` prints.
struct RunReport: Encodable {
  let `operator`: String
  let instance: String
  let target: String
  /// Of this processor, where that is the target.
  let threads: Int
  /// Whether something else than the target's chip ran it.
  let isEmulated: Bool
  let extents: [String: Int]
  let outputs: [TensorReport]
  /// Whether compiled kernels were in the cache.
  let wasCached: Bool
  let loadMilliseconds: Double
  let launchMilliseconds: Double
  /// Whether every bit agrees with the reference, where that was asked.
  let agreesWithReference: Bool?
  let differences: [String]?
  /// What to say of the target in the text.
  private let place: String

  private enum CodingKeys: CodingKey {
    case `operator`, instance, target, threads, isEmulated, extents, outputs, wasCached, loadMilliseconds
    case launchMilliseconds, agreesWithReference, differences
  }

  init(
    operator: String, instance: String, launch: OperatorLaunch, run: OperatorLaunch.Run, threads: Int,
    differences: [String]?
  ) {
    self.operator = `operator`
    self.instance = instance
    target = run.target.description
    isEmulated = !run.target.isQuick
    if case .processor = run.target, !isEmulated { self.threads = threads } else { self.threads = 1 }
    place =
      switch run.target {
      case .processor: isEmulated ? "emulated" : count(threads, "thread")
      case .deviceModel, .ascendModel: "every access checked"
      case .cuda(let number): (try? CUDADriver.standard.get().facts(of: number).name) ?? ""
      case .ascend: (try? AscendDriver.standard.get().chip) ?? ""
      }
    extents = launch.extents
    outputs = launch.program.parameters.compactMap { parameter in
      run.results[parameter.name].map { TensorReport(name: parameter.name, $0) }
    }
    wasCached = run.wasCached
    loadMilliseconds = run.load.milliseconds
    launchMilliseconds = run.launch.milliseconds
    agreesWithReference = differences?.isEmpty
    self.differences = differences
  }

  var text: String {
    let sizes = extents.isEmpty ? "" : " at \(settings(extents))"
    var lines = ["\(`operator`) \"\(instance)\"\(sizes) on \(target), \(place)"]
    for output in outputs {
      lines.append("  \(output.name)  \(output.element) \(output.shape)  sha256 \(output.sha256)")
      lines.append("    \(output.firstElements.joined(separator: " "))")
    }
    lines.append(
      "\(wasCached ? "loaded from the cache" : "compiled") in \(milliseconds(loadMilliseconds)), "
        + "ran in \(milliseconds(launchMilliseconds))")
    if let differences {
      lines += differences.isEmpty ? ["the reference returns the same bits"] : differences
    }
    return lines.joined(separator: "\n")
  }
}

/// A tensor in a few words: its identity is its hash.
struct TensorReport: Encodable {
  let name: String
  let element: String
  let shape: [Int]
  /// Of its bytes, row-major and little-endian, 4-bit elements packed.
  let sha256: String
  let firstElements: [String]

  init(name: String, _ tensor: HostTensor) {
    self.name = name
    element = tensor.element.rawValue
    shape = tensor.shape
    sha256 = ContentHash.digest(tensor.bytes)
    let shown = (0..<min(6, tensor.count)).map { tensor.element.text(tensor[$0]) }
    firstElements = tensor.count == 0 ? ["empty"] : shown + (tensor.count > 6 ? ["…"] : [])
  }
}

extension Duration {
  var milliseconds: Double { self / .milliseconds(1) }
}

/// Milliseconds with three significant digits.
func milliseconds(_ value: Double) -> String {
  let digits = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0
  return String(format: "%.\(digits)f ms", value)
}

/// `1 thread`, `2 threads`.
func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
  "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
}
