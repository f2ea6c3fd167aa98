import MachineIR
import Operators
import TileIR

extension CheckIndex {
  /// The launches of an instance of a model's sizes that are timed: products at few rows and at many.
  static func timings(of entry: OperatorEntry, _ instance: OperatorInstance) throws -> [Timing] {
    try entry.timedExtents(of: instance).map { extents in
      Timing(
        operator: entry.name, instance: instance.name, extents: extents,
        product: entry.isDenseProduct ? try product(instance.kernel().program(), rows: extents["rows"]!) : nil)
    }
  }

  /// What cuBLAS has nearest to a product: it has none of E4M3 by E2M1 with scales of 32 values.
  private static func product(_ program: Program, rows: Int) -> Product? {
    guard
      let x = program.parameters.first(where: { $0.name == "x" }), let depth = x.axes.last?.extent,
      let columns = program.parameters.first(where: { $0.name == "y" })?.axes.last?.extent
    else { return nil }
    let kind: CuBLAS.Kind = x.element == .float32 ? .fp32 : x.element == .bfloat16 ? .bf16 : .fp8
    return Product(kind: kind, shape: .init(rows: rows, columns: columns, depth: depth))
  }
}
