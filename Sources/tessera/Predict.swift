import ArgumentParser
import Foundation
import MachineIR
import Operators
import Roofline
import Runtime
import Schedules

/// `tessera predict`: how long operators would take on a GPU or an Ascend chip that is not here.
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Predict how long operators take on a GPU or an Ascend chip, and what would bound them.",
    discussion: """
      Nothing is measured. Of a GPU the machine program is counted at a launch's sizes, the compiled kernel's \
      registers say how many warps are at work, and the slowest part gives the time; the floor is the time in \
      which the memory could move what the launch must move at least. Of an Ascend chip the pipe program is \
      followed in time, instruction by instruction; beside it stand five bounds, the cycles that its parts need \
      for the least that the launch asks of them. What data decide is marked with a +: of a GPU, integers in \
      buffers are taken as the largest that they may be; else it is counted from below. What the prediction supposes is printed below, each assumption with its name. Dense products are \
      predicted at 1, 4, 16 and 4096 rows unless their rows are set.
      """)

  private static let machines = MachineDescription.gpus + MachineDescription.npus

  @Argument(help: "Operators; all when none is named.", completion: .list(OperatorLibrary.all.map(\.name)))
  var operators: [String] = []

  @Option(help: "Only this instance of the operators; without it, those of a model's sizes.")
  var instance: String?

  @Option(
    help: "A target: \(machines.map(\.name).joined(separator: ", ")).",
    completion: .list(machines.map(\.name)))
  var target = MachineDescription.sm90a.name

  @OptionGroup var numbers: RunTimeArguments

  @Flag(help: "Print the time of every part, or pipe, kernel by kernel.")
  var parts = false

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Also write the table to the folder Benchmarks, as a page.")
  var write = false

  func run() throws {
    let machine = try MachineDescription.chosen(target, among: Self.machines)
    let settings = numbers.settings
    if machine.npu != nil {
      let rows = try rows { try PipePredictionRow.all($0, $1, $2, settings, machine) }
      try report(PipePredictionReport(rows, machine), .pipes(rows, machine))
    } else {
      let rows = try rows { name, instance, launches in
        try launches.map { try PredictionRow(name, instance, $0, settings, machine) }
      }
      try report(PredictionReport(rows, machine), .gpu(rows, machine))
    }
  }

  /// What `predict` makes of each instance's launches, on all cores.
  private func rows<Row: Sendable>(
    _ predict: @Sendable (_ name: String, _ instance: OperatorInstance, _ launches: [[String: Int]]) throws -> [Row]
  ) throws -> [Row] {
    let entries = operators.isEmpty ? OperatorLibrary.all : try operators.map(OperatorLibrary.entry)
    let instances = entries.flatMap { entry in
      entry.instances.filter { instance == nil ? !$0.isSmall : $0.name == instance }.map { instance in
        // One launch where the command line sets its sizes.
        (entry.name, instance, Array(entry.timedExtents(of: instance).prefix(numbers.settings.isEmpty ? .max : 1)))
      }
    }
    guard !instances.isEmpty else { throw Refusal("no operator named has an instance \(instance ?? "of a model's sizes")") }
    return try concurrently(instances.count) { position in
      let (name, instance, launches) = instances[position]
      return try predict(name, instance, launches)
    }.flatMap { try $0.get() }
  }

  private func report(_ report: some Encodable, _ table: PredictionTable) throws {
    print(json ? try tessera.json(report) : table.text(withParts: parts))
    guard write else { return }
    let file = URL(fileURLWithPath: "Benchmarks/predicted-\(table.machine.name).md")
    do {
      try table.page.write(to: file, atomically: true, encoding: .utf8)
    } catch {
      throw Refusal("cannot write \(file.path): \(error.localizedDescription)")
    }
    FileHandle.standardError.write(Data("wrote \(file.relativePath)\n".utf8))
  }
}

/// Predictions for people: a line a launch, and what they suppose.
struct PredictionTable {
  let machine: MachineDescription
  let product: String
  let head: [String]
  let cells: [[String]]
  let parts: [[String]]
  /// What the page says of its numbers, in Markdown.
  let introduction: String
  let assumptions: [(name: String, text: String)]

  static func gpu(_ rows: [PredictionRow], _ machine: MachineDescription) -> PredictionTable {
    PredictionTable(
      machine: machine, product: GPURates.of(machine)!.product, head: PredictionRow.head, cells: rows.map(\.cells),
      parts: rows.flatMap(\.partCells),
      introduction: """
        **Predicted, not measured**: no launch has run on this GPU. Times are those of a launch in a captured graph, computed \
        from the machine programs and the registers that the compiler reports for \(machine.name); see \
        [predictions](../Documentation/gpus.md#predictions). A `+` says that data decide some of it: integers in \
        buffers are taken as the largest that they may be, of two sides of a branch the cheaper. \
        The floor is the time in which the memory could move what the launch must move.
        """, assumptions: GPURates.assumptions)
  }

  var page: String {
    let words = CommandLine.arguments.dropFirst().joined(separator: " ")
    return """
      # Predicted times, \(product)

      \(introduction) Command: `tessera \(words)`.

      \(([head, head.map { _ in "---" }] + cells).map { "| \($0.joined(separator: " | ")) |" }.joined(separator: "\n"))

      Assumed:

      \(assumptions.map { "- `\($0.name)`: \($0.text)" }.joined(separator: "\n"))

      """
  }

  func text(withParts: Bool) -> String {
    var lines = ["predicted, not measured: \(product), \(machine.name)"]
    lines.append(columns([head] + cells))
    if withParts { lines += ["", columns(parts)] }
    lines.append("")
    lines.append("assumed:")
    lines.append(columns(assumptions.map { ["  " + $0.name, $0.text] }))
    return lines.joined(separator: "\n")
  }
}

/// The prediction of one launch.
struct PredictionRow: Encodable {
  let `operator`: String
  let instance: String
  let numbers: [String: Int]
  /// Microseconds in a captured graph, and at the memory's bandwidth over the bytes that have to be moved.
  let microseconds: Double
  let floorMicroseconds: Double
  let dependsOnData: Bool
  let kernels: [Kernel]

  struct Kernel: Encodable {
    let name: String
    let boundBy: String
    /// Microseconds that each part would take alone.
    let parts: [String: Double]
    let cells: Int
    let warps: Double
  }

  init(
    _ name: String, _ instance: OperatorInstance, _ extents: [String: Int], _ settings: [Setting],
    _ machine: MachineDescription
  ) throws {
    let program = try instance.kernel().program()
    let given = try RunTimeNumbers(settings, of: program)
    let numbers = extents.merging(given.extents) { $1 }
      .merging(given.scalars.mapValues(Int.init)) { $1 }
    let plan = try Lowering.plan(program, for: machine)
    let resources = try KernelResources.all(of: plan)
    let prediction = try Prediction(plan, LaunchSizes(program, numbers)) { kernel in
      guard let found = resources.first(where: { $0.kernel == kernel.name }) else {
        throw Refusal("the compiler reports nothing on \(kernel.name)")
      }
      return (found.registers, found.sharedBytesPerBlock)
    }!
    self.operator = name
    self.instance = instance.name
    self.numbers = numbers
    microseconds = prediction.seconds * 1e6
    floorMicroseconds = prediction.floor * 1e6
    dependsOnData = prediction.kernels.contains(where: \.dependsOnData)
    kernels = prediction.kernels.map { kernel in
      Kernel(
        name: kernel.kernel, boundBy: "\(kernel.slowest.part)",
        parts: Dictionary(uniqueKeysWithValues: kernel.parts.map { ("\($0.key)", $0.value * 1e6) }),
        cells: kernel.cells, warps: kernel.warps)
    }
  }

  static let head = ["operator", "instance", "sizes", "predicted", "floor", "floor / predicted", "bound by"]

  var cells: [String] {
    [
      `operator`, "\"\(instance)\"", settings(numbers), shortTime(microseconds) + (dependsOnData ? "+" : ""),
      shortTime(floorMicroseconds), String(format: "%.3f", floorMicroseconds / max(microseconds, 1e-9)),
      kernels.map(\.boundBy).joined(separator: ", "),
    ]
  }

  /// A line for each part of each kernel, the slowest first.
  var partCells: [[String]] {
    kernels.flatMap { kernel in
      kernel.parts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
        [kernel.name, "\"\(instance)\"", "\(kernel.cells) cells, \(Int(kernel.warps)) warps", $0.key, shortTime($0.value)]
      }
    }
  }

  
}

/// Microseconds in a unit that reads well.
func shortTime(_ microseconds: Double) -> String {
  microseconds < 1e4 ? String(format: "%.1f µs", microseconds) : String(format: "%.1f ms", microseconds / 1e3)
}

/// What `predict --json` prints.
struct PredictionReport: Encodable {
  let target: String
  let product: String
  let isMeasured = false
  let assumptions: [String: String]
  let rows: [PredictionRow]

  init(_ rows: [PredictionRow], _ machine: MachineDescription) {
    target = machine.name
    product = GPURates.of(machine)!.product
    assumptions = Dictionary(uniqueKeysWithValues: GPURates.assumptions.map { ($0.name, $0.text) })
    self.rows = rows
  }
}
