import Testing

/// The example package runs and says what the README says.
@Suite struct ExampleTests {
  @Test func exampleReturnsTheReferencesBits() throws {
    let outcome = try Command.run("example-own-operator", [])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasSuffix("the reference's bits: true\n"))
  }
}
