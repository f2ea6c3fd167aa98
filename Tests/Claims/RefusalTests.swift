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

  @Test(arguments: [["show", "softmax", "--program", "--source"], ["run-operator", "softmax", "--set", "rows"]])
  func misspeltOptionsExplainTheUsage(arguments: [String]) throws {
    let outcome = try Command.run("tessera", arguments)
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("Usage: tessera"))
  }
}
