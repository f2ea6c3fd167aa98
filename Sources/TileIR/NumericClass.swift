/// In which order the addends of a sum meet (numeric contract, section 2, class *ordered*).
/// Every accumulator starts at +0.
public enum SummationOrder: Hashable, Sendable {
  /// One accumulator, ascending.
  case sequential
  /// Sequential from +0 inside each aligned run of `run` elements; run sums added in ascending order.
  case chained(Int)
  /// Lane l of `lanes` adds elements l, l + lanes, … ascending; then halves fold: p[l] += p[l + h]
  /// for h = lanes/2 … 1. `lanes` is a power of two.
  case interleaved(Int)
  /// Adjacent pairs in index order, padded with +0 to a power of two; constant extents up to 256.
  case tree
}

/// How a multiply-add rounds: once, or after each operation.
public enum MultiplyAdd: String, Hashable, Sendable {
  case fused, unfused
}

/// Which bits a product returns (numeric contract, section 2). Every product names one.
public enum ProductClass: Hashable, Sendable {
  /// fp32 with a stated order.
  case ordered(SummationOrder, MultiplyAdd)
  /// Operands on a grid: blocks of `block` along the contracted axis are summed exactly and rounded
  /// once to fp32; block values are added in ascending order.
  case exactBlock(Int)
  /// Operands off the grid: each block of `block` of each operand becomes integers of `bits` bits
  /// with one exponent; then as `exactBlock(block)`.
  case fixedPoint(bits: Int, block: Int)
  /// As `fixedPoint`, but each contracted index of the right operand has one exponent, shared along
  /// `axis`; that power of two is folded into the left operand before its blocks are formed.
  case fixedPointFolded(bits: Int, block: Int, axis: Dimension)
  /// One rounding of the exact real sum. The reference offers it for comparison; no target runs it.
  case exact
}

extension Program {
  /// The classes of everything that rounds or orders, in order of appearance; `exact` if nothing does.
  public var numericClasses: [String] {
    var names: [String] = []
    func note(_ name: String) { if !names.contains(name) { names.append(name) } }
    for node in nodes {
      switch node.operation {
      case .reduce(.sum(let order?), _): note("\(order)")
      case .product(_, let productClass, _, _): note("\(productClass)")
      case .call(let function): note("elementary \(function.name)")
      case .scan where node.type == .float32: note("\(SummationOrder.sequential)")
      case .elementwise(.convert(let target)):
        if target.isFloating, target != .float32 { note("rounding to \(target.rawValue)") }
      default: break
      }
    }
    return names.isEmpty ? ["exact"] : names
  }
}
