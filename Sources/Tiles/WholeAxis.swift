import TileIR

/// Operations on whole axes. The axis is named, never counted; a parallel axis cannot be reduced in
/// its own region, since how it is cut into blocks cannot be seen.
extension Tile {
  func wholeAxis<R>(_ operation: Operation, _ file: String, _ line: Int) -> Tile<R> {
    trace.append(operation, [id], at: SourceLocation(file: file, line: line))
  }
}

extension Tile where Element == Float {
  /// The sum in a stated order; +0 over an empty axis.
  public func sum(
    along axis: Dimension, order: SummationOrder, file: String = #fileID, line: Int = #line
  ) -> Tile { wholeAxis(.reduce(.sum(order), axis), file, line) }

  /// NaN if any element is NaN, +0 above -0, -infinity over an empty axis.
  public func max(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.reduce(.maximum, axis), file, line)
  }
  /// NaN if any element is NaN, -0 below +0, +infinity over an empty axis.
  public func min(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.reduce(.minimum, axis), file, line)
  }
  /// The lowest coordinate of the largest element; NaN below -infinity; 0 over an empty axis.
  public func argmax(
    along axis: Dimension, file: String = #fileID, line: Int = #line
  ) -> Tile<Int32> { wholeAxis(.reduce(.argmax, axis), file, line) }

  /// Coordinates of the largest elements, largest first, ties to the lower coordinate, NaN below
  /// -infinity, along the new axis `into`; -1 where the axis is shorter.
  public func topK(
    along axis: Dimension, into: Dimension, file: String = #fileID, line: Int = #line
  ) -> Tile<Int32> { wholeAxis(.topK(axis, into: into), file, line) }

  /// Running sum in ascending order from +0.
  public func scan(
    along axis: Dimension, inclusive: Bool, file: String = #fileID, line: Int = #line
  ) -> Tile { wholeAxis(.scan(axis, inclusive: inclusive), file, line) }
}

extension Tile where Element == Int32 {
  public func sum(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.reduce(.sum(nil), axis), file, line)
  }
  public func max(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.reduce(.maximum, axis), file, line)
  }
  public func min(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.reduce(.minimum, axis), file, line)
  }
  /// Running sum: offsets from counts when exclusive.
  public func scan(
    along axis: Dimension, inclusive: Bool, file: String = #fileID, line: Int = #line
  ) -> Tile { wholeAxis(.scan(axis, inclusive: inclusive), file, line) }
  /// Ascending along the axis.
  public func sorted(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.sort(axis), file, line)
  }
  /// Coordinates in the order of a stable ascending sort: a permutation that groups equal keys.
  public func stableOrder(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.stableOrder(axis), file, line)
  }
  /// How many elements along `axis` equal each coordinate of `bins`.
  public func counted(
    along axis: Dimension, into bins: Dimension, file: String = #fileID, line: Int = #line
  ) -> Tile {
    let bin: Tile<Int32> = trace.append(
      .coordinate(bins), at: SourceLocation(file: file, line: line))
    return (self .== bin).count(along: axis, file: file, line: line)
  }
}

extension Tile where Element == Bool {
  public func any(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.reduce(.any, axis), file, line)
  }
  public func all(along axis: Dimension, file: String = #fileID, line: Int = #line) -> Tile {
    wholeAxis(.reduce(.all, axis), file, line)
  }
  public func count(
    along axis: Dimension, file: String = #fileID, line: Int = #line
  ) -> Tile<Int32> { wholeAxis(.reduce(.count, axis), file, line) }
}

/// The product of two tiles over the axis `contracting`; its axes are those of both without it.
/// The class says which bits it returns (numeric contract, section 2).
public func product(
  _ a: Tile<Float>, _ b: Tile<Float>, contracting axis: Dimension, _ productClass: ProductClass,
  file: String = #fileID, line: Int = #line
) -> Tile<Float> {
  a.trace.append(
    .product(axis, productClass, scaledLeft: false, scaledRight: false), [a.id, b.id],
    at: SourceLocation(file: file, line: line))
}

/// The product of unscaled grid operands, such as int8 codes.
public func product<A, B>(
  _ a: Tile<A>, _ b: Tile<B>, contracting axis: Dimension, _ productClass: ProductClass,
  file: String = #fileID, line: Int = #line
) -> Tile<Float> where A: GridElement, B: GridElement {
  a.trace.append(
    .product(axis, productClass, scaledLeft: false, scaledRight: false), [a.id, b.id],
    at: SourceLocation(file: file, line: line))
}

/// The product of block-scaled operands: of the dequantised real numbers.
public func product<A, B>(
  _ a: Scaled<A>, _ b: Scaled<B>, contracting axis: Dimension, _ productClass: ProductClass,
  file: String = #fileID, line: Int = #line
) -> Tile<Float> {
  a.codes.trace.append(
    .product(axis, productClass, scaledLeft: true, scaledRight: true),
    [a.codes.id, b.codes.id, a.scale.id, b.scale.id],
    at: SourceLocation(file: file, line: line))
}
