import MachineIR
import TileIR

/// What of a kernel each cell of a pair has of its own: numbers that are made of the cell's number, but for those that
/// both have (`MachineKernel.isOfPair`), or of what its vector core computes. The cube core, which takes each step for
/// both, cannot know them.
struct OwnOfCells {
  private let kernel: MachineKernel
  private let written: Set<String>
  /// Names of variables.
  private(set) var variables: Set<String>
  /// Whether a product, or lines for one, stand where such a number decides.
  private(set) var decidesProducts = false

  init(_ kernel: MachineKernel) {
    self.kernel = kernel
    written = Set(kernel.buffers.filter(\.isWritten).map(\.name))
    variables = [kernel.cell.name]
    var before = 0
    repeat {
      before = variables.count
      _ = find(in: kernel.body, isOwn: false)
    } while variables.count != before
  }

  func contains(_ expression: Expression) -> Bool {
    switch expression {
    case .variable(let variable): variables.contains(variable.name)
    case .integer, .float, .laneNumbers, .table: false
    case .apply(_, let operands, _): !kernel.isOfPair(expression) && operands.contains(where: contains)
    case .load(let access, _, let active):
      written.contains(access.buffer) || contains(access.offset) || active.map(contains) ?? false
    case .conditional(let condition, let a, let b): [condition, a, b].contains(where: contains)
    case .broadcast(let value, _): contains(value)
    case .raw, .element, .gather, .gatherRaw: true
    }
  }

  /// Whether one of the statements leaves the loop around them where a cell's own number decides.
  private mutating func find(in statements: [MachineStatement], isOwn: Bool) -> Bool {
    var leaves = false
    for statement in statements {
      switch statement {
      case .define(let variable, let value), .declare(let variable, let value), .assign(let variable, let value):
        if isOwn || contains(value) { variables.insert(variable.name) }
      case .loop(let loop):
        let isOfOne = isOwn || contains(loop.lower) || contains(loop.upper)
        if isOfOne { variables.insert(loop.counter.name) }
        if find(in: loop.body, isOwn: isOfOne), !isOfOne { _ = find(in: loop.body, isOwn: true) }
      case .branch(let condition, let then, let otherwise):
        let isOfOne = isOwn || contains(condition)
        for side in [then, otherwise] where find(in: side, isOwn: isOfOne) { leaves = true }
      case .leave: leaves = leaves || isOwn
      case .multiplySlices: decidesProducts = decidesProducts || isOwn
      case .store(let access, _, _):
        if isOwn, kernel.sliceProducts.contains(where: { $0.right.buffer == access.buffer }) { decidesProducts = true }
      default: break
      }
    }
    return leaves
  }
}
