import Foundation
import MachineIR
import Operators
import Roofline
import Runtime
import Schedules
import TileIR

/// The prediction of one launch on an Ascend chip.
struct PipePredictionRow: Encodable, Sendable {
  let `operator`: String
  let instance: String
  let numbers: [String: Int]
  /// Why the chip does not run it, in full and for a table; the rest is nil then.
  var refusal: String?
  private var shortRefusal: String?
  var cycles: Double?
  var microseconds: Double?
  /// Cycles of each bound, and which is the slowest.
  var bounds: [String: Double]?
  var slowest: String?
  /// The slowest bound over the estimate.
  var ratio: Double?
  var isFromBelow: Bool?
  var isSampled: Bool?
  var kernels: [Kernel]?

  private enum CodingKeys: CodingKey {
    case `operator`, instance, numbers, refusal, cycles, microseconds, bounds, slowest, ratio, isFromBelow, isSampled
    case kernels
  }

  struct Kernel: Encodable, Sendable {
    let name: String
    let cells: Int
    let cores: Int
    let cycles: Double
    /// Cycles in which each pipe works.
    let busy: [String: Double]
    /// Of the innermost loop.
    let round: Round?
  }
  struct Round: Encodable, Sendable {
    let loop: String
    let emitted: Counts
    let byHand: Counts

    struct Counts: Encodable, Sendable {
      let events: Int
      let flags: Int
      let barriers: Int

      init(_ counts: PipeRound.Counts) {
        (events, flags, barriers) = (counts.events, counts.flags, counts.barriers)
      }
    }
  }

  /// Of launches of an instance, whose pipe programs are made once.
  static func all(
    _ name: String, _ instance: OperatorInstance, _ launches: [[String: Int]], _ settings: [Setting],
    _ machine: MachineDescription
  ) throws -> [PipePredictionRow] {
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: machine)
    let given = try RunTimeNumbers(settings, of: program)
    let pipes = Result { try AscendProgram.pipes(of: plan) }
    return try launches.map { extents in
      let numbers = extents.merging(given.extents) { $1 }.merging(given.scalars.mapValues(Int.init)) { $1 }
      var row = PipePredictionRow(operator: name, instance: instance.name, numbers: numbers)
      do {
        row.take(try PipePrediction(plan, pipes.get(), LaunchSizes(program, numbers)))
      } catch let error as UnkeptClass {
        row.refuse("\(error)", "class \(error.name)")
      } catch let error as PipeLimitExceeded {
        row.refuse("\(error)", "no room for \(error.array)")
      }
      return row
    }
  }

  private init(operator: String, instance: String, numbers: [String: Int]) {
    self.operator = `operator`
    self.instance = instance
    self.numbers = numbers
  }

  private mutating func refuse(_ why: String, _ short: String) {
    refusal = why
    shortRefusal = short
  }

  private mutating func take(_ prediction: PipePrediction) {
    cycles = prediction.ticks
    microseconds = prediction.seconds * 1e6
    bounds = Dictionary(uniqueKeysWithValues: prediction.bounds.ticks.map { ($0.key.rawValue, $0.value) })
    slowest = prediction.bounds.slowest.part.rawValue
    ratio = prediction.ratio
    isFromBelow = prediction.kernels.contains(where: \.dependsOnData)
    isSampled = prediction.kernels.contains(where: \.isApproximate)
    kernels = prediction.kernels.map { kernel in
      Kernel(
        name: kernel.kernel, cells: kernel.cells, cores: kernel.cores, cycles: kernel.ticks,
        busy: Dictionary(uniqueKeysWithValues: kernel.busy.map { ($0.key.rawValue, $0.value) }),
        round: kernel.round.map {
          Round(loop: $0.loop, emitted: Round.Counts($0.emitted), byHand: Round.Counts($0.byHand))
        })
    }
  }

  static let head =
    ["operator", "instance", "sizes", "estimate", "cycles"] + PipeBounds.Part.allCases.map(\.rawValue)
    + ["slowest bound", "bound / estimate", "busiest pipe", "events", "flags", "barriers"]

  var cells: [String] {
    let first = [`operator`, "\"\(instance)\"", settings(numbers)]
    guard let cycles, let microseconds, let bounds, let ratio, let kernels else {
      return first + ["refused: \(shortRefusal ?? "")"]
        + Array(repeating: "", count: Self.head.count - first.count - 1)
    }
    let mark = (isFromBelow == true ? "+" : "") + (isSampled == true ? "~" : "")
    // Of the kernel that takes the longest.
    let longest = kernels.max { $0.cycles < $1.cycles }
    let busiest = longest?.busy.max { ($0.value, $1.key) < ($1.value, $0.key) }
    func count(_ of: (Round.Counts) -> Int) -> String {
      longest?.round.map { "\(of($0.emitted)) / \(of($0.byHand))" } ?? ""
    }
    return first
      + [shortTime(microseconds) + mark, Self.number(cycles)]
      + PipeBounds.Part.allCases.map { Self.number(bounds[$0.rawValue]!) }
      + [
        slowest!, String(format: ratio < 0.001 ? "%.0e" : "%.3f", ratio),
        busiest.map { String(format: "\($0.key) %.0f%%", 100 * $0.value / max(1, longest!.cycles)) } ?? "",
        count(\.events), count(\.flags), count(\.barriers),
      ]
  }

  /// A line for each pipe of each kernel, the busiest first.
  var partCells: [[String]] {
    (kernels ?? []).flatMap { kernel in
      kernel.busy.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
        [
          kernel.name, "\"\(instance)\"",
          "\(kernel.cells) cells, \(kernel.cores) cores, \(Self.number(kernel.cycles)) cycles",
          $0.key, "\(Self.number($0.value)) cycles",
        ]
      }
    }
  }

  private static func number(_ cycles: Double) -> String { "\(Int(cycles.rounded(.up)))" }
}

extension PredictionTable {
  static func pipes(_ rows: [PipePredictionRow], _ machine: MachineDescription) -> PredictionTable {
    PredictionTable(
      machine: machine, product: PipePrediction.product, head: PipePredictionRow.head,
      cells: rows.map(\.cells),
      parts: rows.flatMap(\.partCells),
      introduction: """
        **Predicted, not measured**: nothing here has met a chip. The estimate follows the pipe programs of a launch in time, \
        at the rates of \(machine.name)'s description; the five bounds are the cycles that parts of the chip, all cores at \
        work, need for the least that the shape and the numeric class ask of them; see \
        [the estimate](../Documentation/ascend.md#the-estimate). A `+` says that what only data decide is counted from below, \
        a `~` that rounds which differ were sampled. Events, flags and barriers are those of a round of the innermost loop of \
        the longest kernel, ours / by hand.
        """, assumptions: machine.npu!.rates.assumptions)
  }
}

/// What `predict --json` prints of an Ascend chip.
struct PipePredictionReport: Encodable {
  let target: String
  let product = PipePrediction.product
  let isMeasured = false
  let assumptions: [String: String]
  let rows: [PipePredictionRow]

  init(_ rows: [PipePredictionRow], _ machine: MachineDescription) {
    target = machine.name
    assumptions = Dictionary(uniqueKeysWithValues: machine.npu!.rates.assumptions.map { ($0.name, $0.text) })
    self.rows = rows
  }
}
