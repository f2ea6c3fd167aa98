import Formats
import MachineIR
import TileIR

/// How the exact sums of one pair of grid formats become sums of byte products (numeric contract,
/// section 2, *exactBlock*: integer views). Each operand is an integer times a power of two; integers
/// are cut into slices of few bits, and every product of two slices is a dot product of bytes, exact in
/// `i32`. A block's sum is a combination of those with constant coefficients, exact in `f64`.
struct SlicedProduct: Hashable {
  /// One dot product of a left and a right plane.
  struct Term: Hashable {
    let left: Int
    let right: Int
    /// What the sum counts in the whole.
    let coefficient: Double
  }
  /// A plane of bytes: the slices of the integers themselves, then sums of two slices.
  struct Planes: Hashable {
    /// Magnitudes of each slice by the low 7 bits of a code; empty where a format needs no slices.
    let slices: [ByteTable]
    /// Planes that are sums of two earlier ones, so that three products serve for four.
    let sums: [Pair]
    struct Pair: Hashable {
      let a: Int
      let b: Int
    }
    var count: Int { slices.count + sums.count }
  }

  let left: Planes
  /// For E2M1: no slices, one plane of codes under their scale's shift.
  let right: Planes
  /// What is added to each right byte to make it unsigned; taken back from where sums start.
  let rightBias: [Int]
  let terms: [Term]
  /// The value of one unit of the sum.
  let unit: Double
  /// Rows of the register tile: accumulators of all terms fit the registers.
  let tileRows: Int
  let rightFormat: ElementType

  /// Codes a byte: two of E2M1.
  var codesPerByte: Int { rightFormat == .e2m1 ? 2 : 1 }
  /// Depth of one 64-byte vector of 16 columns.
  var vectorDepth: Int { 4 * codesPerByte }

  /// The slices for operands of these formats, or nil where there are none.
  init?(left: ElementType, right: ElementType) {
    switch (left, right) {
    case (.e4m3, .e2m1):
      self.left = Planes(slices: Self.slices(bits: 7), sums: [])
      self.right = Planes(slices: [], sums: [])
      // 2 value 2^shift, shift up to 3, lies in -96...96.
      rightBias = [96]
      terms = (0..<3).map { Term(left: $0, right: 0, coefficient: Double(1 << (7 * $0))) }
      unit = 0x1p-10
      tileRows = 8
    case (.e4m3, .e4m3):
      let pairs = [Planes.Pair(a: 0, b: 1), Planes.Pair(a: 0, b: 2), Planes.Pair(a: 1, b: 2)]
      let planes = Planes(slices: Self.slices(bits: 6), sums: pairs)
      self.left = planes
      self.right = planes
      rightBias = [64, 64, 64, 128, 128, 128]
      // Karatsuba: x_i y_j + x_j y_i = (x_i + x_j)(y_i + y_j) - x_i y_i - x_j y_j, at 2^(6 (i + j)).
      var coefficients = [1.0, 0x1p12, 0x1p24, 0, 0, 0]
      for (number, pair) in pairs.enumerated() {
        let weight = Double(1 << (6 * (pair.a + pair.b)))
        coefficients[3 + number] = weight
        coefficients[pair.a] -= weight
        coefficients[pair.b] -= weight
      }
      terms = coefficients.enumerated().map { Term(left: $0, right: $0, coefficient: $1) }
      unit = 0x1p-18
      tileRows = 4
    default: return nil
    }
    rightFormat = right
  }

  /// Three slices of the 18-bit integer |value| 2^9 of each E4M3 code; NaN counts 0 here.
  private static func slices(bits: Int) -> [ByteTable] {
    (0..<3).map { slice in
      ByteTable(
        "e4m3_slice_\(slice)_of_\(bits)_bits",
        (0..<128).map { code in
          let value = ElementType.e4m3.number(UInt32(code))
          let integer = value.isNaN ? 0 : Int(value * 512)
          return UInt8(integer >> (bits * slice) & ((1 << bits) - 1))
        })
    }
  }

  /// 2 value + 12 of each E2M1 code: unsigned, so that a shift of four bytes at once is one of each.
  static let e2m1Codes = ByteTable(
    "twice_e2m1_and_12",
    (0..<16).map { UInt8(Int(ElementType.e2m1.number(UInt32($0)) * 2) + 12) })
}
