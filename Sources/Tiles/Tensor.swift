import TileIR

/// A declared buffer. Reading at coordinates gives a tile, assigning one writes it.
///
/// Coordinates are either all blocks, segments and dimensions, which find their axes by themselves
/// (`x[r]` on `[rows, width]` reads whole rows), or one for each axis in order.
public struct Tensor<Element: TileElement> {
  let trace: Trace
  let parameter: Int
  let axes: [Dimension]

  public subscript(
    _ coordinates: any Coordinate..., file file: String = #fileID, line line: Int = #line
  ) -> Tile<Element> {
    get { self[at: coordinates, file: file, line: line] }
    nonmutating set { self[at: coordinates, file: file, line: line] = newValue }
  }

  /// As above, the coordinates in an array.
  public subscript(
    at coordinates: [any Coordinate], file file: String = #fileID, line line: Int = #line
  ) -> Tile<Element> {
    get {
      let location = SourceLocation(file: file, line: line)
      return trace.append(.load(parameter, indices(coordinates, location)), at: location)
    }
    nonmutating set {
      let location = SourceLocation(file: file, line: line)
      trace.perform(
        .store(parameter: parameter, indices(coordinates, location), newValue.id, where: nil),
        location)
    }
  }

  /// Writes `value` at the coordinates where `condition` holds and leaves the others.
  public func write(
    _ value: Tile<Element>, at coordinates: any Coordinate..., where condition: Tile<Bool>,
    file: String = #fileID, line: Int = #line
  ) {
    let location = SourceLocation(file: file, line: line)
    trace.perform(
      .store(
        parameter: parameter, indices(coordinates, location), value.id, where: condition.id),
      location)
  }

  /// One index for each axis.
  private func indices(_ coordinates: [any Coordinate], _ location: SourceLocation) -> [Index] {
    guard !coordinates.isEmpty, coordinates.allSatisfy({ $0.axis != nil }) else {
      return coordinates.map(\.index)
    }
    var result = axes.map { Index.axis($0) }
    for coordinate in coordinates {
      guard let position = axes.firstIndex(of: coordinate.axis!) else {
        if coordinates.count == axes.count { return coordinates.map(\.index) }
        let names = axes.map(\.name).joined(separator: ", ")
        return trace.attempt(or: result) { () throws(Diagnostic) in
          throw Diagnostic(
            "axis \(coordinate.axis!.name) is not one of [\(names)]",
            at: [location, trace.builder.program.parameters[parameter].location])
        }
      }
      result[position] = coordinate.index
    }
    return result
  }
}
