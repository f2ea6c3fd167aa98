import TileIR

/// A counted loop: `counter` runs from `lower` below `upper` in steps of `step`.
public struct CountedLoop: Hashable, Sendable {
  public let counter: Variable
  public let lower: Expression
  public let upper: Expression
  public let step: Int
  /// Unrolled completely (constant bounds): how register arrays are walked.
  public let isUnrolled: Bool
  /// Whether its rounds go to the warps of a block in turns, each of which has its own registers; it hands nothing on
  /// from round to round.
  public let isSharedOut: Bool
  public let body: [MachineStatement]

  public init(
    _ counter: Variable, from lower: Expression, to upper: Expression, step: Int = 1,
    unrolled: Bool = false, sharedOut: Bool = false, _ body: [MachineStatement]
  ) {
    self.counter = counter
    self.lower = lower
    self.upper = upper
    self.step = step
    isUnrolled = unrolled
    isSharedOut = sharedOut
    self.body = body
  }

  /// The loop with another body, and where that is said other bounds.
  public func with(
    from lower: Expression? = nil, to upper: Expression? = nil, sharedOut: Bool? = nil, _ body: [MachineStatement]
  ) -> CountedLoop {
    CountedLoop(
      counter, from: lower ?? self.lower, to: upper ?? self.upper, step: step, unrolled: isUnrolled,
      sharedOut: sharedOut ?? isSharedOut, body)
  }
}

/// Agents that share their cell's memory.
public enum AgentGroup: String, Hashable, Sendable {
  /// The threads of a warp.
  case warp
  /// The threads of a block, where that is the agent.
  case block
}

/// A step of a machine program.
public indirect enum MachineStatement: Hashable, Sendable {
  /// A register that is set once.
  case define(Variable, Expression)
  /// A register that is set again later.
  case declare(Variable, Expression)
  case assign(Variable, Expression)
  /// A register array, its elements undefined.
  case registers(RegisterArray)
  case setElement(RegisterArray, [Expression], Expression)
  /// Consecutive elements; lanes from `active` on are not written. Values of narrow formats come as
  /// codes in `i32` lanes and are truncated; 16 bits may come as `i16` lanes.
  case store(Access, Expression, active: Expression?)
  /// As a store of all lanes; where the scalar is not 0 and the place begins a cache line, the lines are
  /// not read first and not kept near: for results larger than every cache.
  case stream(Access, Expression, when: Expression)
  /// One element a lane at offset + lane offset, in ascending lane order.
  case scatter(Access, lanes: Expression, Expression, active: Expression?)
  /// A raw vector into an on-chip array of its own lane type.
  case storeRaw(buffer: String, offset: Expression, Expression)
  /// Bytes set to zero: `count` elements of an on-chip array from `offset`.
  case clear(buffer: String, offset: Expression, count: Expression)
  /// Asks for memory that is read after what the nearest memory holds; changes nothing.
  case prefetch(buffer: String, offset: Expression)
  /// Starts a copy that goes on beside what follows.
  case startCopy(AsynchronousCopy)
  /// The copies that were started since the last group are a group, which may be empty.
  case closeCopies
  /// Waits until at most this many groups are under way, the latest.
  case awaitCopies(Int)
  /// A product of byte slices to an array on chip.
  case multiplySlices(SliceProduct)
  case loop(CountedLoop)
  /// Ends the innermost loop.
  case leave
  case branch(Expression, [MachineStatement], [MachineStatement])
  /// Agents that work on one cell together wait for each other, and see what the others have done to memory.
  case synchronise(AgentGroup)
  /// Raises the launch's sticky status to `code` where the condition is false.
  case check(Expression, code: Int)
  /// What the next statements compute, and the author's line that asks for it.
  case note(String, SourceLocation?)
}

extension MachineStatement {
  /// The name of the number that a kernel finds to be the length of an axis; kernels may add a number to it.
  public static func length(of dimension: String) -> String { "\(dimension)_length" }

  /// The axis whose length a name stands for.
  public static func dimension(ofLength name: String) -> String? {
    var name = name[...]
    if let last = name.lastIndex(of: "_"), !name[last...].dropFirst().isEmpty,
      name[last...].dropFirst().allSatisfy(\.isNumber)
    { name = name[..<last] }
    return name.hasSuffix("_length") ? String(name.dropLast("_length".count)) : nil
  }

  /// Whether a loop in it is unrolled.
  public var hasUnrolledLoop: Bool {
    switch self {
    case .loop(let loop): loop.isUnrolled || loop.body.contains(where: \.hasUnrolledLoop)
    case .branch(_, let then, let otherwise): (then + otherwise).contains(where: \.hasUnrolledLoop)
    default: false
    }
  }
}
