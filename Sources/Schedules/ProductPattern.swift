import TileIR

/// A region whose work is matrix products of two free axes: rows from the left operand, columns from
/// the right, with elementwise work before and after.
struct ProductPattern {
  let rows: Dimension
  let columns: Dimension
  let depth: Dimension
  let products: [ValueID]
  /// The partition parameter when rows are walked segment by segment.
  let partition: Int?
  let fixed: Set<Dimension>

  /// The pattern of a region, or nil where it has another shape.
  init?(program: Program, region: Region) {
    let parallel = region.axes.map(\.dimension)
    guard region.axes.allSatisfy({ $0.bounds == nil }) else { return nil }
    var found: [ValueID] = []
    var seen: Set<ValueID> = []
    var pending = region.statements.flatMap(\.dependencies)
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      if case .product = program[id].operation { found.append(id) }
      switch program[id].operation {
      case .carried, .loopResult: return nil
      default: break
      }
      pending += program[id].dependencies
    }
    guard let first = found.min(), case .product(let depth, let firstClass, _, _) = program[first].operation
    else {
      return nil
    }
    let (left, right) = (program[program[first].operands[0]], program[program[first].operands[1]])
    let rowCandidates = left.axes.filter { parallel.contains($0) && $0 != depth }
      .filter { !right.axes.contains($0) || region.axes.contains { $0.partition != nil } }
    let columnCandidates = right.axes.filter { $0 != depth && !left.axes.contains($0) }
    guard let rows = rowCandidates.first, columnCandidates.count == 1 else { return nil }
    let columns = columnCandidates[0]
    for id in found {
      guard case .product(depth, let productClass, _, _) = program[id].operation,
        Self.isBlocked(productClass), productClass == firstClass
      else { return nil }
      let (a, b) = (program[program[id].operands[0]], program[program[id].operands[1]])
      guard a.axes.contains(rows), !a.axes.contains(columns), b.axes.contains(columns),
        program[id].axes.allSatisfy({ $0 == rows || $0 == columns || parallel.contains($0) }),
        !Self.readsAny(found, from: [program[id].operands[0], program[id].operands[1]], in: program)
      else { return nil }
    }
    guard Self.isLength(depth, of: program), Self.isLength(columns, of: program) else { return nil }
    // After the products, only elementwise work: a reduction over columns needs whole rows.
    for id in seen where !found.contains(id) {
      switch program[id].operation {
      case .reduce, .scan, .topK, .sort, .stableOrder, .product, .sample, .join:
        if Self.readsAny(found, from: [id], in: program) { return nil }
      default: break
      }
    }
    for statement in region.statements {
      guard case .store(_, let indices, _, _) = statement.effect,
        indices.allSatisfy({ $0.values.isEmpty })
      else { return nil }
    }
    let partitioned = region.axes.first { $0.partition != nil }
    guard partitioned == nil || partitioned!.dimension == rows else { return nil }
    self.rows = rows
    self.columns = columns
    self.depth = depth
    products = found.sorted()
    partition = partitioned?.partition
    fixed = Set(parallel).subtracting([rows, columns])
  }

  private static func isBlocked(_ productClass: ProductClass) -> Bool {
    switch productClass {
    case .ordered(.chained(let run), _): (64...1024).contains(run)
    case .ordered(.sequential, _): true
    case .exactBlock(let block): block >= 16
    case .fixedPoint(let bits, let block):
      (16...512).contains(block) && RegionLowering.sumsFitDouble(bits: bits, block: block)
    default: false
    }
  }

  private static func isLength(_ dimension: Dimension, of program: Program) -> Bool {
    dimension.extent != nil || program.lengths[dimension] == .buffer
  }

  /// Whether any of `roots` is, or is computed from, one of `targets`.
  private static func readsAny(
    _ targets: [ValueID], from roots: [ValueID], in program: Program
  ) -> Bool {
    var seen: Set<ValueID> = []
    var pending = roots
    while let id = pending.popLast() {
      if targets.contains(id) { return true }
      if seen.insert(id).inserted { pending += program[id].dependencies }
    }
    return false
  }
}
