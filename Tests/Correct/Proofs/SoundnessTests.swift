import Proofs
import Reference
import Testing
import Tiles

/// The prover against exhaustive execution: what is proved, the reference runs at every small shape; what
/// is refuted, it refuses at the counterexample.
@Suite(.enabled(if: Z3.standard != nil)) struct SoundnessTests {
  @Test(arguments: [1, 2, 3]) func verdictsAgreeWithEveryShapeUpToABound(seed: UInt64) throws {
    var programs = RandomPrograms(seed: seed)
    var (proved, refuted) = (0, 0)
    for number in 0..<40 {
      let program = try programs.next().program()
      let proof = Prover().prove(program)
      let faults = try Self.faults(of: program)
      if proof.isComplete {
        proved += 1
        #expect(faults.isEmpty, "program \(number) is proved, but \(faults.first ?? "")\n\(program)")
      }
      for failure in proof.failures {
        guard case .refuted(let counterexample) = failure.verdict else {
          // Only whether everything is written may stay open.
          #expect(failure.obligation.kind == .covered, "program \(number): \(failure)\n\(program)")
          continue
        }
        refuted += 1
        // That state is read before it is written is the machine's to keep: the reference reads a copy.
        if failure.obligation.kind == .independentCells { continue }
        let replay = try #require(Replay(counterexample, of: program), "\(failure)")
        #expect(replay.run() != nil, "program \(number): \(failure), but the reference runs it\n\(program)")
      }
    }
    #expect(proved > 0 && refuted > 20, "\(proved) proved, \(refuted) refuted: the programs are too much alike")
  }

  /// What the reference says at every shape up to 7 rows and columns and every scalar.
  private static func faults(of program: Program) throws -> [String] {
    var faults: [String] = []
    let width = program.dimensions.first { $0.name == "width" }!.extent!
    for rows in 0...7 {
      for columns in [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 18] {
        for start in 0...3 {
          let arguments: [String: Argument] = [
            "x": .tensor(HostTensor(.float32, [rows, width])),
            "table": .tensor(HostTensor(.float32, [columns])),
            "state": .tensor(HostTensor(.float32, [columns])), "start": .int(Int32(start)),
          ]
          do throws(Diagnostic) {
            _ = try Reference.run(program, arguments)
          } catch {
            // A launch that the program does not admit says nothing.
            if !error.message.contains("this launch breaks") { faults.append("\(rows), \(columns), \(start): \(error)") }
          }
        }
      }
    }
    return faults
  }
}
