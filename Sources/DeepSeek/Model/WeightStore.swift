import Safetensors
import TileIR

/// A tensor as a checkpoint holds it, in memory that stays in place while the checkpoint is open.
public struct WeightTensor {
  /// How its bytes are to be read.
  public enum Kind: Hashable, Sendable {
    case element(ElementType)
    case int64
  }
  public let kind: Kind
  /// In elements: a packed row of E2M1 counts two a byte.
  public let shape: [Int]
  public let pointer: UnsafeRawPointer

  public init(_ kind: Kind, shape: [Int], pointer: UnsafeRawPointer) {
    self.kind = kind
    self.shape = shape
    self.pointer = pointer
  }

  /// A tensor of a file that stays open; `I8` holds pairs of E2M1. Nil for types that no weight has.
  public init?(_ stored: StoredTensor) {
    let kind: Kind
    var shape = stored.shape
    switch stored.type {
    case .int64: kind = .int64
    case .int8:
      kind = .element(.e2m1)
      guard let last = shape.last else { return nil }
      shape[shape.count - 1] = 2 * last
    case .float32, .bfloat16, .float16, .e4m3, .e5m2, .e8m0, .int32: kind = .element(stored.type.element!)
    case .uint8, .bool: return nil
    }
    guard let pointer = stored.bytes.baseAddress else { return nil }
    self.init(kind, shape: shape, pointer: pointer)
  }

  var count: Int { shape.reduce(1, *) }
  var byteCount: Int {
    switch kind {
    case .element(let element): HostTensor.byteCount(of: element, shape)
    case .int64: 8 * count
    }
  }
}

/// Where a model's stored tensors come from, by the names that the model uses for them.
public protocol WeightStore {
  /// Throws the name, what was expected and what was found where there is no such tensor.
  func tensor(named name: String) throws -> WeightTensor
}
