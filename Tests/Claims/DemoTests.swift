import Testing

@testable import tessera

/// The demo prints the very operator that it runs, and the example package has the same one.
@Suite struct DemoTests {
  @Test func printedOperatorIsTheCompiledOne() throws {
    #expect(demoOperatorText == (try Repository.text("Sources/tessera/DemoOperator.swift")))
  }

  @Test func demoComparesEveryTargetAndRefusesMistakes() throws {
    let outcome = try Command.run("tessera", ["demo"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains(/All \d+ runs returned the reference's bits\./))
    #expect(outcome.output.contains(/DemoOperator\.swift:8: x: bfloat16 \[rows, width\] expected, float32 \[\d+, \d+\] came\n/))
    #expect(outcome.output.contains(/Demo\.swift:\d+: reduction along depth: .*; see tessera\/Demo\.swift:\d+\n/))
    #expect(outcome.output.split(separator: "\n").count <= 32)
  }

  @Test func examplePackageHasTheSameOperator() throws {
    #expect(
      try Repository.text("Examples/OwnOperator/Sources/OwnOperator/GatedNorm.swift") == demoOperatorText)
  }
}
