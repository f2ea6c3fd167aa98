import TileIR

/// Executes plans on small shapes, bit for bit as the printed code does, and reports the first thing that is
/// wrong: an access out of bounds, a value that nobody has written, two cells at one byte, an integer that
/// overflows. It believes nothing that a schedule promises, and takes cells in the order it is told.
public enum MachineInterpreter {
  /// In which order the cells of a kernel run. A program that is right cannot tell.
  public enum CellOrder: Hashable, Sendable, CaseIterable {
    case ascending, descending
    /// First the odd cells from the end, then the even ones.
    case oddsFirst

    func cells(_ count: Int) -> [Int] {
      switch self {
      case .ascending: Array(0..<count)
      case .descending: Array((0..<count).reversed())
      case .oddsFirst: (0..<count).reversed().filter { $0 % 2 == 1 } + (0..<count).filter { $0 % 2 == 0 }
      }
    }

    /// Whether an asynchronous copy of a cell is done when it starts, not when it is waited for.
    func landsEarly(copy number: Int) -> Bool {
      switch self {
      case .ascending: false
      case .descending: true
      case .oddsFirst: number % 2 == 1
      }
    }
  }

  /// What a launch leaves: outputs and states by name, and the message of a failed check.
  public struct Outcome: Hashable, Sendable {
    public let results: [String: HostTensor]
    public let failure: Diagnostic?
  }

  /// Runs a launch of `plan`.
  ///
  /// - Parameters:
  ///   - arguments: one for every input, weight, state and scalar of the program, as it admits them.
  ///   - extents: of dimensions that no argument has.
  ///   - rowGap: elements, even, that lie between the rows of every buffer and belong to nobody.
  ///   - arithmetic: what instructions on `float32` give, where their order is compared and not their bits.
  ///     Named functions are computed as they are.
  public static func run(
    _ plan: Plan, _ arguments: [String: Argument], extents: [Dimension: Int] = [:],
    order: CellOrder = .ascending, rowGap: Int = 0, arithmetic: FloatArithmetic = .ieee
  ) throws(MachineFault) -> Outcome {
    let launch = try MachineLaunch(plan, arguments, extents: extents, rowGap: rowGap)
    return try launch.run(order, arithmetic)
  }
}

/// The memory and numbers of one launch.
struct MachineLaunch {
  let plan: Plan
  private var extents: [Dimension: Int] = [:]
  private var scalars: [Int] = []
  private var floats: [Float] = []
  private var shapes: [[Int]] = []
  private var strides: [[Int]] = []
  private var parameters: [CheckedMemory] = []
  private var workspaces: [CheckedMemory] = []

  init(
    _ plan: Plan, _ arguments: [String: Argument], extents: [Dimension: Int], rowGap: Int
  ) throws(MachineFault) {
    self.plan = plan
    let program = plan.program
    self.extents = extents
    for dimension in program.dimensions { self.extents[dimension] = dimension.extent ?? extents[dimension] }
    for parameter in program.parameters {
      scalars.append(0)
      floats.append(0)
      switch arguments[parameter.name] {
      case .tensor(let tensor)?:
        for (axis, extent) in zip(parameter.axes, tensor.shape) { self.extents[axis] = extent }
      case .int(let value)?: scalars[scalars.count - 1] = Int(value)
      case .float(let value)?: floats[floats.count - 1] = value
      case nil: break
      }
    }
    for dimension in program.dimensions where self.extents[dimension] == nil {
      if case .computed(let index)? = program.lengths[dimension],
        let length = try? HostExpression(index, in: program)
      {
        self.extents[dimension] = number(length)
      }
    }
    for parameter in program.parameters {
      if case .tensor(let tensor)? = arguments[parameter.name] {
        add(parameter, tensor, shape: tensor.shape, gap: rowGap)
      } else {
        add(parameter, nil, shape: parameter.axes.map { self.extents[$0] ?? 0 }, gap: rowGap)
      }
    }
    for workspace in plan.workspaces {
      let memory = CheckedMemory(workspace.name, .workspace, byteCount: number(workspace.byteCount))
      if let tile = workspace.prints {
        let count = tile.extents.reduce(1) { $0 * number($1) }
        for at in 4 * count..<8 * count { memory.fill(at, 0) }
      }
      workspaces.append(memory)
    }
  }

