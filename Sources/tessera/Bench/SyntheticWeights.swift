import DeepSeek
import Operators
import Runtime
import Safetensors
import TileIR

/// Random weights of a configuration in the released forms, for measurements: of ordinary size, the same
/// for a seed. Experts have pages of their own and repeat the bits of the 32nd before.
final class SyntheticWeights: WeightStore {
  private let configuration: Configuration
  private let expected: [String: ExpectedWeight]
  /// Experts' tensors of a kind lie one after the other, as those of a release do at equal distances.
  private var areas: [String: AlignedMemory] = [:]
  private var random = SplitMix64(seed: 1)

  init(_ configuration: Configuration) {
    self.configuration = configuration
    expected = Dictionary(uniqueKeysWithValues: configuration.expectedWeights.map { ($0.name, $0) })
  }

  func tensor(named name: String) throws -> WeightTensor {
    let isScale = name.hasSuffix(".scale")
    let weightName = isScale ? String(name.dropLast("scale".count)) + "weight" : name
    guard let weight = expected[weightName] else { throw Refusal("\(name) is no weight of the model") }
    let (element, shape) = form(of: weight, isScale: isScale)
    let size = HostTensor.byteCount(of: element, shape)
    var (key, place, count) = (name, 0, 1)
    if case .expert(_, let expert, _) = weight.role {
      key = name.replacing(".experts.\(expert).", with: ".experts.*.")
      (place, count) = (expert, configuration.expertCount)
    }
    let area = try areas[key]
      ?? fill(try AlignedMemory(byteCount: size * count), of: size * min(count, 32), with: element)
    areas[key] = area
    return WeightTensor(.element(element), shape: shape, pointer: UnsafeRawPointer(area.pointer + place * size))
  }

  private func form(of weight: ExpectedWeight, isScale: Bool) -> (ElementType, [Int]) {
    let shape = weight.shape
    switch weight.storage {
    case .plain(let released): return (released.element!, shape)
    case .table: return (.int32, shape)
    case .linear: return isScale ? (.e8m0, shape.map { ($0 + 127) / 128 }) : (.e4m3, shape)
    case .expert: return isScale ? (.e8m0, [shape[0], (shape[1] + 31) / 32]) : (.e2m1, shape)
    }
  }

  /// Fills the first `byteCount` bytes with random numbers and the rest with copies of them.
  private func fill(_ area: AlignedMemory, of byteCount: Int, with element: ElementType) -> AlignedMemory {
    let words = UnsafeMutableBufferPointer(
      start: area.pointer.assumingMemoryBound(to: UInt32.self), count: byteCount / 4)
    switch element {
    case .float32:
      for at in words.indices { words[at] = Float.random(in: -0.05...0.05, using: &random).bitPattern }
    case .bfloat16:
      // A sign, an exponent of 2^-6 or so and any mantissa.
      for at in words.indices { words[at] = UInt32(truncatingIfNeeded: random.next()) & 0x80FF_80FF | 0x3C00_3C00 }
    case .e4m3:
      // No code of NaN: the highest bit of the exponent is 0.
      for at in words.indices { words[at] = UInt32(truncatingIfNeeded: random.next()) & 0xBFBF_BFBF }
    case .e8m0:
      for at in words.indices { words[at] = 0x7675_7476 }
      for at in words.count * 4..<byteCount { area.pointer.storeBytes(of: 0x75, toByteOffset: at, as: UInt8.self) }
    case .int32:
      for at in words.indices { words[at] = UInt32(at % configuration.expertCount) }
    default:
      for at in words.indices { words[at] = UInt32(truncatingIfNeeded: random.next()) }
    }
    for start in stride(from: byteCount, to: area.byteCount, by: max(byteCount, 1)) {
      let count = min(byteCount, area.byteCount - start)
      (area.pointer + start).copyMemory(from: area.pointer, byteCount: count)
    }
    return area
  }
}
