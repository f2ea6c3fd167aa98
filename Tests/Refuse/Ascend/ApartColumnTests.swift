import MachineIR
import Operators
import Proofs
import Schedules
import Testing
import TileIR

/// Columns whose groups' scales lie apart, in programs that are wrong about them.
@Suite struct ApartColumnTests {
  static let plan: Plan = {
    let instance = OperatorLibrary.named("linear_fp4")!.instances.first(where: \.isSmall)!
    return try! Lowering.plan(instance.kernel().program(), for: .ascend910b)
  }()

  /// The plan with definitions changed that `change` gives something for.
  private func changed(_ change: @escaping (MachineIR.Variable, Expression) -> Expression?) -> Plan {
    Self.plan.changing { statement in
      guard case .define(let variable, let value) = statement else { return nil }
      return change(variable, value).map { .define(variable, $0) }
    }
  }

  /// Where products of one slice have less room than those of two in the memory that sums go through, a core's sums lie
  /// where another's do.
  @Test func sumsOfTwoSizesInOneMemoryAreRefused() throws {
    let wrong = Self.plan.changing { statement in
      guard case .multiplySlices(let product) = statement, product.rightSlices < product.rightSlicesThere else {
        return nil
      }
      return .multiplySlices(
        SliceProduct(
          product.left, slices: product.leftSlices, by: product.right, slices: product.rightSlices, rows: product.rows,
          columns: product.columns, depth: product.depth, to: product.target, through: product.exchange))
    }
    #expect(wrong != Self.plan)
    for kernel in try Lowering.pipes(wrong) where kernel.usesCubes {
      let faults = PipeProof(kernel).faults
      #expect(faults.contains { $0.message.contains("may lie over each other") }, "\(faults)")
    }
  }

  @Test func unchangedItIsProved() { #expect(MachineProof(Self.plan).isProved) }

  /// Slices' products are summed before they are weighed: with the highest slice's weight 32 bits are too few.
  @Test func sumsThatLeave32BitsAreRefused() {
    let wrong = changed { variable, value in
      variable.name == "products_2" ? value.apply(.multiply, .integer(1 << 14, value.type)) : nil
    }
    #expect(wrong != Self.plan)
    let open = MachineProof(wrong).open
    #expect(open.contains { $0.contains("exactAccumulator in linear_fp4") }, "\(open)")
  }

  @Test func aColumnBeyondTheTileIsRefused() {
    let wrong = changed { variable, value in
      // Of the even blocks and of the odd ones.
      guard ["column_exponent", "column_exponent_1"].contains(variable.name), case .load(let access, let type, _) = value else { return nil }
      let beyond = Access(access.buffer, access.element, access.offset + .constant(1))
      return .load(beyond, type, active: nil)
    }
    #expect(wrong != Self.plan)
    #expect(!MachineProof(wrong).isProved)
  }

  /// Lanes behind those that an instruction has written hold anything, and so do places made of them.
  @Test func lanesGatheredFromPlacesThatNothingFillsAreRefused() throws {
    let kernel = try #require(try Lowering.pipes(Self.plan).first { $0.usesCubes }).withoutNeedlessEvents()
    #expect(PipeProof(kernel).isProved)
    let wrong = kernel.mapping { _, statement in
      guard case .vector(let gather) = statement, gather.operation == .gather, gather.count == 4 else {
        return [statement]
      }
      return [
        .vector(
          VectorInstruction(
            gather.operation, gather.destination, gather.sources, count: 8, scalar: gather.scalar))
      ]
    }
    let faults = PipeProof(wrong).faults
    #expect(faults.contains { $0.message.contains("places that nothing fills") }, "\(faults)")
  }
}
