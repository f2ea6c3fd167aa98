import ArgumentParser
import Foundation
import MachineIR
import Operators
import Runtime
import Schedules
import Tiles

/// `tessera demo`: an operator's way from its source to the same bits everywhere, for a newcomer.
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show an operator being written, compiled, run and compared.",
    discussion: """
      The operator is one that the library does not have. It runs under every schedule that the compiler would \
      consider, on every target that this processor or an emulator here runs, on one to four threads, and each \
      result is compared with the reference interpreter's, bit for bit.
      """)

  /// Both odd, so that rows and lanes end ragged.
  private static let (rows, width) = (37, 1001)
  /// More threads than a small machine has cores: the bits do not depend on them.
  private static let threads = 4

  func run() throws {
    // The import is left out, the rest is the file.
    let lines = demoOperatorText.split(separator: "\n").dropFirst()
    print("An operator, written in Swift (Sources/tessera/DemoOperator.swift):\n")
    for line in lines { print("    \(line)") }

    let instance = OperatorInstance("demo", ["rows": Self.rows]) { gatedNorm(width: Self.width) }
    var launch = try OperatorLaunch(instance, settings: [], inputs: .random(.ordinary, seed: 1))
    // Each would spread over its row, so one row has a NaN, one an infinity, the others neither.
    if case .tensor(var x)? = launch.arguments["x"] {
      x[0] = x.element.code(rounding: .nan)
      x[Self.width] = x.element.code(rounding: .infinity)
      launch.arguments["x"] = .tensor(x)
    }
    let pool = ThreadPool(threads: Self.threads)
    try compile(launch, pool)
    let isSame = try compare(launch, pool)
    try refuse(launch)
    print("Next: tessera operators, tessera show softmax --source, tessera --help, README.md.")
    if !isSame { throw ExitCode.failure }
  }

  private func compile(_ launch: OperatorLaunch, _ pool: ThreadPool) throws {
    let machine = try MachineDescription.host
    let run = try launch.run(on: .processor(machine), pool: pool)
    let place = KernelCache.standard.folder.path
    let time = milliseconds(run.load.milliseconds)
    print(run.wasCached
        ? "Compiled for \(machine.name) before, found in \(place) in \(time)."
        : "Compiled for \(machine.name) in \(time) and kept in \(place).")
  }

  /// Prints a hash a target; returns whether all are the reference's.
  private func compare(_ launch: OperatorLaunch, _ pool: ThreadPool) throws -> Bool {
    print(
      "Run on \(Self.rows) rows of \(Self.width) random numbers, a NaN and an infinity among them. SHA-256 of y:")
    let expected = TensorReport(name: "y", try launch.reference()["y"]!).sha256
    func line(_ what: String, _ result: String) {
      print("  \(what.padding(toLength: 43, withPad: " ", startingAt: 0)) \(result)")
    }
    line("reference interpreter", expected.prefix(16) + "…")
    var runs = 0
    var different = 0
    for machine in MachineDescription.cpus {
      guard machine.runsHere || isEmulated(machine) else {
        line(
          machine.name,
          Emulator.emulates(machine)
            ? "not run: that takes qemu-aarch64, of Debian's qemu-user" : "not run: this processor has not all of it")
        continue
      }
      let schedules = Schedule.candidates(for: launch.program, on: machine)
      // An emulator runs one thread.
      let mostThreads = machine.runsHere ? Self.threads : 1
      var hashes: Set<String> = []
      for schedule in schedules {
        for threads in 1...mostThreads {
          let run = try launch.run(on: .processor(machine), schedule: schedule, pool: pool, threads: threads)
          let hash = TensorReport(name: "y", run.results["y"]!).sha256
          hashes.insert(hash)
          runs += 1
          if hash != expected { different += 1 }
        }
      }
      line(
        "\(machine.name), \(schedules.count) schedules, "
          + (machine.runsHere ? "1 to \(mostThreads) threads" : "emulated"),
        hashes.sorted().map { $0.prefix(16) + "…" }.joined(separator: " "))
    }
    print(
      different == 0
        ? "All \(runs) runs returned the reference's bits."
        : "\(different) of \(runs) runs returned other bits than the reference: this is a bug of the compiler.")
    return different == 0
  }

  private func isEmulated(_ machine: MachineDescription) -> Bool { (try? Emulator.find(for: machine)) != nil }

  private func refuse(_ launch: OperatorLaunch) throws {
    print("A float32 tensor given for the bf16 input x is refused before anything runs:")
    let executable = try Executable(launch.program)
    try printRefusal {
      var arguments = launch.arguments
      arguments["x"] = .tensor(HostTensor(.float32, [Self.rows, Self.width]))
      let host = try HostArguments(launch.program, arguments)
      try executable.launch(host.launch)
    }
    print("A sum along an axis that the value does not have is refused, with both lines:")
    try printRefusal { _ = try Self.wrongAxis.program() }
  }

  private func printRefusal(_ wrong: () throws -> Void) throws {
    do {
      try wrong()
    } catch {
      return print("    \(error)")
    }
    throw Refusal("what the demo does wrong was accepted: this is a bug")
  }

  /// An operator with a mistake: its rows have no axis `depth`.
  private static var wrongAxis: Kernel {
    Kernel("wrong_axis") { k in
      let (rows, width, depth) = (Dimension("rows", 8), Dimension("width", 8), Dimension("depth", 8))
      let x = k.input("x", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in
        let v = x[r]
        y[r] = v.sum(along: depth, order: .sequential)
      }
    }
  }
}
