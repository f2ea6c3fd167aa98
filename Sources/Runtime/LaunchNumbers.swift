import MachineIR
import TileIR

/// The integers of a launch as flat arrays: extents by dimension number, strides by parameter and axis,
/// scalars and addresses by parameter. Host expressions are turned into code over them once.
struct LaunchNumbers {
  /// -1 where a launch has not bound the dimension yet.
  var extents: [Int]
  /// Strides of all parameters one after the other.
  var strides: [Int]
  var scalars: [Int]
  /// The bytes that each buffer spans; empty where it has none.
  var memory: [Range<UInt>]
}

/// A host expression over positions in `LaunchNumbers`, ready to be evaluated without any look-up.
indirect enum CompiledNumber {
  case constant(Int)
  case extent(Int)
  case stride(Int)
  case scalar(Int)
  case sum(CompiledNumber, CompiledNumber)
  case product(CompiledNumber, CompiledNumber)
  case divided(CompiledNumber, Int)
  case remainder(CompiledNumber, Int)
  case maximum(CompiledNumber, CompiledNumber)
  case minimum(CompiledNumber, CompiledNumber)

  /// `strideBase` is where each parameter's strides begin.
  init(_ expression: HostExpression, dimensions: [Dimension: Int], strideBase: [Int]) {
    func compile(_ e: HostExpression) -> CompiledNumber {
      switch e {
      case .constant(let x): .constant(x)
      case .extent(let dimension):
        dimension.extent.map { .constant($0) } ?? .extent(dimensions[dimension]!)
      case .stride(let parameter, let axis): .stride(strideBase[parameter] + axis)
      case .scalar(let parameter): .scalar(parameter)
      case .sum(let a, let b): .sum(compile(a), compile(b))
      case .product(let a, let b): .product(compile(a), compile(b))
      case .divided(let a, let n): .divided(compile(a), n)
      case .remainder(let a, let n): .remainder(compile(a), n)
      case .maximum(let a, let b): .maximum(compile(a), compile(b))
      case .minimum(let a, let b): .minimum(compile(a), compile(b))
      }
    }
    self = compile(expression)
  }

  func value(_ n: borrowing LaunchNumbers) -> Int {
    switch self {
    case .constant(let x): return x
    case .extent(let d): return n.extents[d]
    case .stride(let s): return n.strides[s]
    case .scalar(let p): return n.scalars[p]
    case .sum(let a, let b): return a.value(n) + b.value(n)
    case .product(let a, let b): return a.value(n) * b.value(n)
    case .divided(let a, let d):
      let x = a.value(n)
      return x >= 0 ? x / d : -((-x + d - 1) / d)
    case .remainder(let a, let d):
      let x = a.value(n) % d
      return x < 0 ? x + d : x
    case .maximum(let a, let b): return max(a.value(n), b.value(n))
    case .minimum(let a, let b): return min(a.value(n), b.value(n))
    }
  }
}
