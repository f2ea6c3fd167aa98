import MachineIR
import Proofs
import Testing
import TileIR

/// Copies that are not waited for are refused by the proof, and seen by the interpreter.
@Suite struct CopyMuseumTests {
  typealias Order = MachineInterpreter.CellOrder

  private static let x = HostTensor(.float32, [7, 64], numbers: (0..<7 * 64).map { Float($0) })

  private func fault(_ fault: CopyMuseum.Fault, _ order: Order = .ascending, isBulk: Bool = false) -> MachineFault?
  {
    do {
      let plan = CopyMuseum.plan(fault, isBulk: isBulk)
      _ = try MachineInterpreter.run(plan, ["x": .tensor(Self.x)], order: order)
      return nil
    } catch {
      return error
    }
  }

  private static let threadFaults = CopyMuseum.Fault.allCases.filter {
    $0 != .none && !CopyMuseum.Fault.ofBulkCopies.contains($0)
  }

  @Test(arguments: Order.allCases, [false, true])
  func aPipelineGivesTheSameWheneverCopiesLand(_ order: Order, isBulk: Bool) throws {
    let plan = CopyMuseum.plan(.none, isBulk: isBulk)
    let outcome = try MachineInterpreter.run(plan, ["x": .tensor(Self.x)], order: order)
    #expect(outcome.results["y"] == Self.x)
  }

  @Test(arguments: Order.allCases)
  func theInterpreterSeesCopiesInFlight(_ order: Order) {
    for wrong in [
      CopyMuseum.Fault.noWait, .waitForOneMore, .lateWait, .ringTooSmall, .openGroup, .groupsOfSome, .tooFarAhead,
    ] {
      guard case .inFlight("ring", _, isWrite: false)? = fault(wrong, order)?.kind else {
        Issue.record("\(wrong) gives \(fault(wrong, order)?.description ?? "no fault")")
        continue
      }
    }
    guard case .inFlight("ring", _, isWrite: true)? = fault(.storeToStage, order)?.kind else {
      Issue.record("a store gives \(fault(.storeToStage, order)?.description ?? "no fault")")
      return
    }
  }

  @Test func theInterpreterSeesThreadsThatDoNotWaitForEachOther() {
    for wrong in [
      CopyMuseum.Fault.noSynchronise, .earlySynchronise, .noSynchroniseBetweenCells, .ringTooSmallForLaterCopies,
    ] {
      guard case .unordered("ring", _)? = fault(wrong)?.kind else {
        Issue.record("\(wrong) gives \(fault(wrong)?.description ?? "no fault")")
        continue
      }
    }
  }

  @Test func theInterpreterSeesBarriersInUse() {
    guard case .barrierInUse("barriers", 0)? = fault(.oneBarrier, isBulk: true)?.kind else {
      Issue.record("one barrier gives \(fault(.oneBarrier, isBulk: true)?.description ?? "no fault")")
      return
    }
    for wrong in [CopyMuseum.Fault.threeBarriers, .copyByThreads] {
      guard case .malformed? = fault(wrong, isBulk: true)?.kind else {
        Issue.record("\(wrong) gives \(fault(wrong, isBulk: true)?.description ?? "no fault")")
        continue
      }
    }
  }

  @Test(arguments: [false, true])
  func aPipelineIsProved(isBulk: Bool) {
    let proof = MachineProof(CopyMuseum.plan(.none, isBulk: isBulk))
    #expect(proof.isProved, "\(proof.open)")
    let sentences = Set(proof.findings.filter { [.inFlight, .defined].contains($0.kind) }.map(\.sentence))
    #expect(
      sentences == [
        "copies to ring are waited for before their places are touched",
        "elements of ring are copied before they are read",
        "elements of kept are written before they are read",
      ])
  }

  @Test(arguments: threadFaults)
  func everyFaultIsRefused(_ fault: CopyMuseum.Fault) {
    let kinds = MachineProof(CopyMuseum.plan(fault)).findings.filter { !$0.verdict.isProved }.map(\.kind)
    #expect(kinds.contains(fault.kind), "\(kinds)")
  }

  @Test(arguments: CopyMuseum.Fault.allCases.filter { $0 != .none })
  func everyFaultOfBulkCopiesIsRefused(_ fault: CopyMuseum.Fault) {
    let open = MachineProof(CopyMuseum.plan(fault, isBulk: true)).findings.filter { !$0.verdict.isProved }
    #expect(open.map(\.kind).contains(fault.kind), "\(open)")
    let message: String? =
      switch fault {
      case .oneBarrier: "before all threads have waited for the group before it"
      case .threeBarriers: "no array of barriers"
      case .storeToBarrier: "the barriers of copies, is touched by something else"
      case .copyByThreads: "at different barriers, or at none"
      default: nil
      }
    if let message { #expect(open.contains { $0.text.contains(message) }, "\(open.map(\.text))") }
  }

  /// What nothing has copied or written is refused for that alone.
  @Test(arguments: CopyMuseum.Fault.allCases.filter { $0.kind == .defined })
  func whatNothingHasWrittenIsSeen(_ fault: CopyMuseum.Fault) {
    let isOfRing = [CopyMuseum.Fault.noFirstCopy, .noSecondCopy, .noLaterCopies, .shortCopy].contains(fault)
    let sentence = "elements of \(isOfRing ? "ring are copied" : "kept are written") before they are read"
    let open = MachineProof(CopyMuseum.plan(fault)).findings.filter {
      !$0.verdict.isProved && $0.kind == .defined
    }
    #expect(Set(open.map(\.sentence)) == [sentence], "\(open)")
    // A copy takes along what has no value.
    let found = self.fault(fault)?.kind
    guard case .unwritten("ring", _)? = found else {
      Issue.record("the interpreter finds \(found.map { "\($0)" } ?? "nothing")")
      return
    }
  }

  @Test func aRefusalNamesTheLine() throws {
    func text(_ fault: CopyMuseum.Fault) throws -> String {
      let open = try #require(MachineProof(CopyMuseum.plan(fault)).findings.first { !$0.verdict.isProved })
      #expect(open.location.file == "Museum/Pipeline.swift" || fault == .noDrain)
      return open.text
    }
    #expect(
      try text(.waitForOneMore) == "inFlight in pipeline: copies to ring are waited for before their places are "
        + "touched: a stage may be read while a copy to it is in flight")
    #expect(try text(.noSynchronise).contains("read what another has copied before they wait for each other"))
    #expect(try text(.ringTooSmallForLaterCopies).contains("while another thread still reads its stage"))
    #expect(try text(.noDrain).contains("may outlive its cell"))
  }

  @Test func faultsSayWhatIsWrong() throws {
    let read = try #require(fault(.noWait))
    #expect(
      "\(read)" == "Museum/Pipeline.swift:5: byte 0 of ring is read while a copy to it is in flight in cell 0 of "
        + "pipeline: y[row * y_stride + cell * 32; 32] = @ring[row % 3 * 32; 32]")
    let left = try #require(fault(.noDrain, .descending))
    #expect("\(left)".contains("the cell ends while a copy to byte"), "\(left)")
    let changed = try #require(fault(.changedSource))
    #expect("\(changed)".contains("byte 256 of kept is written while a copy of it is in flight"), "\(changed)")
    let crooked = try #require(fault(.misaligned))
    #expect("\(crooked)".contains("a copy begins at element 2 of kept, no multiple of 16 bytes"), "\(crooked)")
  }
}
