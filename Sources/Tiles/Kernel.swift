import TileIR

/// An operator: a name and the program that its closure traces, once, when it is made.
///
/// Mistakes found while tracing are kept and thrown by `program()`, so that building an operator
/// reads as plain Swift and nothing with a mistake can run.
public struct Kernel: Sendable {
  public let name: String
  private let traced: Result<Program, Diagnostic>

  /// Traces `body`. It runs once, at once; the tiles that it sees stand for blocks of unknown size.
  public init(
    _ name: String, file: String = #fileID, line: Int = #line, _ body: (Trace) -> Void
  ) {
    self.name = name
    let trace = Trace(name: name, location: SourceLocation(file: file, line: line))
    body(trace)
    traced = trace.finish()
  }

  /// The program, or the first mistake in it with the lines that clash.
  public func program() throws(Diagnostic) -> Program { try traced.get() }
}

/// What a kernel's closure builds on: declarations, parallel regions, loops, `print` and `assert`.
public final class Trace {
  let builder: ProgramBuilder
  private var mistake: Diagnostic?

  init(name: String, location: SourceLocation) {
    builder = ProgramBuilder(name: name, location: location)
  }

  func finish() -> Result<Program, Diagnostic> {
    if let mistake { return .failure(mistake) }
    do { return .success(try builder.finish()) } catch { return .failure(error) }
  }

  /// Runs a step of the trace; the first mistake is kept and later steps still run on `fallback`.
  func attempt<T>(or fallback: T, _ step: () throws(Diagnostic) -> T) -> T {
    if mistake != nil { return fallback }
    do {
      return try step()
    } catch {
      mistake = error
      return fallback
    }
  }

  func append<E: TileElement>(
    _ operation: Operation, _ operands: [ValueID] = [], at location: SourceLocation
  ) -> Tile<E> {
    let id = attempt(or: ValueID(0)) { () throws(Diagnostic) in
      try builder.append(operation, operands, at: location)
    }
    return Tile(trace: self, id: id, location: location)
  }

  // MARK: Declarations

  /// A symbolic dimension, bound by each launch's buffers to an extent in `range`.
  public func dimension(_ name: String, in range: ClosedRange<Int>) -> Dimension {
    Dimension(name, in: range)
  }

  /// A buffer that launches read. Axes are outermost first.
  public func input<E: TileElement>(
    _ name: String, _: E.Type, _ axes: [Dimension], _ refinements: Refinement...,
    file: String = #fileID, line: Int = #line
  ) -> Tensor<E> {
    declare(name, .input, axes, refinements, SourceLocation(file: file, line: line))
  }

  /// An input that stays the same over many launches, so that it may be laid out anew once.
  public func weight<E: TileElement>(
    _ name: String, _: E.Type, _ axes: [Dimension], _ refinements: Refinement...,
    file: String = #fileID, line: Int = #line
  ) -> Tensor<E> {
    declare(name, .weight, axes, refinements, SourceLocation(file: file, line: line))
  }

  /// A buffer that every launch writes completely, each element once.
  public func output<E: TileElement>(
    _ name: String, _: E.Type, _ axes: [Dimension], _ refinements: Refinement...,
    file: String = #fileID, line: Int = #line
  ) -> Tensor<E> {
    declare(name, .output, axes, refinements, SourceLocation(file: file, line: line))
  }

  /// A buffer kept between launches: reads see it as it was before the launch, each element is
  /// written at most once.
  public func state<E: TileElement>(
    _ name: String, _: E.Type, _ axes: [Dimension], file: String = #fileID, line: Int = #line
  ) -> Tensor<E> {
    declare(name, .state, axes, [], SourceLocation(file: file, line: line))
  }

  /// A run-time integer in `range`.
  public func scalar(
    _ name: String, in range: ClosedRange<Int>, file: String = #fileID, line: Int = #line
  ) -> Scalar {
    let location = SourceLocation(file: file, line: line)
    let tensor: Tensor<Int32> = declare(
      name, .scalar, [], [.range(range.lowerBound, range.upperBound)], location)
    return Scalar(trace: self, parameter: tensor.parameter)
  }

  private func declare<E: TileElement>(
    _ name: String, _ role: Role, _ axes: [Dimension], _ refinements: [Refinement],
    _ location: SourceLocation
  ) -> Tensor<E> {
    let parameter = Parameter(
      name: name, role: role, element: E.elementType, axes: axes, refinements: refinements,
      location: location)
    let position = attempt(or: 0) { () throws(Diagnostic) in try builder.declare(parameter) }
    return Tensor(trace: self, parameter: position, axes: axes)
  }

  /// An axis inside a cell whose length is computed, and may differ from cell to cell.
  /// `range` bounds it; the length's own bounds must lie within.
  public func axis(
    _ name: String, in range: ClosedRange<Int>, length: any Coordinate, file: String = #fileID,
    line: Int = #line
  ) -> Dimension {
    declareAxis(
      Dimension(name, in: range), .computed(length.index), SourceLocation(file: file, line: line))
  }

