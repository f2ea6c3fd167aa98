import DeviceModel
import MachineIR
import Runtime
import Testing
import TileIR

/// The text that a pipeline of copies is printed as runs in the device model, which sees in it what proofs refuse.
@Suite struct EmittedCopyTests {
  private static let x = HostTensor(.float32, [7, 64], numbers: (0..<7 * 64).map { Float($0) })
  private static let orders: [DeviceOrder] = [.ascending, .descending, .shuffled(seed: 3)]

  /// What is reported in each order.
  private func reports(_ fault: CopyMuseum.Fault, isBulk: Bool = false) throws -> [Set<DeviceReport.Kind>] {
    let plan = CopyMuseum.plan(fault, isBulk: isBulk)
    let model = try DeviceModelProgram(plans: [plan], unproved: "what the device model sees of it is compared here")
    return try Self.orders.map { order in
      let host = try HostArguments(plan.program, ["x": .tensor(Self.x)])
      switch try model.run([.init(plan: 0, host.launch, extents: [:])], order: order)[0] {
      case .success:
        #expect(host.results()["y"] == Self.x)
        return []
      case .failure(let error): return Set(try #require(error as? DeviceHazards, "\(error)").reports.map(\.kind))
      }
    }
  }

  @Test(arguments: [false, true])
  func aRightPipelineHasNothingToReport(isBulk: Bool) throws {
    #expect(try reports(.none, isBulk: isBulk) == [[], [], []])
  }

  @Test(arguments: [
    (CopyMuseum.Fault.noWait, DeviceReport.Kind.readInFlight), (.waitForOneMore, .readInFlight),
    (.noSynchronise, .race), (.storeToStage, .overwriteInFlight), (.noDrain, .neverWaited),
    (.misaligned, .misaligned), (.storeToBarrier, .race),
  ])
  func faultsOfBulkCopiesAreReported(_ fault: CopyMuseum.Fault, _ kind: DeviceReport.Kind) throws {
    for (found, order) in zip(try reports(fault, isBulk: true), Self.orders) {
      #expect(found.contains(kind), "\(fault) in \(order) order: \(found)")
    }
  }

  @Test(arguments: [
    (CopyMuseum.Fault.noWait, DeviceReport.Kind.readInFlight), (.waitForOneMore, .readInFlight),
    (.lateWait, .readInFlight), (.tooFarAhead, .readInFlight), (.ringTooSmall, .readInFlight),
    (.openGroup, .readInFlight), (.groupsOfSome, .readInFlight), (.noSynchronise, .race), (.earlySynchronise, .race),
    (.ringTooSmallForLaterCopies, .race), (.storeToStage, .overwriteInFlight), (.changedSource, .overwriteInFlight),
    (.noDrain, .neverWaited), (.misaligned, .misaligned),
  ])
  func faultsAreReported(_ fault: CopyMuseum.Fault, _ kind: DeviceReport.Kind) throws {
    for (found, order) in zip(try reports(fault), Self.orders) {
      #expect(found.contains(kind), "\(fault) in \(order) order: \(found)")
    }
  }
}
