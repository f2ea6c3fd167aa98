import Operators
import Runtime
import Steps
import TileIR
import Tiles

/// Products with weights of one format: most of a prefill's work.
enum WeightProduct: CaseIterable {
  case fp4, fp8, bfloat16

  init?(_ element: ElementType) {
    switch element {
    case .e2m1: self = .fp4
    case .e4m3: self = .fp8
    case .bfloat16: self = .bfloat16
    default: return nil
    }
  }

  /// A product of 128 rows by itself, in the classes that the model's have.
  func contender(threads: Int, _ session: BenchSession) throws -> Contender {
    let (rows, inner, columns) = (128, 4096, self == .bfloat16 ? 1024 : 4096)
    let run = try OperatorRun(
      OperatorInstance("\(rows) rows", ["rows": rows]) {
        switch self {
        case .fp4: linearFP4(inputs: inner, outputs: columns)
        case .fp8: linearFP8(inputs: inner, outputs: columns)
        case .bfloat16:
          matmul(
            BFloat16.self, inner: inner, columns: columns, .fixedPoint(bits: 21, block: 128),
            transposedRight: true, result: BFloat16.self)
        }
      }, schedule: session.schedule)
    return Contender("\(self)", work: Double(rows) * Double(inner) * Double(columns)) {
      try run.launch(threads: threads)
    }
  }
}

extension Step {
  /// Multiply-adds of all products with weights, by the weight's format.
  func weightProducts(_ number: (RunNumber) -> Int) -> [WeightProduct: Double] {
    var found: [WeightProduct: Double] = [:]
    for launch in launches {
      let program = program(of: launch)
      for node in program.nodes {
        guard case .product(let depth, _, _, _) = node.operation,
          let weight = program.weight(behind: node.operands[1]), let kind = WeightProduct(weight)
        else { continue }
        found[kind, default: 0] += (node.axes + [depth]).reduce(1) {
          $0 * Double(launch.extents[$1]?.value(number) ?? $1.range.upperBound)
        }
      }
    }
    return found
  }
}

extension Program {
  /// The element type of the weight that a value is elements of, converted or not.
  fileprivate func weight(behind id: ValueID) -> ElementType? {
    switch self[id].operation {
    case .load(let position, _):
      parameters[position].role == .weight ? parameters[position].element : nil
    case .elementwise(.convert): weight(behind: self[id].operands[0])
    default: nil
    }
  }
}
