import Runtime
import TileIR

/// Where two results that ought to have the same bits differ.
public struct Divergence: Hashable, Sendable {
  /// The parameter.
  public let buffer: String
  public let element: ElementType
  /// The first element that differs, in row-major order, and its coordinates.
  public let index: Int
  public let coordinates: [Int]
  /// Its code on either side.
  public let expected: UInt32
  public let found: UInt32
  /// Elements that differ, and all.
  public let count: Int
  public let total: Int

  /// nil where the bits are equal.
  ///
  /// Throws where the two are no tensors of one type and shape.
  public init?(_ buffer: String, expected: HostTensor, found: HostTensor) throws {
    guard expected.element == found.element, expected.shape == found.shape else {
      throw RuntimeError(
        "\(buffer): \(expected.element.rawValue) \(expected.shape) expected, \(found.element.rawValue) \(found.shape) came")
    }
    if expected.bytes == found.bytes { return nil }
    let places = (0..<expected.count).filter { expected[$0] != found[$0] }
    guard let first = places.first else { return nil }
    var rest = first
    var coordinates: [Int] = []
    for extent in expected.shape.reversed() {
      coordinates.insert(rest % extent, at: 0)
      rest /= extent
    }
    self.buffer = buffer
    element = expected.element
    index = first
    self.coordinates = coordinates
    (self.expected, self.found) = (expected[first], found[first])
    (count, total) = (places.count, expected.count)
  }

  /// Where the results of a launch of `program` differ, in the order of its parameters.
  public static func all(
    expected: [String: HostTensor], found: [String: HostTensor], of program: Program
  ) throws -> [Divergence] {
    try program.parameters.compactMap { parameter in
      guard let expected = expected[parameter.name], let found = found[parameter.name] else { return nil }
      return try Divergence(parameter.name, expected: expected, found: found)
    }
  }

  /// How many numbers of the element's type the one is from the other; nil where one is no number.
  public var ulps: Int? { element.ulps(from: expected, to: found) }

  /// How many elements differ, the first with both values, and how far these are apart.
  public func text(expectedBy name: String) -> String {
    func text(_ code: UInt32) -> String { "\(element.text(code)) (0x\(String(code, radix: 16)))" }
    let distance = ulps.map { ", \($0) \(element.isFloating ? "ulps " : "")apart" } ?? ""
    return "\(count) of \(total) elements differ, first \(coordinates): "
      + "\(text(expected)) by \(name), \(text(found)) came\(distance)"
  }
}

extension ElementType {
  /// The element of a code as people write it.
  public func text(_ code: UInt32) -> String {
    switch self {
    case .bool: code == 0 ? "false" : "true"
    case _ where isFloating: "\(number(code))"
    default: "\(integer(code))"
    }
  }

  /// How many numbers of this type lie from one to the other, the zeros of both signs being one and infinity the
  /// next after the largest; nil where either is NaN.
  func ulps(from a: UInt32, to b: UInt32) -> Int? {
    guard isFloating else { return abs(integer(a) - integer(b)) }
    guard !number(a).isNaN, !number(b).isNaN else { return nil }
    // Codes of one sign are in the order of their numbers.
    func place(_ code: UInt32) -> Int {
      let sign = self == .e8m0 ? 0 : UInt32(1) << (bitWidth - 1)
      return code & sign == 0 ? Int(code) : -Int(code ^ sign)
    }
    return abs(place(a) - place(b))
  }
}
