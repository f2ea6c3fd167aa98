import MachineIR
import Operators
import TileIR

extension CheckIndex {
  /// The launches of an instance of a model's sizes that are timed: products at few rows and at many.
  static func timings(of entry: OperatorEntry, _ instance: OperatorInstance) throws -> [Timing] {
    let extents = instance.shapes[0]
    guard let kind = kinds[entry.name] else {
      return [Timing(operator: entry.name, instance: instance.name, extents: extents, product: nil)]
    }
    let program = try instance.kernel().program()
    let y = program.parameters.first { $0.name == "y" }!
    let x = program.parameters.first { $0.name == "x" }!
    let columns = y.axes.last!.extent!
    let depth = x.axes.last!.extent!
    return rows.map { rows in
      Timing(
        operator: entry.name, instance: instance.name, extents: ["rows": rows],
        product: Product(
          kind: x.element == .bfloat16 ? .bf16 : kind, shape: .init(rows: rows, columns: columns, depth: depth)))
    }
  }

  /// What cuBLAS has nearest to an operator: it has no product of E4M3 by E2M1 with scales of 32 values.
  private static let kinds: [String: CuBLAS.Kind] = ["linear_fp4": .fp8, "linear_fp8": .fp8, "matmul": .fp32]
  private static let rows = [1, 4, 16, 4096]
}
