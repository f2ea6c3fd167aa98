import DeviceModel
import MachineIR
import Proofs
import Runtime
import Testing
import TileIR

/// Loops whose rounds the warps of a block share: what is wrong with them is refused by the proof, and seen by the
/// interpreter and, in the text, by the device model.
@Suite struct SharedLoopTests {
  private typealias M = MachineMuseum

  /// What becomes of each row: warps put blocks of it on chip, and take them in the opposite order.
  private enum Fault: CaseIterable {
    case none, noWaitBetween, noWaitBeforeTheNextRow, waitOfAWarp, waitWithinARound, roundsOverlap, registerHandedOn,
      storeOutside
  }
  private static let x = HostTensor(.float32, [6, 256], numbers: (0..<6 * 256).map { Float($0) })

  private func plan(_ fault: Fault) -> Plan {
    let lanes = MachineType(.f32, 32)
    let block = MachineIR.Variable("block", .index)
    let at = Expression.variable(block)
    let last = MachineIR.Variable("last", lanes)
    let loaded = Expression.load(Access("x", .float32, M.place(.variable(M.row), at)), lanes, active: nil)
    let apart = fault == .roundsOverlap ? at.divided(by: 2) : at
    var stage: [MachineStatement] = [.storeRaw(buffer: "staged", offset: apart, loaded)]
    if fault == .registerHandedOn { stage.append(.assign(last, loaded)) }
    if fault == .waitWithinARound { stage.append(.synchronise(.block)) }
    func shared(_ body: [MachineStatement]) -> MachineStatement {
      .loop(CountedLoop(block, from: .constant(0), to: .constant(256), step: 32, sharedOut: true, body))
    }
    let turned = M.store(
      M.place(.variable(M.row), .constant(224) - at, "y"), .raw(buffer: "staged", offset: .constant(224) - at, lanes))
    let wait = MachineStatement.synchronise(fault == .waitOfAWarp ? .warp : .block)
    var body = [wait, shared(stage), wait, shared([turned])]
    switch fault {
    case .noWaitBetween: body = [wait, shared(stage), shared([turned])]
    case .noWaitBeforeTheNextRow: body = [shared(stage), wait, shared([turned])]
    case .storeOutside:
      body.insert(.storeRaw(buffer: "staged", offset: .constant(0), Expression.float(1, lanes: 32)), at: 1)
    case .registerHandedOn: body.insert(.declare(last, Expression.float(0, lanes: 32)), at: 0)
    default: break
    }
    let plan = M.plan(scratch: [ScratchArray("staged", .f32, count: .constant(256))], on: .sm80, M.overRows(body))
    let kernel = plan.variants[0].kernels[0]
    return Plan(
      program: plan.program, machine: plan.machine, schedule: "", workspaces: [],
      variants: [
        PlanVariant(name: "every launch", guards: [], kernels: [kernel.sharingLoops(kernel.body, warps: 4)])
      ], messages: [])
  }

  @Test func roundsThatAreApartAreProved() {
    let findings = MachineProof(plan(.none)).findings.filter { $0.kind == .ordered }
    #expect(findings.count > 1 && findings.allSatisfy(\.verdict.isProved), "\(findings)")
    #expect(fault(plan(.none)) == nil)
  }

  @Test func whatOneRoundDoesToAnotherIsRefused() {
    for fault in Fault.allCases where fault != .none {
      let open = MachineProof(plan(fault)).findings.filter { $0.kind == .ordered && !$0.verdict.isProved }
      #expect(!open.isEmpty, "\(fault)")
    }
  }

  @Test func theInterpreterSeesWhatMeets() {
    for wrong in [Fault.noWaitBetween, .noWaitBeforeTheNextRow, .roundsOverlap] {
      guard case .unordered("staged", _)? = fault(plan(wrong)) else {
        Issue.record("\(wrong) is not seen")
        continue
      }
    }
    for wrong in [Fault.waitOfAWarp, .waitWithinARound] {
      guard case .malformed? = fault(plan(wrong)) else {
        Issue.record("\(wrong) is not seen")
        continue
      }
    }
  }

  private func fault(_ plan: Plan) -> MachineFault.Kind? {
    do {
      _ = try MachineInterpreter.run(plan, ["x": .tensor(Self.x)])
      return nil
    } catch {
      return error.kind
    }
  }

  @Test func theDeviceModelSeesItInTheText() throws {
    let orders: [DeviceOrder] = [.ascending, .descending, .shuffled(seed: 3)]
    for (wrong, kind) in [
      (Fault.none, nil), (.noWaitBetween, DeviceReport.Kind.race), (.noWaitBeforeTheNextRow, .race),
      (.roundsOverlap, .race), (.storeOutside, .race),
    ] {
      let plan = plan(wrong)
      let model = try DeviceModelProgram(plans: [plan], unproved: "what the device model sees of it is compared here")
      for order in orders {
        let host = try HostArguments(plan.program, ["x": .tensor(Self.x)])
        switch try model.run([.init(plan: 0, host.launch, extents: [:])], order: order)[0] {
        case .success: #expect(kind == nil && host.results()["y"] == Self.x, "\(wrong) in \(order) order")
        case .failure(let error):
          let kinds = Set(try #require(error as? DeviceHazards, "\(error)").reports.map(\.kind))
          #expect(kind.map(kinds.contains) == true, "\(wrong) in \(order) order: \(kinds)")
        }
      }
    }
  }
}
