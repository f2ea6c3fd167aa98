/// A four-bit format, stored two elements to a byte: the element with the even index in the low nibble.
///
/// Rows of an odd length end in a byte whose high nibble is 0.
public protocol NibbleCoded: EncodedNumber where BitPattern == UInt8 {}

extension NibbleCoded {
  /// The bytes that hold `elements`, (count + 1) / 2 of them.
  public static func packed(_ elements: some Sequence<Self>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity((elements.underestimatedCount + 1) / 2)
    var isEven = true
    for element in elements {
      if isEven {
        bytes.append(element.bitPattern)
      } else {
        bytes[bytes.count - 1] |= element.bitPattern << 4
      }
      isEven.toggle()
    }
    return bytes
  }

  /// The first `count` elements held in `bytes`; `bytes` must hold that many.
  public static func unpacked(_ bytes: [UInt8], count: Int) -> [Self] {
    precondition(
      count >= 0 && count <= 2 * bytes.count,
      "\(bytes.count) bytes hold \(2 * bytes.count) four-bit elements, not \(count)")
    return (0..<count).map { Self(packedIn: bytes[$0 / 2], index: $0) }
  }

  /// The element of index `index`, whose parity chooses the nibble, in the byte that holds it.
  public init(packedIn byte: UInt8, index: Int) {
    self.init(bitPattern: index & 1 == 0 ? byte & 0xF : byte >> 4)
  }
}
