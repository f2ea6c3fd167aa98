import TileIR

/// The units of a core that work at the same time, each starting its instructions in program order and none waiting
/// for the one before to end.
public enum Pipe: String, Hashable, Sendable, CaseIterable {
  case scalar = "S"
  case vector = "V"
  /// Main memory to unified buffer.
  case copyIn = "MTE2"
  /// Unified buffer to main memory.
  case copyOut = "MTE3"
  /// Those of the cube core at a vector core's side.
  case cubeScalar = "cube S"
  /// Main memory to L1.
  case cubeCopyIn = "cube MTE2"
  /// L1 to the memories of operands.
  case load = "MTE1"
  case cube = "M"
  /// Sums to main memory.
  case drain = "FIX"

  public enum Core: Hashable, Sendable { case vector, cube }
  public var core: Core {
    switch self {
    case .scalar, .vector, .copyIn, .copyOut: .vector
    case .cubeScalar, .cubeCopyIn, .load, .cube, .drain: .cube
    }
  }
  /// The maker's name for it.
  public var unit: String {
    switch self {
    case .cubeScalar: Pipe.scalar.rawValue
    case .cubeCopyIn: Pipe.copyIn.rawValue
    default: rawValue
    }
  }
  /// The pipes of a core.
  public static func all(of core: Core) -> Set<Pipe> { Set(allCases.filter { $0.core == core }) }
}

/// An event of an ordered pair of pipes: `from` raises it when all its instructions before are done; `to` waits for
/// it before its next, which lowers it. Between pipes of two cores it is a flag of the group.
public struct PipeEvent: Hashable, Sendable {
  public let from: Pipe
  public let to: Pipe
  public let number: Int
  public init(_ from: Pipe, _ to: Pipe, _ number: Int) {
    self.from = from
    self.to = to
    self.number = number
  }

  /// Whether it goes from core to core.
  public var isAcross: Bool { from.core != to.core }
  /// The flag that it is among those of a group: both directions share the numbers.
  public var flag: Int { from.core == .cube ? number : number + Ascend.flagsPerDirection }
}

/// A counted loop of the scalar unit.
public struct PipeLoop: Hashable, Sendable {
  public let counter: Variable
  public let lower: Expression
  public let upper: Expression
  public let step: Expression
  public var body: [PipeStatement]
  /// Whether it has a round whatever the launch.
  public var hasRound: Bool {
    guard let first = lower.constantValue, let last = upper.constantValue else { return false }
    return first < last
  }

  public init(
    _ counter: Variable, from lower: Expression, to upper: Expression, step: Expression = .constant(1),
    _ body: [PipeStatement]
  ) {
    self.counter = counter
    self.lower = lower
    self.upper = upper
    self.step = step
    self.body = body
  }
}

/// A step of a pipe program. Expressions are integers of the scalar unit, which may read main memory; floats stay in
/// the unified buffer.
public indirect enum PipeStatement: Hashable, Sendable {
  case vector(VectorInstruction)
  case copyIn(PipeCopy)
  case copyOut(PipeCopy)
  case cube(CubeInstruction)
  case define(Variable, Expression)
  case declare(Variable, Expression)
  case assign(Variable, Expression)
  /// The scalar unit reads the first element of a view: an integer, or the bits of a float.
  case read(Variable, LocalView)
  /// The scalar unit writes the first element of a view, an integer or the bits of a float.
  case write(LocalView, Expression)
  case loop(PipeLoop)
  /// Ends the innermost loop.
  case leave
  case branch(Expression, [PipeStatement], [PipeStatement])
  case set(PipeEvent)
  case wait(PipeEvent)
  /// The pipe's instructions before are done when its next begins; of all pipes where none is named.
  case barrier(Pipe?)
  case note(String, SourceLocation?)
}

/// A kernel of vector cores: the cells of `source`'s grid in turns.
///
/// Where it multiplies matrices, a cube core works with each vector core, and the program is that of both: the cube
/// core's instructions stand where the vector core needs what they make. Each core carries out its own part, with the
/// scalar unit's statements that it needs, as `CoreParts` takes it out; neither waits for the other but by events.
public struct PipeKernel: Hashable, Sendable {
  /// The kernel that it was made of: buffers, numbers, floats and cells are its.
  public let source: MachineKernel
  /// Every tensor on chip, by name.
  public var tensors: [String: LocalTensor]
  /// With the loop over cells.
  public var body: [PipeStatement]

  /// Names of the vector core's number, how many there are and the number of cells in `body`.
  public static let block = Variable("core", .index)
  public static let blocks = Variable("cores", .index)
  public static let cells = Variable("cells", .index)

  /// What a launch must not exceed: the elements of an array on chip, or those from row to row of a buffer.
  public struct Limit: Hashable, Sendable {
    public let name: String
    public let count: HostExpression
    public let most: Int
    public let isOfRows: Bool
    public init(name: String, count: HostExpression, most: Int, isOfRows: Bool = false) {
      self.name = name
      self.count = count
      self.most = most
      self.isOfRows = isOfRows
    }
  }
  public let limits: [Limit]
  /// How many vector cores a cube core works with; 0 where it needs none. Two take the cells of a pair, and where the
  /// last has one, both compute it and the first stores it.
  public var vectorCoresOfCube = 0
  /// The cells that a core takes together; nil where it takes one after the other.
  public var groups: CellGroups?

  /// The first cell of a pair, that of a group's first pair, how far the next one is, and a vector core's number in its
  /// group, in `body` where a group has two of them.
  public static let pair = Variable("pair", .index)
  public static let firstPair = Variable("first_pair", .index)
  public static let pairStep = Variable("pair_step", .index)
  public static let subCore = Variable("sub_core", .index)

  /// An array of each core in main memory: a buffer and a number of `source`, behind the plan's own, in this order.
  public struct Spill: Hashable, Sendable {
    public let buffer: KernelBuffer
    /// How many elements of the buffer each core has.
    public let count: KernelScalar
    public init(buffer: KernelBuffer, count: KernelScalar) {
      self.buffer = buffer
      self.count = count
    }
  }
  public let spills: [Spill]
  /// The buffer of `source`, its last, in which each vector core leaves the code of a check that failed, an `int32`;
  /// nil where nothing is checked.
  public let status: String?
  /// Where `body` has fewer events than it could use: the same with one for each purpose, whatever numbers there are, the
  /// fastest first. Those that are never under way together may share a number.
  public var bodiesOfManyEvents: [[PipeStatement]] = []

  public init(
    source: MachineKernel, tensors: [String: LocalTensor], body: [PipeStatement], limits: [Limit] = [],
    spills: [Spill] = [], status: String? = nil
  ) {
    self.spills = spills
    self.status = status
    self.source = source
    self.tensors = tensors
    self.body = body
    self.limits = limits
  }

  /// Bytes of the unified buffer that it needs.
  public var unifiedBufferBytes: Int { byteCount(of: .unifiedBuffer) }

  /// Bytes of a memory that it needs.
  public func byteCount(of memory: LocalMemory) -> Int {
    tensors.values.filter { $0.memory == memory }.map(\.bytes.upperBound).max() ?? 0
  }

  /// Whether a cube core works beside vector cores.
  public var usesCubes: Bool { vectorCoresOfCube > 0 }
}
