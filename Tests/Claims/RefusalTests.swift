import Foundation
import Testing

/// A wrong argument is answered on standard error by one message that names it and what is known.
@Suite struct RefusalTests {
  @Test(arguments: [
    (
      ["show", "rms_nrom"],
      "Error: no operator rms_nrom; did you mean rms_norm? \"tessera operators\" lists all\n"
    ),
    (
      ["operators", "softmix"],
      "Error: no operator softmix; did you mean softmax? \"tessera operators\" lists all\n"
    ),
    (
      ["run-operator", "softmax", "--instance", "smal"],
      "Error: no instance of softmax \"smal\"; known are \"rows of 4096\", \"small\"\n"
    ),
    (
      ["show", "softmax", "--target", "cpu-axv2"],
      "Error: no target cpu-axv2; did you mean cpu-avx2?\n"
    ),
    (
      ["run-operator", "softmax", "--target", "cuda-modle"],
      "Error: no target cuda-modle; did you mean cuda-model? \"tessera run-operator --help\" lists all\n"
    ),
    (
      ["run-operator", "softmax", "--set", "rwos=4"],
      "Error: no run-time number of softmax rwos; known are rows, width\n"
    ),
    (
      ["run-operator", "softmax", "--set", "rows=-1"],
      "Error: --set rows=-1: rows in 0...1048576 expected\n"
    ),
  ])
  func namesWhatIsKnown(arguments: [String], message: String) throws {
    let outcome = try Command.run("tessera", arguments)
    #expect(outcome.status != 0)
    #expect(outcome.output == "")
    #expect(outcome.errors == message)
  }

  /// Without a driver, what lacks is named together with what to do; TESSERA_CUDA says that there is none.
  @Test func aGPUWithoutDriverIsRefused() throws {
    let outcome = try Command.run(
      "tessera", ["run-operator", "softmax", "--target", "cuda:0"],
      environment: ["TESSERA_CUDA": "/nonexistent/libcuda.so.1"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("Error: no NVIDIA driver here: install one, or set TESSERA_CUDA to the path"))
  }

  /// Without AscendCL, what lacks is named together with what there is instead.
  @Test(arguments: [["run-operator", "softmax", "--target", "ascend:0"], ["run", "Models/v4-nano", "a", "--device", "ascend:0"]])
  func anNPUIsRefused(arguments: [String]) throws {
    let outcome = try Command.run("tessera", arguments, environment: ["ASCEND_HOME_PATH": "/nonexistent"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("Error: AscendCL is not here: no library opened: looked for libascendcl.so in /nonexistent/lib64, "))
    #expect(outcome.errors.contains("`tessera export OPERATOR|MODEL --target ascend-910b --out FOLDER` writes a package that"))
  }

  @Test(arguments: [
    (["softmax", "--out", "Tests"], "Tests: a new or an empty folder expected, one with CAllocationCount found"),
    (["Models/none", "--out", "x"], "no model Models/none; an operator or a folder with config.json expected"),
    (["Models/v4-nano", "--out", "x", "--seed", "2"], "--instance, --set, --kind and --seed are for an operator"),
    (["softmax", "--out", "x", "--decode", "2"], "--tokens, --prompt, --decode and --arithmetic are for a model"),
    (["Models/v4-nano", "--out", "x", "--tokens", "70000"], "70000"),
    (["softmax", "--out", "x", "--target", "cuda-sm90a"], "cuda-sm90a is a GPU: `make gpu-check` packs a folder"),
    (["softmax", "--out", "x", "--target", "ascend-950"], "no target ascend-950; known are ascend-910b"),
    (["matmul", "--out", "x"], "matmul on Ascend: a multiply-add with one rounding"),
  ])
  func packagesAreRefused(arguments: [String], message: String) throws {
    let outcome = try Command.run("tessera", ["export"] + arguments)
    #expect(outcome.status == 1 && outcome.output == "")
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: "x"))
  }

  @Test func answersThatAreNoneAreRefused() throws {
    let outcome = try Command.run("tessera", ["probes", "Package.swift"])
    #expect(outcome.status == 1 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("Error: Package.swift: JSON that a package of probes writes expected, "))
    let missing = try Command.run("tessera", ["probes", "nowhere.json"])
    #expect(missing.status == 1 && missing.errors.hasPrefix("Error: nowhere.json: a file that a package of probes wrote expected"))
  }

  @Test(arguments: [["export", "--out", "x"], ["export", "softmax", "--probes", "--out", "x"], ["show", "softmax", "--program", "--source"], ["run-operator", "softmax", "--set", "rows"]])
  func misspeltOptionsExplainTheUsage(arguments: [String]) throws {
    let outcome = try Command.run("tessera", arguments)
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("Usage: tessera"))
  }
}
