import MachineIR
import TileIR

/// A sum of products of bytes, told by what is multiplied, each so many times.
struct ByteSum: Hashable {
  /// The products of four neighbouring bytes, or of what a matrix instruction multiplies.
  struct Product: Hashable {
    /// The right operand's atom; nil for bytes that are all 1.
    let right: Int?
    let left: Int
    /// How many coordinates it spans.
    let coordinates: Int
  }

  /// What the whole is multiplied by.
  var scale: [Int] = []
  var products: [Product: Int] = [:]
  /// What is added besides.
  var rest = ByteForm(0)
  /// The statements that have multiplied something.
  var sites: Set<Int> = []

  mutating func add(_ other: ByteSum, times factor: Int = 1) {
    for (product, count) in other.products {
      let sum = products[product, default: 0] &+ count &* factor
      products[product] = sum == 0 ? nil : sum
    }
    rest = rest + other.rest * factor
    sites.formUnion(other.sites)
  }

  /// The sum times an atom.
  func scaled(by atom: Int) -> ByteSum {
    var result = self
    result.scale = (scale + [atom]).sorted()
    return result
  }

  func multiplied(by factor: Int) -> ByteSum {
    var result = ByteSum(scale: scale, sites: sites)
    result.add(self, times: factor)
    return result
  }
}

/// What a kernel's value is.
enum ByteValue: Hashable {
  case form(ByteForm)
  /// Sums of products, each with a scale of its own.
  case sums([ByteSum])

  var form: ByteForm? { if case .form(let form) = self { form } else { nil } }
  var sums: [ByteSum]? { if case .sums(let sums) = self { sums } else { nil } }

  /// The sums of two values; nil where neither has products.
  static func sum(_ a: ByteValue, _ b: ByteValue, times factor: Int = 1) -> ByteValue? {
    guard a.sums != nil || b.sums != nil else { return nil }
    func list(_ value: ByteValue) -> [ByteSum] {
      switch value {
      case .form(let form): form == ByteForm(0) ? [] : [ByteSum(rest: form)]
      case .sums(let sums): sums
      }
    }
    var result = list(a)
    for other in list(b) {
      if let same = result.firstIndex(where: { $0.scale == other.scale }) {
        result[same].add(other, times: factor)
      } else {
        result.append(other.multiplied(by: factor))
      }
    }
    return .sums(result)
  }
}
