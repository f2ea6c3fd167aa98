import Foundation
import MachineIR
import Proofs
import Runtime
import Testing
import Tiles

/// What is not proved is not loaded, and what a waiver can and cannot do.
@Suite(.enabled(if: WrongKernel.hasSolver)) struct RefusedLoadTests {
  private func shifted(by shift: Int, _ waiver: String? = nil) throws -> Program {
    try Kernel("shifted") { k in
      let rows = k.dimension("rows", in: 0...4096)
      let width = Dimension("width", 12)
      let x = k.input("x", Float.self, [rows, width])
      let y = k.output("y", Float.self, [rows, width])
      if let waiver { k.waive(waiver, because: "a test") }
      k.parallel(rows) { r in y[r, width] = x[r, Position(width) + shift] }
    }.program()
  }

  @Test func theRuntimeNamesTheLineAndTheValues() throws {
    let error = try #require(throws: Diagnostic.self) { try Executable(try shifted(by: 1)) }
    #expect(error.message.contains("shifted is not proved: x[rows, width + 1]: width + 1 < 12"))
    #expect(error.message.contains("false for"))
    #expect(error.message.contains("width = 11"))
    #expect(error.locations.first?.file == "Refuse/RefusedLoadTests.swift")
  }

  @Test func aRefutationCannotBeWaived() throws {
    let proof = Prover().prove(try shifted(by: 1, "inBounds x"))
    #expect(!proof.isComplete)
    #expect(proof.idleWaivers.count == 1)
  }

  @Test func anIdleWaiverIsRefused() throws {
    let error = try #require(throws: Diagnostic.self) { try Executable(try shifted(by: 0, "inBounds x")) }
    #expect(error.message == "nothing needs the waiver of inBounds x")
  }

  @Test func anUnknownVerdictMayBeWaivedByName() throws {
    // Without a solver, what is false is unknown.
    let proof = Prover(solver: nil).prove(try shifted(by: 1, "inBounds x"))
    #expect(proof.isComplete)
    #expect(proof.results.contains { $0.waiver?.reason == "a test" })
    #expect(!Prover(solver: nil).prove(try shifted(by: 1, "inBounds y")).isComplete)
    #expect(!Prover(solver: nil).prove(try shifted(by: 1)).isComplete)
  }

  @Test func verdictsAreKeptAndDamagedFilesDecidedAgain() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("verdicts-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let prover = Prover(cache: VerdictCache(folder: folder))
    let program = try shifted(by: 1)
    let first = prover.prove(program)
    let second = prover.prove(program)
    #expect(!first.wasCached && second.wasCached)
    #expect(first.results == second.results)
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    #expect(files.count == 1)
    let text = try String(contentsOf: files[0], encoding: .utf8)
    for damaged in ["", String(text.dropLast(4)), text.replacing("refuted", with: "proved affine\n")] {
      try damaged.write(to: files[0], atomically: true, encoding: .utf8)
      let third = prover.prove(program)
      #expect(!third.wasCached && third.results == first.results)
    }
  }

  @Test func marksOfProvedProgramsNameTheProgramAndAreWholeOrNothing() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("marks-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let cache = VerdictCache(folder: folder)
    let program = try shifted(by: 0)
    #expect(!cache.holdsProved(program))
    cache.keepProved(program)
    #expect(cache.holdsProved(program))
    #expect(!cache.holdsProved(try shifted(by: 1)))
    #expect(!cache.holdsProved(try shifted(by: 0, "inBounds x")))
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    #expect(files.count == 1)
    try "proved".write(to: files[0], atomically: true, encoding: .utf8)
    #expect(!cache.holdsProved(program))
  }

  @Test(.enabled(if: MachineDescription.avx2.runsHere))
  func aPlanThatIsNotProvedIsNotLoaded() throws {
    for exhibit in [MachineMuseum.exhibits[0], MachineMuseum.exhibits[2]] {
      let error = try #require(throws: Diagnostic.self) { try Executable(plan: exhibit.plan) }
      #expect(error.message.hasPrefix("copy for cpu-avx2 is not proved: "))
      #expect(error.message.contains(exhibit.expected), "\(error.message)")
    }
    _ = try Executable(plan: MachineMuseum.correct)
    _ = try Executable(plan: MachineMuseum.exhibits[2].plan, unproved: "a test that does not launch it")
  }

  @Test func marksOfProvedPlansNameThePlanAndAreWholeOrNothing() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("marks-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let cache = VerdictCache(folder: folder)
    let plan = MachineMuseum.correct
    let proved = MachineProof(plan).proved
    #expect(cache.proved(plan.stableHash) == nil)
    cache.keepProved(plan.stableHash, proved)
    #expect(cache.proved(plan.stableHash) == proved)
    #expect(!proved.counts.isEmpty)
    for exhibit in MachineMuseum.exhibits { #expect(cache.proved(exhibit.plan.stableHash) == nil, "\(exhibit)") }
    // What was printed of the plan is another note than its proof, and neither answers for the other.
    #expect(cache.digest(of: plan.stableHash) == nil)
    cache.keepDigest("0123", of: plan.stableHash)
    #expect(cache.digest(of: plan.stableHash) == "0123" && cache.proved(plan.stableHash) == proved)
    var files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    #expect(files.count == 2)
    files = files.filter { $0.pathExtension == "proved" }
    let text = try String(contentsOf: files[0], encoding: .utf8)
    for damaged in ["", String(text.dropLast(1)), text.replacing("proved", with: "proved 1")] {
      try damaged.write(to: files[0], atomically: true, encoding: .utf8)
      #expect(cache.proved(plan.stableHash) == nil)
    }
  }
}
