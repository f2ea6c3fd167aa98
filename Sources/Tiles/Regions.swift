import TileIR

/// Parallel regions and loops.
extension Trace {
  /// Runs `body` for all blocks of `axis`, in no order.
  public func parallel(
    _ axis: Dimension, file: String = #fileID, line: Int = #line, _ body: (Block) -> Void
  ) {
    let location = SourceLocation(file: file, line: line)
    region([ParallelAxis(axis)], location) { body(block(axis, location)) }
  }

  /// Runs `body` for all pairs of blocks.
  public func parallel(
    _ first: Dimension, _ second: Dimension, file: String = #fileID, line: Int = #line,
    _ body: (Block, Block) -> Void
  ) {
    let location = SourceLocation(file: file, line: line)
    region([ParallelAxis(first), ParallelAxis(second)], location) {
      body(block(first, location), block(second, location))
    }
  }

  /// Runs `body` for all triples of blocks.
  public func parallel(
    _ first: Dimension, _ second: Dimension, _ third: Dimension, file: String = #fileID,
    line: Int = #line, _ body: (Block, Block, Block) -> Void
  ) {
    let location = SourceLocation(file: file, line: line)
    region([ParallelAxis(first), ParallelAxis(second), ParallelAxis(third)], location) {
      body(block(first, location), block(second, location), block(third, location))
    }
  }

  /// Runs `body` for blocks of the coordinates `lower ..< upper` of `axis`; often there are none.
  public func parallel(
    _ axis: Dimension, from lower: any Coordinate, to upper: any Coordinate,
    file: String = #fileID, line: Int = #line, _ body: (Block) -> Void
  ) {
    let location = SourceLocation(file: file, line: line)
    let bounds = ParallelAxis.Bounds(lower: lower.index, upper: upper.index)
    region([ParallelAxis(axis, bounds: bounds)], location) { body(block(axis, location)) }
  }

  /// Runs `body` for blocks of the axis that `offsets` partitions, each within one segment; the
  /// segments are numbered along `over`.
  public func parallel(
    segments offsets: Tensor<Int32>, over segments: Dimension, file: String = #fileID,
    line: Int = #line, _ body: (Segment, Block) -> Void
  ) {
    let location = SourceLocation(file: file, line: line)
    segmented(offsets, over: segments, and: nil, location) { body($0, $1) }
  }

  /// As `parallel(segments:over:)`, for all pairs with blocks of a second axis.
  public func parallel(
    segments offsets: Tensor<Int32>, over segments: Dimension, and axis: Dimension,
    file: String = #fileID, line: Int = #line, _ body: (Segment, Block, Block) -> Void
  ) {
    let location = SourceLocation(file: file, line: line)
    segmented(offsets, over: segments, and: axis, location) { body($0, $1, block(axis, location)) }
  }

  private func segmented(
    _ offsets: Tensor<Int32>, over segments: Dimension, and axis: Dimension?,
    _ location: SourceLocation, _ body: (Segment, Block) -> Void
  ) {
    let parameter = builder.program.parameters[offsets.parameter]
    let partitioned = parameter.refinements.compactMap {
      if case .partition(let dimension) = $0 { dimension } else { nil }
    }.first
    guard let rows = partitioned else {
      return attempt(or: ()) { () throws(Diagnostic) in
        throw Diagnostic(
          "\(parameter.name) is not declared a partition", at: [location, parameter.location])
      }
    }
    let axes = [ParallelAxis(rows, partition: offsets.parameter)] + (axis.map { [ParallelAxis($0)] } ?? [])
    region(axes, location) {
      let number: Tile<Int32> = append(
        .segment(partition: offsets.parameter, rows), at: location)
      body(Segment(number: number, dimension: segments), block(rows, location))
    }
  }

  /// Runs `body` once.
  public func once(file: String = #fileID, line: Int = #line, _ body: () -> Void) {
    region([], SourceLocation(file: file, line: line), body)
  }

  private func block(_ axis: Dimension, _ location: SourceLocation) -> Block {
    Block(trace: self, dimension: axis, location: location)
  }

  private func region(_ axes: [ParallelAxis], _ location: SourceLocation, _ body: () -> Void) {
    attempt(or: ()) { () throws(Diagnostic) in try builder.openRegion(axes, at: location) }
    body()
    builder.closeRegion()
  }

  // MARK: Loops

  /// Carries a tile through `count` rounds; `body` takes it and the round's number.
  public func iterate<A>(
    _ count: any Coordinate, carrying a: Tile<A>, file: String = #fileID, line: Int = #line,
    _ body: (Tile<A>, Position) -> Tile<A>
  ) -> Tile<A> {
    let location = SourceLocation(file: file, line: line)
    let results = loop(count, [a.id], location) { carried, round in
      [body(Tile(trace: self, id: carried[0], location: location), round).id]
    }
    return Tile(trace: self, id: results[0], location: location)
  }

  /// Carries two tiles through `count` rounds.
  public func iterate<A, B>(
    _ count: any Coordinate, carrying a: Tile<A>, _ b: Tile<B>, file: String = #fileID,
    line: Int = #line, _ body: (Tile<A>, Tile<B>, Position) -> (Tile<A>, Tile<B>)
  ) -> (Tile<A>, Tile<B>) {
    let location = SourceLocation(file: file, line: line)
    let results = loop(count, [a.id, b.id], location) { carried, round in
      let (x, y) = body(
        Tile(trace: self, id: carried[0], location: location),
        Tile(trace: self, id: carried[1], location: location), round)
      return [x.id, y.id]
    }
    return (
      Tile(trace: self, id: results[0], location: location),
      Tile(trace: self, id: results[1], location: location)
    )
  }

  private func loop(
    _ count: any Coordinate, _ initial: [ValueID], _ location: SourceLocation,
    _ body: ([ValueID], Position) -> [ValueID]
  ) -> [ValueID] {
    let opened = attempt(or: nil) { () throws(Diagnostic) -> (loop: Int, carried: [ValueID])? in
      try builder.openLoop(count: count.index, initial: initial, at: location)
    }
    guard let opened else { return initial }
    let round: Tile<Int32> = append(.round(loop: opened.loop), at: location)
    let next = body(opened.carried, Position(round))
    return attempt(or: initial) { () throws(Diagnostic) in
      try builder.closeLoop(opened.loop, next: next, at: location)
    }
  }
}
