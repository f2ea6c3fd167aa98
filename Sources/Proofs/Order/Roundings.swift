import MachineIR
import TileIR

/// Whether a kernel adds products with one rounding only where the program says so.
struct Roundings {
  /// Where products are added with one rounding and the program states two.
  private(set) var faults: [SourceLocation] = []
  private let fused: Set<SourceLocation>
  private var location: SourceLocation

  /// Judges a kernel; nil for a program that has such an operation of its own, which may stand beside any line.
  init?(_ kernel: MachineKernel, _ program: Program) {
    var fused: Set<SourceLocation> = []
    for node in program.nodes {
      switch node.operation {
      case .elementwise(.fusedMultiplyAdd): return nil
      case .product(_, .ordered(_, .fused), _, _): fused.insert(node.location)
      default: break
      }
    }
    self.fused = fused
    location = program.location
    block(kernel.body)
  }

  private mutating func block(_ statements: [MachineStatement]) {
    let outer = location
    for statement in statements {
      switch statement {
      case .note(_, let place): if let place { location = place }
      case .loop(let loop): block(loop.body)
      case .branch(_, let a, let b):
        block(a)
        block(b)
      default: break
      }
      if statement.expressions.contains(where: \.fusesFloats), !fused.contains(location) {
        faults.append(location)
      }
    }
    location = outer
  }
}

extension Expression {
  /// Whether a product and a sum of `float32` in it are one operation.
  fileprivate var fusesFloats: Bool {
    applies { instruction, type in instruction == .fusedMultiplyAdd && type.scalar == .f32 }
  }
}
