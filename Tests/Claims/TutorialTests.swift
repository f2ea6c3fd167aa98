import Operators
import Reference
import Runtime
import Testing
import Tiles

/// `Documentation/writing-an-operator.md`: every block of Swift stands in a file that is compiled, every
/// operator in it returns the same bits everywhere, every quoted message is the one that comes.
@Suite struct TutorialTests {
  @Test func everyBlockIsCompiled() throws {
    let compiled = try ["Kernels", "Running", "Mistakes"]
      .map { try Repository.text("Tests/Claims/Tutorial/\($0).swift") }.joined()
    let blocks = Markdown.blocks(in: try Repository.text("Documentation/writing-an-operator.md"), "swift")
    #expect(blocks.count > 5)
    for block in blocks { #expect(compiled.contains(block), "\(block)") }
  }

  @Test func biasExampleAddsTheBias() throws {
    #expect(try biasExample() == [1.5, 2, 2.5, 5, 5.5, 6, 6.5, 9])
  }

  @Test func quotedMessagesAreThoseThatCome() throws {
    let document = try Repository.text("Documentation/writing-an-operator.md")
    for (message, kernel) in tracedMistakes {
      #expect(document.contains("`\(message)`"), "\(message)")
      let mistake = #expect(throws: Diagnostic.self) { try kernel.program() }
      #expect(mistake?.message == message)
    }
    for (message, launch) in refusedLaunches {
      #expect(document.contains("`\(message)`"), "\(message)")
      let refusal = #expect(throws: Diagnostic.self) { try launch() }
      #expect(refusal?.message == message)
    }
  }

  static let operators: [(kernel: Kernel, extents: [String: Int])] = [
    (addBias(channels: 19), ["rows": 5]),
    (logSumExp(), ["rows": 5, "width": 131]),
    (linearSilu(inputs: 70, outputs: 5), ["rows": 9]),
    (pairMaximum(channels: 34), ["rows": 3]),
    (appendRows(span: 7, width: 5), ["rows": 4]),
    (recentMean(span: 11, most: 6), ["rows": 9]),
    (perExpertScale(experts: 4, width: 9), ["rows": 10]),
    (sinkhorn(rounds: 3, size: 4), ["tokens": 6]),
    (normedResidual(width: 37), ["rows": 5]),
  ]

  @Test(arguments: operators.indices)
  func operatorReturnsTheReferencesBits(_ position: Int) throws {
    let (kernel, extents) = Self.operators[position]
    let program = try kernel.program()
    let arguments = try arguments(program, extents)
    let results = try Executable(program).run(arguments)
    #expect(try Reference.run(program, arguments) == results)
  }

  @Test func checkOfTheTutorialHolds() throws {
    let kernel = linearSilu(inputs: 70, outputs: 5)
    #expect(try returnsTheSameBitsEverywhere(kernel, try arguments(try kernel.program(), ["rows": 9])))
  }

  private func arguments(_ program: Program, _ extents: [String: Int]) throws -> [String: Argument] {
    program.arguments(try program.randomArguments(extents: extents))
  }
}
