import MachineIR
import Operators
import Proofs
import Schedules
import Testing
import TileIR

/// Scores of an indexer on a matrix unit, in programs that multiply something else.
@Suite struct NibbleMatrixTests {
  private static let plan: Plan = {
    let instances = OperatorLibrary.named("index_scores")!.instances
    let instance = instances.first { $0.name == "small sixteen heads" }!
    return try! Lowering.plan(instance.kernel().program(), for: .sm90a)
  }()

  /// What the proof says of the order of sums, with statements changed that `change` gives something for.
  private func open(_ change: (MachineStatement) -> MachineStatement?) -> [String] {
    let wrong = Self.plan.changing(change)
    #expect(wrong != Self.plan)
    return MachineProof(wrong).open
  }

  /// The elements of register arrays whose names begin so, changed.
  private func elements(
    of array: String, _ change: @escaping (Expression) -> Expression?
  ) -> (MachineStatement) -> MachineStatement? {
    { statement in
      guard case .setElement(let target, let indices, let value) = statement, target.name == array else { return nil }
      return change(value).map { .setElement(target, indices, $0) }
    }
  }

  @Test func unchangedItIsProvedAndMultipliesHalves() {
    #expect(MachineProof(Self.plan).isProved)
    var products = 0
    for statement in Self.plan.variants[0].kernels[0].body {
      statement.forEach {
        if case .assign(_, .apply(.multiplyHalves, _, _)) = $0 { products += 1 }
      }
    }
    #expect(products > 0)
  }

  @Test func aPairTwiceIsRefused() {
    let open = open(
      elements(of: "columns") { value in
        guard case .apply(.halvesOfE2M1(pair: 1), let operands, let type) = value else { return nil }
        return .apply(.halvesOfE2M1(pair: 0), operands, type)
      })
    #expect(open.contains { $0.contains("reductionOrder in index_scores") }, "\(open)")
  }

  @Test(arguments: ["byte_1", "byte_3"]) func aByteTwiceInAWordIsRefused(byte: String) {
    let open = open { statement in
      guard case .define(let variable, .gatherRaw(let buffer, let offset, let lanes, let type)) = statement,
        variable.name == byte
      else { return nil }
      return .define(variable, .gatherRaw(buffer: buffer, offset: offset - .constant(1), lanes: lanes, type))
    }
    #expect(open.contains { $0.contains("reductionOrder in index_scores") }, "\(open)")
  }

  @Test func aGroupTwiceIsRefused() {
    let open = open { statement in
      guard case .assign(let sum, .apply(.multiplyHalves, let operands, let type)) = statement,
        case .element(let rows, let at) = operands[1], at == [.constant(2)]
      else { return nil }
      return .assign(
        sum, .apply(.multiplyHalves, [operands[0], .element(rows, [.constant(0)]), operands[2]], type))
    }
    #expect(open.contains { $0.contains("reductionOrder in index_scores") }, "\(open)")
  }

  @Test func scalesOfAnotherGroupAreRefused() {
    let open = open { statement in
      guard case .define(let variable, let value) = statement, variable.name == "column_scale_1" else { return nil }
      return .define(variable, value.apply(.multiply, value))
    }
    #expect(open.contains { $0.contains("reductionOrder in index_scores") }, "\(open)")
  }

  /// With a shift of more than six there are no halves, and nothing is known of their sums.
  @Test func halvesOutOfRangeAreRefused() {
    let open = open(
      elements(of: "rows") { value in
        guard case .apply(let instruction, let operands, let type) = value else { return nil }
        return .apply(instruction, [operands[0], .integer(7, type)], type)
      })
    #expect(open.contains { $0.contains("exactAccumulator in index_scores: multiplyHalves") }, "\(open)")
  }
}
