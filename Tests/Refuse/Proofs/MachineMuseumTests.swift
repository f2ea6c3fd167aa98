import MachineIR
import Proofs
import Testing
import TileIR

/// Wrong machine programs are refused, each for what is wrong with it, at the author's line.
@Suite struct MachineMuseumTests {
  @Test func theCorrectProgramIsProved() {
    let proof = MachineProof(MachineMuseum.correct)
    #expect(proof.isProved, "\(proof.open)")
  }

  @Test func aSumThatFitsIsProved() {
    for plan in [MachineMuseum.summing(rounds: 16_000), MachineMuseum.multiplying(rounds: 4095)] {
      let proof = MachineProof(plan)
      #expect(proof.isProved, "\(proof.open)")
      #expect(proof.findings.contains { $0.kind == .exactAccumulator })
    }
  }

  @Test(arguments: MachineMuseum.exhibits)
  func wrongProgramsAreRefused(_ exhibit: MachineMuseum.Exhibit) {
    let open = MachineProof(exhibit.plan).open
    #expect(open.contains { $0.contains(exhibit.expected) }, "\(exhibit): \(open)")
  }

  @Test func aRefusalNamesTheLineAndNumbers() throws {
    let exhibit = MachineMuseum.exhibits[0]
    let text = try #require(MachineProof(exhibit.plan).open.first)
    #expect(text.hasPrefix("Museum/Copy.swift:7: inBounds"))
  }
}

/// Each kind of report of the interpreter, on a program that has just that fault.
@Suite struct MachineFaultTests {
  private func fault(_ plan: Plan, rows: Int = 6, width: Int = 11) -> MachineFault.Kind? {
    let x = HostTensor(.float32, [rows, width], numbers: (0..<rows * width).map { Float($0) })
    for order in MachineInterpreter.CellOrder.allCases {
      do {
        _ = try MachineInterpreter.run(plan, ["x": .tensor(x)], order: order, rowGap: 2)
      } catch {
        return error.kind
      }
    }
    return nil
  }
  private typealias M = MachineMuseum
  private let lone = Expression.constant(0)

  @Test func theCorrectProgramHasNone() { #expect(fault(M.correct) == nil) }

  @Test func theFaultNamesTheLine() throws {
    let x = HostTensor(.float32, [6, 11])
    do {
      _ = try MachineInterpreter.run(M.exhibits[0].plan, ["x": .tensor(x)])
      Issue.record("no fault")
    } catch {
      #expect(error.location == SourceLocation(file: "Museum/Copy.swift", line: 7))
      #expect(error.kernel == "copy")
    }
  }

  @Test func aLaneBetweenRows() {
    guard case .betweenRows("x", 11)? = fault(M.exhibits[0].plan) else {
      Issue.record("no report")
      return
    }
  }

  @Test func aRowPastTheEnd() {
    guard case .outOfBounds("x", _, _, _)? = fault(M.exhibits[3].plan) else {
      Issue.record("no report")
      return
    }
  }

  @Test func aTailThatIsLeftOut() {
    guard case .neverWritten("y", _)? = fault(M.exhibits[1].plan) else {
      Issue.record("no report")
      return
    }
  }

  @Test func twoCellsAtOneElement() {
    guard case .race("y", _, _)? = fault(M.exhibits[5].plan) else {
      Issue.record("no report")
      return
    }
  }

  @Test func oneElementTwice() {
    guard case .writtenTwice("y", 0)? = fault(M.exhibits[6].plan) else {
      Issue.record("no report")
      return
    }
  }

  @Test func aScratchElementThatNobodyWrote() {
    let plan = M.plan(
      scratch: [ScratchArray("staged", .f32, count: .constant(4))],
      [M.store(lone, .raw(buffer: "staged", offset: lone, MachineType(.f32)))])
    #expect(fault(plan) == .unwritten(memory: "staged", element: 0))
  }

  @Test func aScratchArrayTooShort() {
    guard case .outOfBounds("staged", _, _, _)? = fault(M.exhibits[10].plan) else {
      Issue.record("no report")
      return
    }
  }

  @Test func anIntegerThatOverflows() {
    let most = Expression.integer(Int64(Int32.max), MachineType(.i32))
    let sum = most.apply(.add, .integer(1, MachineType(.i32)))
    #expect(fault(M.plan([M.store(sum.converted(to: .i64), .float(0))])) == .noValue(.overflow))
  }

  @Test func anIndexCutShort() {
    let wide = Expression.constant(1 << 40).converted(to: .i32).converted(to: .i64)
    #expect(fault(M.plan([M.store(wide, .float(0))])) == .noValue(.narrowed))
  }

  @Test func aRegisterBeyondItsArray() {
    #expect(fault(M.exhibits[12].plan) == .registerIndex(array: "parts", index: 4, extent: 4))
  }

  @Test func aDecisionOfSeveralLanes() {
    let lanes = Expression.laneNumbers(8).compared(.less, .integer(3, MachineType(.i32, 8)))
    #expect(fault(M.plan([.branch(lanes, [], [])])) == .notUniform(lanes: 8))
  }
}
