import MachineIR
@testable import Proofs
import Testing
import TileIR

/// Rows that a cell puts into an array of its own and reads from there: each element that is read has been stored, or
/// the plan is refused.
@Suite struct StoredElementTests {
  private typealias M = MachineMuseum

  private static let counter = Variable("place", .index)
  private static let at = Expression.variable(counter)
  private static let width = M.name("width")
  private static var whole: Expression { width - width.remainder(by: 8) }

  private static func staged(_ offset: Expression, _ type: MachineType) -> Expression {
    .raw(buffer: "staged", offset: offset, type)
  }

  /// Stores a row by whole vectors, the last one too.
  private static func fill(hasTail: Bool = true, to end: Expression? = nil) -> [MachineStatement] {
    let vectors = MachineStatement.loop(
      CountedLoop(
        counter, from: .constant(0), to: end ?? whole, step: 8,
        [.storeRaw(buffer: "staged", offset: at, M.load(M.place(.variable(M.row), at), M.vector))]))
    let tail = MachineStatement.branch(
      whole.compared(.less, width),
      [
        .storeRaw(
          buffer: "staged", offset: whole,
          M.load(M.place(.variable(M.row), whole), M.vector, active: width - whole))
      ], [])
    return hasTail ? [vectors, tail] : [vectors]
  }

  /// Reads it element by element.
  private static func drain(to end: Expression? = nil) -> MachineStatement {
    let column = Expression.variable(M.column)
    return .loop(
      CountedLoop(
        M.column, from: .constant(0), to: end ?? width,
        [M.store(M.place(.variable(M.row), column, "y"), staged(column, MachineType(.f32)))]))
  }

  private static func proof(_ body: [MachineStatement]) -> MachineProof {
    let room = HostExpression.extent(M.width).dividedUp(by: 8) * .constant(8)
    return MachineProof(M.plan(scratch: [ScratchArray("staged", .f32, count: room)], M.overRows(body)), certifies: true)
  }

  private static func isRefused(_ body: [MachineStatement]) -> Bool {
    proof(body).findings.contains { $0.kind == .defined && !$0.verdict.isProved }
  }

  @Test func aRowStoredWholeIsRead() {
    let proof = Self.proof(Self.fill() + [Self.drain()])
    #expect(proof.isProved, "\(proof.open)")
    let obligations = proof.obligations.filter { $0.obligation.kind == .defined }
    #expect(!obligations.isEmpty)
  }

  @Test func aRowStoredBothWaysIsRead() {
    let first = M.load(M.place(.variable(M.row), .constant(0))).compared(.less, .float(0))
    let proof = Self.proof([
      .branch(Self.width.compared(.greater, .constant(0)), [.branch(first, Self.fill(), Self.fill())], []), Self.drain(),
    ])
    #expect(proof.isProved, "\(proof.open)")
  }

  @Test func aTailThatIsNotStored() { #expect(Self.isRefused(Self.fill(hasTail: false) + [Self.drain()])) }

  @Test func aRoundThatIsLeftOut() {
    let end = (Self.whole - .constant(8)).maximum(.constant(0))
    #expect(Self.isRefused(Self.fill(to: end) + [Self.drain()]))
  }

  @Test func aReadBeforeTheStore() { #expect(Self.isRefused([Self.drain()] + Self.fill())) }

  @Test func aStoreUnderAConditionOfData() {
    let first = M.load(M.place(.variable(M.row), .constant(0))).compared(.less, .float(0))
    #expect(
      Self.isRefused([
        .branch(Self.width.compared(.greater, .constant(0)), [.branch(first, Self.fill(), [])], []), Self.drain(),
      ]))
  }

  @Test func aLoopThatDataMayEnd() {
    let element = M.load(M.place(.variable(M.row), Self.at))
    let fill = MachineStatement.loop(
      CountedLoop(
        Self.counter, from: .constant(0), to: Self.width,
        [
          .branch(element.compared(.less, .float(0)), [.leave], []),
          .storeRaw(buffer: "staged", offset: Self.at, element),
        ]))
    #expect(Self.isRefused([fill, Self.drain()]))
  }

  @Test func aWholeVectorBehindTheRow() {
    let elements = MachineStatement.loop(
      CountedLoop(
        Self.counter, from: .constant(0), to: Self.width,
        [.storeRaw(buffer: "staged", offset: Self.at, M.load(M.place(.variable(M.row), Self.at)))]))
    let vectors = M.store(
      M.place(.variable(M.row), Self.whole, "y"), Self.staged(Self.whole, M.vector), active: Self.width - Self.whole)
    #expect(Self.isRefused([elements, .branch(Self.whole.compared(.less, Self.width), [vectors], [])]))
  }

  /// Registers that a round declares are undefined in the next.
  @Test func registersOfAnEarlierRound() {
    let parts = RegisterArray("parts", MachineType(.f32), [4])
    let column = Expression.variable(M.column)
    func body(_ index: Expression) -> [MachineStatement] {
      [
        .loop(
          CountedLoop(
            M.column, from: .constant(0), to: Self.width.minimum(.constant(4)),
            [
              .registers(parts), .setElement(parts, [column], M.load(M.place(.variable(M.row), column))),
              M.store(M.place(.variable(M.row), column, "y"), .element(parts, [index])),
            ]))
      ]
    }
    #expect(!Self.isRefused(body(column)))
    #expect(Self.isRefused(body(.constant(0))))
  }
}