  /// Puts a parameter's elements into memory, row after row.
  private mutating func add(_ parameter: Parameter, _ tensor: HostTensor?, shape: [Int], gap: Int) {
    guard parameter.role != .scalar else {
      shapes.append([])
      strides.append([])
      parameters.append(CheckedMemory(parameter.name, .parameter, byteCount: 0))
      return
    }
    let bits = parameter.element.bitWidth
    var steps = [Int](repeating: 1, count: shape.count)
    var span = 1
    for axis in shape.indices.reversed() {
      if axis == shape.count - 1 {
        span = shape[axis]
      } else {
        steps[axis] = span + gap + (bits == 4 ? (span + gap) % 2 : 0)
        span = shape[axis] == 0 ? 0 : steps[axis] * (shape[axis] - 1) + span
      }
    }
    let count = shape.reduce(1, *)
    let memory = CheckedMemory(
      parameter.name, .parameter, byteCount: count == 0 ? 0 : ((shape.isEmpty ? 1 : span) * bits + 7) / 8)
    if count > 0 { memory.setAbsent(0..<memory.byteCount) }
    var isPresent = [Bool](repeating: false, count: memory.byteCount)
    for position in 0..<count {
      var (rest, element) = (position, 0)
      for axis in shape.indices.reversed() {
        element += rest % shape[axis] * steps[axis]
        rest /= shape[axis]
      }
      for byte in element * bits / 8...(element * bits + bits - 1) / 8 where !isPresent[byte] {
        isPresent[byte] = true
        memory.setPresent(byte)
      }
      if let tensor { memory.fill(element, bits: bits, UInt64(tensor[position])) }
    }
    shapes.append(shape)
    strides.append(steps)
    parameters.append(memory)
  }

  func number(_ expression: HostExpression) -> Int {
    expression.evaluate(
      extent: { extents[$0] ?? 0 }, stride: { strides[$0][$1] }, scalar: { scalars[$0] })
  }

  // MARK: Running

  func run(
    _ order: MachineInterpreter.CellOrder, _ arithmetic: FloatArithmetic
  ) throws(MachineFault) -> MachineInterpreter.Outcome {
    let functions = FunctionTable(arithmetic)
    guard let variant = plan.variants.first(where: { $0.guards.allSatisfy { number($0) >= 0 } }) else {
      throw MachineFault(
        kind: .noVariant, kernel: plan.program.name, cell: nil, statement: "", location: plan.program.location
      )
    }
    var status = 0
    for kernel in plan.preparations { _ = try run(kernel, order, functions) }
    for kernel in variant.kernels where status == 0 { status = try run(kernel, order, functions) }
    var results: [String: HostTensor] = [:]
    if status == 0 {
      for (position, parameter) in plan.program.parameters.enumerated()
      where parameter.role == .output || parameter.role == .state {
        results[parameter.name] = try result(position, parameter)
      }
    }
    return MachineInterpreter.Outcome(
      results: results, failure: status == 0 ? nil : plan.messages[status - 1])
  }

  private func run(
    _ kernel: MachineKernel, _ order: MachineInterpreter.CellOrder, _ functions: FunctionTable
  ) throws(MachineFault) -> Int {
    var numbers: [String: RegisterValue] = [:]
    for scalar in kernel.scalars {
      numbers[scalar.name] = RegisterValue(.index, [UInt64(bitPattern: Int64(number(scalar.value)))])
    }
    for position in kernel.floats {
      numbers[plan.program.parameters[position].name] = RegisterValue(
        MachineType(.f32), [LaneArithmetic.real(floats[position])])
    }
    var memory: [String: CheckedMemory] = [:]
    for buffer in kernel.buffers {
      switch buffer.source {
      case .parameter(let position): memory[buffer.name] = parameters[position]
      case .workspace(let position): memory[buffer.name] = workspaces[position]
      }
      memory[buffer.name]!.beginKernel()
    }
    var status = 0
    // One warp goes from cell to cell, in the same on-chip memory.
    let races = plan.machine.gpu == nil ? nil : WarpRaces()
    for array in kernel.scratch {
      memory[array.name] = CheckedMemory(
        array.name, .scratch, byteCount: number(array.count) * array.type.byteCount)
    }
    for cell in order.cells(number(kernel.cells)) {
      for array in kernel.scratch { memory[array.name]!.forget() }
      var run = CellRun(
        kernel, cell: cell, numbers: numbers, memory: memory, functions: functions, races: races, order: order
      )
      try run.run()
      if status == 0 { status = run.status }
    }
    return status
  }

  /// A parameter's elements after the launch; each must have a value.
  private func result(_ position: Int, _ parameter: Parameter) throws(MachineFault) -> HostTensor {
    let bits = parameter.element.bitWidth
    let (memory, shape, steps) = (parameters[position], shapes[position], strides[position])
    var tensor = HostTensor(parameter.element, shape)
    for place in 0..<tensor.count {
      var (rest, element) = (place, 0)
      for axis in shape.indices.reversed() {
        element += rest % shape[axis] * steps[axis]
        rest /= shape[axis]
      }
      guard let code = memory.value(element, bits: bits) else {
        throw MachineFault(
          kind: .neverWritten(memory: parameter.name, element: element), kernel: plan.program.name, cell: nil,
          statement: "", location: parameter.location)
      }
      tensor[place] = UInt32(truncatingIfNeeded: code)
    }
    return tensor
  }
}
