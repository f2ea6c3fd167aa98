import MachineIR
import Proofs
import Testing
import TileIR

/// Sums whose addends do not meet as their class says are refused, whatever the numbers; those that do are proved.
@Suite struct SumOrderTests {
  /// What is open about the order; nothing else may be.
  private func open(_ plan: Plan) -> [String] {
    let findings = MachineProof(plan).findings.filter { !$0.verdict.isProved }
    #expect(findings.allSatisfy { $0.kind == .reductionOrder }, "\(findings.map(\.text))")
    return findings.map(\.text)
  }

  @Test func rightSumsAreProved() throws {
    #expect(open(try SumPlan.sequential(0..<37, of: 37)) == [])
    #expect(open(try SumPlan.chained(run: 8, of: 37, stated: 8)) == [])
    #expect(open(try SumPlan.tree(of: 7, halves: false)) == [])
    for width in [5, 16, 25, 41, 48] { #expect(open(try SumPlan.interleaved(.none, of: width)) == []) }
  }

  @Test func anAddendThatIsMissingIsRefused() throws {
    #expect(open(try SumPlan.sequential(0..<36, of: 37)).first?.contains("it has not all addends") == true)
    #expect(!open(try SumPlan.sequential(0..<19, of: 37) { $0 * .constant(2) }).isEmpty)
    #expect(open(try SumPlan.interleaved(.noTail)).first?.contains("it has not all addends") == true)
  }

  @Test func anotherOrderIsRefused() throws {
    let reversed = try SumPlan.sequential(0..<37, of: 37) { .constant(36) - $0 }
    #expect(!open(reversed).isEmpty)
    // The same addends, but another tree.
    #expect(open(try SumPlan.tree(of: 7, halves: true)).first?.contains("not folded as is stated") == true)
    for fault in [SumPlan.LaneFault.neighboursFirst, .halvesMixed, .lastLaneOnly] {
      #expect(!open(try SumPlan.interleaved(fault)).isEmpty, "\(fault)")
    }
    #expect(open(try SumPlan.chained(run: 4, of: 37, stated: 8)).isEmpty == false)
    #expect(open(try SumPlan.chained(run: 16, of: 37, stated: 8)).isEmpty == false)
  }

  @Test func anAddendThatCountsTwiceIsRefused() throws {
    #expect(!open(try SumPlan.interleaved(.tailTwice)).isEmpty)
    #expect(!open(try SumPlan.interleaved(.tailElsewhere)).isEmpty)
  }

  @Test func anElementThatNothingIsAddedToIsRefused() throws {
    for used in 0..<3 { #expect(open(try SumPlan.elements(3, of: 3, used: used)) == []) }
    for used in 0..<2 { #expect(open(try SumPlan.elements(2, of: 3, used: used)) == []) }
    let open = open(try SumPlan.elements(2, of: 3, used: 2))
    #expect(open.first?.contains("elements that are used may not have been added to") == true)
  }

  @Test func aSumThatDoesNotBeginAtZeroIsRefused() throws {
    #expect(open(try SumPlan.sequential(0..<37, of: 37, from: 1)).first?.contains("does not begin at +0") == true)
    #expect(open(try SumPlan.sequential(0..<37, of: 37, from: -0.0)).first?.contains("does not begin at +0") == true)
  }

  /// A row of 48 by pieces of 16, each copied to one array before its elements are added.
  private func pieces(
    from first: (Expression) -> Expression = { $0 }, element: (Expression) -> Expression = { $0 },
    isLate: Bool = false
  ) throws -> Plan {
    let piece = ScratchArray("piece", .f32, count: .constant(16))
    return try SumPlan.plan(width: 48, .sequential, for: .ascend910b, scratch: [piece]) { row in
      func copy(_ start: Expression) -> MachineStatement {
        .storeRaw(buffer: piece.name, offset: .constant(0), SumPlan.load(row + first(start), lanes: 16))
      }
      let loop = SumPlan.loop("start", 0..<48, step: 16) { start in
        let adds = SumPlan.loop("step", 0..<16) { step in
          let addend = Expression.raw(buffer: piece.name, offset: element(step), SumPlan.scalar)
          return [.assign(SumPlan.total, Expression.variable(SumPlan.total).apply(.add, addend))]
        }
        return isLate ? [adds, copy(start)] : [copy(start), adds]
      }
      let before = isLate ? [copy(.constant(0))] : []
      return (before + [.declare(SumPlan.total, SumPlan.zero), loop], .variable(SumPlan.total))
    }
  }

  @Test func anArrayThatIsFilledAnewIsLookedThrough() throws {
    #expect(open(try pieces()) == [])
    // Pieces, or what is in them, the other way round; one piece all the time; each a round late.
    #expect(!open(try pieces(from: { .constant(32) - $0 })).isEmpty)
    #expect(!open(try pieces(element: { .constant(15) - $0 })).isEmpty)
    #expect(!open(try pieces(from: { _ in .constant(0) })).isEmpty)
    #expect(!open(try pieces(isLate: true)).isEmpty)
  }

  @Test func aSumThatIsStatedHasToBeMade() throws {
    let plan = try SumPlan.plan(width: 3, .sequential) { row in ([], SumPlan.load(row)) }
    #expect(open(plan).first?.contains("no kernel of every launch has it") == true)
  }
}
