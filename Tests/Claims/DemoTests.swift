import Testing

@testable import tessera

/// The demo prints the very operator that it runs, and the example package has the same one.
@Suite struct DemoTests {
  @Test func printedOperatorIsTheCompiledOne() throws {
    #expect(demoOperatorText == (try Repository.text("Sources/tessera/DemoOperator.swift")))
  }

  @Test func examplePackageHasTheSameOperator() throws {
    #expect(
      try Repository.text("Examples/OwnOperator/Sources/OwnOperator/GatedNorm.swift") == demoOperatorText)
  }
}
