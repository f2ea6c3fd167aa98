import EmitC
import Foundation
import MachineIR
import Operators
import Runtime
import Schedules
import Testing
import TileIR

@testable import tessera

/// What `run-operator` and `show` promise.
@Suite struct RunOperatorTests {
  /// The part of a report that a script would read.
  struct Report: Decodable {
    struct Output: Decodable {
      let name: String
      let element: String
      let shape: [Int]
      let sha256: String
    }
    let `operator`: String
    let target: String
    let threads: Int
    let extents: [String: Int]
    let outputs: [Output]
    let agreesWithReference: Bool?
  }

  private func report(_ arguments: String...) throws -> Report {
    let outcome = try Command.run("tessera", ["run-operator"] + arguments + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
  }

  @Test func reportsAreJSON() throws {
    let report = try report("rms_norm", "--check", "--set", "rows=3", "--threads", "2")
    #expect(report.operator == "rms_norm")
    #expect(report.threads == 2)
    #expect(report.extents == ["rows": 3])
    #expect(report.agreesWithReference == true)
    #expect(report.outputs.map(\.name) == ["y"])
    #expect(report.outputs[0].element == "bfloat16")
    #expect(report.outputs[0].shape == [3, 300])
    #expect(report.outputs[0].sha256.count == 64)
  }

  @Test func hashesDependOnInputsAndNotOnTargets() throws {
    let targets = MachineDescription.cpus.filter(\.runsHere).map(\.name) + ["cuda-model", "cuda-model-sm80"]
    let hashes = try targets.map { try report("softmax", "--instance", "small", "--target", $0) }
    #expect(Set(hashes.map { $0.outputs[0].sha256 }).count == 1)
    #expect(hashes.map(\.target) == targets)
    #expect(hashes[0].agreesWithReference == nil)
    let other = try report("softmax", "--instance", "small", "--seed", "2")
    #expect(other.outputs[0].sha256 != hashes[0].outputs[0].sha256)
    let special = try report("softmax", "--instance", "small", "--kind", "special")
    #expect(special.outputs[0].sha256 != hashes[0].outputs[0].sha256)
  }

  /// The device model is slow, so it is given little unless more is asked for.
  @Test func theDeviceModelTakesASmallInstance() throws {
    let outcome = try Command.run("tessera", ["run-operator", "softmax", "--target", "cuda-model"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("softmax \"small\" at rows=5 width=131 on cuda-model, every access checked\n"))
  }

  /// A number for a scalar, and states among the results.
  @Test func scalarsAreSet() throws {
    let first = try report("scatter", "--instance", "small", "--check", "--set", "rows=3", "start=5")
    let second = try report("scatter", "--instance", "small", "--check", "--set", "rows=3", "start=6")
    #expect(first.outputs.map(\.name) == ["ring"])
    #expect(first.outputs[0].sha256 != second.outputs[0].sha256)
    #expect(first.agreesWithReference == true)
  }

  /// Also for a target that this machine does not run.
  @Test func everyOperatorIsShown() throws {
    for entry in OperatorLibrary.all {
      let instance = try #require(entry.instances.first { $0.isSmall })
      let program = try instance.kernel().program()
      #expect(program.description.hasPrefix("kernel \(program.name)"))
      for machine in [MachineDescription.avx512, .neon] {
        let plan = try Lowering.plan(program, for: machine)
        #expect(plan.description.hasPrefix("plan \(program.name) for \(machine.name)"))
        let source = try EmitC.source(kernels: plan.kernels, machine: machine, program: program)
        #expect(source.hasPrefix("// \(program.name) for \(machine.name)"))
      }
    }
  }

  @Test func nearNamesComeNearestFirst() {
    let names = ["softmax", "matmul", "rms_norm", "linear_fp4", "linear_fp8"]
    #expect(nearNames("softmex", among: names) == ["softmax"])
    #expect(nearNames("Linear_FP4", among: names) == ["linear_fp4", "linear_fp8"])
    #expect(nearNames("norm", among: names) == ["rms_norm"])
    #expect(nearNames("attention", among: names) == [])
    #expect(editDistance("kitten", "sitting") == 3)
    #expect(editDistance("", "abc") == 3)
  }
}