  /// An axis of constant extent inside a cell, for values that no buffer has an axis for.
  public func axis(
    _ name: String, _ extent: Int, file: String = #fileID, line: Int = #line
  ) -> Dimension {
    declareAxis(
      Dimension(name, extent), .computed(.constant(extent)), SourceLocation(file: file, line: line))
  }

  func declareAxis(
    _ dimension: Dimension, _ length: Length, _ location: SourceLocation
  ) -> Dimension {
    attempt(or: ()) { () throws(Diagnostic) in
      try builder.declare(dimension, length: length, at: location)
    }
    return dimension
  }

  /// One axis over several in order: `keys(a, b)` joins a tile along the first with one along the
  /// second. Absent elements take no place.
  public func joined(
    _ name: String, _ parts: Dimension..., file: String = #fileID, line: Int = #line
  ) -> JoinedAxis {
    let location = SourceLocation(file: file, line: line)
    let length = parts.dropFirst().reduce(Index.extent(parts[0])) { $0 + .extent($1) }
    let most = parts.reduce(0) { $0 + $1.range.upperBound }
    let least = parts.reduce(0) { $0 + $1.range.lowerBound }
    let dimension = declareAxis(Dimension(name, in: least...most), .computed(length), location)
    return JoinedAxis(trace: self, parts: parts, dimension: dimension)
  }

  /// Declares that every launch satisfies `lower <= upper`; it is checked before the launch.
  public func require(
    _ lower: any Coordinate, isAtMost upper: any Coordinate, file: String = #fileID,
    line: Int = #line
  ) {
    attempt(or: ()) { () throws(Diagnostic) in
      try builder.require(
        lower.index, isAtMost: upper.index, at: SourceLocation(file: file, line: line))
    }
  }

  /// Declares that rows of equal `key` stand together, as the tokens of a sequence do: `first` holds the
  /// row with which a run begins, `counter` rises by one from row to row, `count` holds how many rows the
  /// run has. It is checked before the launch.
  public func runs(
    of key: Tensor<Int32>, first: Tensor<Int32>, counter: Tensor<Int32>, count: Tensor<Int32>? = nil,
    file: String = #fileID, line: Int = #line
  ) {
    let runs = Runs(
      key: key.parameter, first: first.parameter, counter: counter.parameter, count: count?.parameter,
      location: SourceLocation(file: file, line: line))
    attempt(or: ()) { () throws(Diagnostic) in try builder.declare(runs) }
  }

  /// Lets the kernel run although the prover can neither prove nor refute the obligations of this name,
  /// kind and subject as `tessera prove` prints them, such as `writtenOnce ring`. What is refuted stays
  /// refused, and so does a waiver that nothing needs.
  public func waive(
    _ name: String, because reason: String, file: String = #fileID, line: Int = #line
  ) {
    attempt(or: ()) { () throws(Diagnostic) in
      try builder.waive(
        Waiver(name: name, reason: reason, location: SourceLocation(file: file, line: line)))
    }
  }

  /// Refuses the kernel with `message` unless `condition` holds: for what an operator asks of the
  /// constants that its caller chose.
  public func require(
    _ condition: Bool, _ message: String, file: String = #fileID, line: Int = #line
  ) {
    attempt(or: ()) { () throws(Diagnostic) in
      guard condition else {
        throw Diagnostic(
          message, at: [SourceLocation(file: file, line: line), builder.program.location])
      }
    }
  }

  // MARK: Values

  /// The coordinates of a whole axis, ascending from 0.
  public func coordinate(
    of dimension: Dimension, file: String = #fileID, line: Int = #line
  ) -> Tile<Int32> {
    append(.coordinate(dimension), at: SourceLocation(file: file, line: line))
  }

  /// The run-time length of a dimension.
  public func length(
    of dimension: Dimension, file: String = #fileID, line: Int = #line
  ) -> Tile<Int32> {
    append(.index(.extent(dimension)), at: SourceLocation(file: file, line: line))
  }

  // MARK: Effects

  /// Prints a tile, whole, in coordinate order, each time that a launch has computed it.
  public func print<E>(
    _ label: String, _ tile: Tile<E>, file: String = #fileID, line: Int = #line
  ) {
    perform(.print(label, tile.id), SourceLocation(file: file, line: line))
  }

  /// Stops the launch with `message` where an element of `condition` is false.
  public func assert(
    _ condition: Tile<Bool>, _ message: String, file: String = #fileID, line: Int = #line
  ) {
    perform(.assert(condition.id, message), SourceLocation(file: file, line: line))
  }

  func perform(_ effect: Effect, _ location: SourceLocation) {
    attempt(or: ()) { () throws(Diagnostic) in try builder.perform(effect, at: location) }
  }
}
