import TileIR

/// Memory that a kernel works on.
public enum BufferSource: Hashable, Sendable {
  /// A parameter of the program.
  case parameter(Int)
  /// Workspace of the launch, by position in `Plan.workspaces`.
  case workspace(Int)
}

/// A buffer as a kernel names it.
public struct KernelBuffer: Hashable, Sendable {
  public let name: String
  public let source: BufferSource
  public let element: ElementType
  public let isWritten: Bool
  public init(_ name: String, _ source: BufferSource, _ element: ElementType, isWritten: Bool) {
    self.name = name
    self.source = source
    self.element = element
    self.isWritten = isWritten
  }
}

/// Memory of one agent, alive while it works on a cell.
public struct ScratchArray: Hashable, Sendable {
  public let name: String
  public let type: MachineScalar
  /// How many elements; evaluated by the host before the launch.
  public let count: HostExpression
  public let space: ScratchSpace
  public init(_ name: String, _ type: MachineScalar, count: HostExpression, in space: ScratchSpace = .onChip)
  {
    self.name = name
    self.type = type
    self.count = count
    self.space = space
  }
}

/// Where an agent's own memory is.
public enum ScratchSpace: Hashable, Sendable {
  /// The memory nearest to the agent.
  case onChip
  /// The chip's main memory, where the nearest has no room.
  case device
}

/// An integer that the host computes and the kernel reads under a name.
public struct KernelScalar: Hashable, Sendable {
  public let name: String
  public let value: HostExpression
  public init(_ name: String, _ value: HostExpression) {
    self.name = name
    self.value = value
  }
}

/// One machine kernel: the same body for every cell of a grid, cells in any order and at once.
public struct MachineKernel: Hashable, Sendable {
  public let name: String
  public let buffers: [KernelBuffer]
  public let scalars: [KernelScalar]
  /// Positions of the program's float scalars that it reads, each under the parameter's name.
  public let floats: [Int]
  public let floatNames: [String]
  public let scratch: [ScratchArray]
  public let cells: HostExpression
  /// The counter that names the cell in `body`.
  public let cell: Variable
  public let body: [MachineStatement]
  /// Warps of an agent of a GPU: 1, or those of a block.
  public let agentWarps: Int

  /// Whether an agent's warps share the rounds of loops: a vector is striped over a warp then, what stands outside such
  /// loops each warp does, and it stores nothing there.
  public let sharesLoops: Bool

  /// Threads that a vector is striped over.
  public var vectorThreads: Int { sharesLoops ? GPU.warp : agentWarps * GPU.warp }
  /// What waits where its threads wait for each other.
  public var agentGroup: AgentGroup { agentWarps > 1 ? .block : .warp }

  /// The kernel with more buffers and numbers, behind its own.
  public func adding(_ more: [KernelBuffer], _ numbers: [KernelScalar]) -> MachineKernel {
    MachineKernel(
      name: name, buffers: buffers + more, scalars: scalars + numbers, floats: floats, floatNames: floatNames,
      scratch: scratch, cells: cells, cell: cell, body: body,
      agentWarps: agentWarps, sharesLoops: sharesLoops)
  }

  public init(
    name: String, buffers: [KernelBuffer], scalars: [KernelScalar], floats: [Int] = [],
    floatNames: [String] = [], scratch: [ScratchArray], cells: HostExpression, cell: Variable,
    body: [MachineStatement], agentWarps: Int = 1, sharesLoops: Bool = false
  ) {
    self.name = name
    self.buffers = buffers
    self.scalars = scalars
    self.floats = floats
    self.floatNames = floatNames
    self.scratch = scratch
    self.cells = cells
    self.cell = cell
    self.body = body
    self.agentWarps = agentWarps
    self.sharesLoops = sharesLoops
  }

  /// The kernel for blocks whose warps share the rounds of loops.
  public func sharingLoops(_ body: [MachineStatement], warps: Int) -> MachineKernel {
    MachineKernel(
      name: name, buffers: buffers, scalars: scalars, floats: floats, floatNames: floatNames, scratch: scratch,
      cells: cells, cell: cell, body: body, agentWarps: warps, sharesLoops: true)
  }

  /// The kernel with what is given in place of its own.
  public func with(
    name: String? = nil, scratch: [ScratchArray]? = nil, body: [MachineStatement]? = nil
  ) -> MachineKernel {
    MachineKernel(
      name: name ?? self.name, buffers: buffers, scalars: scalars, floats: floats, floatNames: floatNames,
      scratch: scratch ?? self.scratch, cells: cells, cell: cell, body: body ?? self.body,
      agentWarps: agentWarps, sharesLoops: sharesLoops)
  }
}

/// Memory between the kernels of a plan.
public struct Workspace: Hashable, Sendable {
  public let name: String
  public let byteCount: HostExpression
  /// The weight that it is a new layout of: filled once a weight, by `Plan.preparations`.
  public let prepares: Int?
  /// The tile that a `print` fills it with, for the host to print after the launch.
  public let prints: Print?
  /// A tile in words of 4 bytes, row-major over its extents, and behind it a word for each element that
  /// is not 0 where the element exists; the host clears those before the launch.
  public struct Print: Hashable, Sendable {
    public let label: String
    /// Words hold a `float32`, a truth value as 0 and 1, and else the element's integer or code.
    public let element: ElementType
    /// Its axes, outermost first, and the most that each holds.
    public let axes: [Dimension]
    public let extents: [HostExpression]
    public init(label: String, element: ElementType, axes: [Dimension], extents: [HostExpression]) {
      self.label = label
      self.axes = axes
      self.element = element
      self.extents = extents
    }
  }

  public init(name: String, byteCount: HostExpression, prepares: Int? = nil, prints: Print? = nil) {
    self.name = name
    self.byteCount = byteCount
    self.prepares = prepares
    self.prints = prints
  }
}

/// A variant of a plan: kernels that run one after the other, under a guard on the launch's numbers.
public struct PlanVariant: Hashable, Sendable {
  public let name: String
  /// The variant runs where every one of these is at least 0; the first that does is taken.
  public let guards: [HostExpression]
  public let kernels: [MachineKernel]
  public init(name: String, guards: [HostExpression], kernels: [MachineKernel]) {
    self.name = name
    self.guards = guards
    self.kernels = kernels
  }
}

/// An operator lowered for one machine: what `Runtime` compiles and launches.
public struct Plan: Hashable, Sendable {
  public let program: Program
  public let machine: MachineDescription
  /// The choices that were made, for people and for the cache.
  public let schedule: String
  public let workspaces: [Workspace]
  /// Kernels that lay a weight out anew; each runs once for a weight, before the first launch.
  public let preparations: [MachineKernel]
  public let variants: [PlanVariant]
  /// Messages of `check` codes, from code 1.
  public let messages: [Diagnostic]

  public init(
    program: Program, machine: MachineDescription, schedule: String, workspaces: [Workspace],
    preparations: [MachineKernel] = [], variants: [PlanVariant], messages: [Diagnostic]
  ) {
    self.program = program
    self.machine = machine
    self.schedule = schedule
    self.workspaces = workspaces
    self.preparations = preparations
    self.variants = variants
    self.messages = messages
  }

  /// Every kernel, preparations first.
  public var kernels: [MachineKernel] { preparations + variants.flatMap(\.kernels) }
}
