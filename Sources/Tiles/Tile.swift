import Formats
import TileIR

/// A value of a program: elements over named axes. Tiles are values; every operation makes a new one.
///
/// Operands broadcast by axis name. Operators cannot know their own line, so what they build carries
/// the line of their right operand.
public struct Tile<Element: TileElement> {
  let trace: Trace
  let id: ValueID
  let location: SourceLocation

  func unary<R>(_ operation: Elementwise) -> Tile<R> {
    trace.append(.elementwise(operation), [id], at: location)
  }
  func binary<B, R>(_ operation: Elementwise, _ other: Tile<B>) -> Tile<R> {
    trace.append(.elementwise(operation), [id, other.id], at: later(location, other.location))
  }

  /// The later of two lines of one file, else the second.
  private func later(_ a: SourceLocation, _ b: SourceLocation) -> SourceLocation {
    a.file == b.file && a.line > b.line ? a : b
  }

  /// To another element type: widening is exact, narrowing rounds to nearest even and saturates as
  /// the numeric contract says. To its own type it is the tile itself.
  public func cast<R: TileElement>(
    to _: R.Type, file: String = #fileID, line: Int = #line
  ) -> Tile<R> {
    if R.elementType == Element.elementType { return Tile<R>(trace: trace, id: id, location: location) }
    return trace.append(
      .elementwise(.convert(R.elementType)), [id], at: SourceLocation(file: file, line: line))
  }

  /// The same bits as another type of the same width.
  public func bitCast<R: TileElement>(
    to _: R.Type, file: String = #fileID, line: Int = #line
  ) -> Tile<R> {
    trace.append(
      .elementwise(.bitCast(R.elementType)), [id], at: SourceLocation(file: file, line: line))
  }

  /// The tile at another coordinate of one of its axes: shifts, pairs, splits and gathers.
  public func at(
    _ dimension: Dimension, _ coordinate: any Coordinate, file: String = #fileID, line: Int = #line
  ) -> Tile {
    trace.append(
      .sample(dimension, coordinate.index), [id], at: SourceLocation(file: file, line: line))
  }

  /// A constant beside this tile.
  func constant<R: TileElement>(_ bits: UInt32, _: R.Type) -> Tile<R> {
    trace.append(.constant(bits, R.elementType), at: location)
  }
}

/// Codes of a grid format with a power-of-two scale (E8M0) for each element, broadcast by axis name:
/// the real numbers code x 2^(scale - 127).
public struct Scaled<Element: GridElement> {
  let codes: Tile<Element>
  let scale: Tile<E8M0>
}

extension Tile where Element: GridElement {
  /// These codes under block scales; load a scale with the divided coordinates of its block.
  public func scaled(by scale: Tile<E8M0>) -> Scaled<Element> { Scaled(codes: self, scale: scale) }
}

/// `condition ? a : b`, element by element; keeps bits. Accesses on the side not taken are not made.
public func select<E>(_ condition: Tile<Bool>, _ a: Tile<E>, _ b: Tile<E>) -> Tile<E> {
  condition.trace.append(
    .elementwise(.select), [condition.id, a.id, b.id], at: b.location)
}
public func select(_ condition: Tile<Bool>, _ a: Tile<Float>, _ b: Float) -> Tile<Float> {
  select(condition, a, a.constant(b.bitPattern, Float.self))
}
public func select(_ condition: Tile<Bool>, _ a: Tile<Int32>, _ b: Int32) -> Tile<Int32> {
  select(condition, a, a.constant(UInt32(bitPattern: b), Int32.self))
}
