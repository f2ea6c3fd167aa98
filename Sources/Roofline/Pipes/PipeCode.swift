import MachineIR
import TileIR

/// A pipe program as it is followed in time: what each step takes of which pipe, made once for many rounds.
struct PipeCode {
  indirect enum Step {
    /// Time of the scalar units of the vector core and of the cube core.
    case scalar(vector: Double, cube: Double)
    /// A variable that decides what is carried out.
    case define(Int, PipeNumber)
    case work(Work)
    case set(Int)
    case wait(Int)
    case barrier(Int?)
    case loop(Rounds)
    /// With the ticks of each side, of which the cheaper is taken where the data decide.
    case branch(PipeNumber, [Step], Double, [Step], Double)
    case leave
  }
  /// An instruction on its pipe: `ticks`, and for a copy those of its bytes.
  struct Work {
    let pipe: Int
    let ticks: Double
    let latency: Double
    /// The scalar unit's time for its operands.
    let scalar: Double
    /// Of a copy, the buffer by number, how many elements it moves and the bytes of each.
    var copy: (buffer: Int, count: PipeNumber, bytes: Double, rate: Double)?
    /// What it is, by number.
    let title: Int
  }
  struct Rounds {
    let number: Int
    let counter: Int
    let lower: PipeNumber
    let upper: PipeNumber
    let step: PipeNumber
    let isDeciding: Bool
    /// Variables that decide what is carried out, set by its rounds and there before them.
    let carried: [Int]
    let mayBeLeft: Bool
    let vector: Double
    let cube: Double
    let body: [Step]
  }
  /// What an instruction is and the author's line that it is for.
  struct Title {
    let text: String
    let location: SourceLocation?
  }

  static let pipes = Pipe.allCases
  static func number(_ pipe: Pipe) -> Int { pipes.firstIndex(of: pipe)! }
  static let isOfCube = pipes.map { $0.core == .cube }
  static let isScalar = pipes.map { $0 == .scalar || $0 == .cubeScalar }

  let kernel: PipeKernel
  private(set) var steps: [Step] = []
  private(set) var events: [PipeEvent] = []
  private(set) var titles: [Title] = []
  /// The loops, by number, and the ticks that a round of each has.
  private(set) var loops: [(loop: PipeLoop, ticks: Double)] = []
  private(set) var variableNumbers: [String: Int] = [:]
  private let rates: AscendRates
  private let cost: ScalarCost
  private let deciding: Set<String>
  private let ofCube: Set<String>
  private let buffers: [String: Int]
  /// The integers that buffers are taken to hold.
  private let entries: [String: DataIntegers]
  /// Whether what cells do depends on the segments that rows are cut into.
  private(set) var findsSegments = false
  private var eventNumbers: [PipeEvent: Int] = [:]
  private var location: SourceLocation?

  init(_ kernel: PipeKernel, _ rates: AscendRates, entries: [String: DataIntegers] = [:]) {
    self.entries = entries
    self.kernel = kernel
    self.rates = rates
    cost = ScalarCost(rates: rates)
    deciding = kernel.decidingVariables
    buffers = Dictionary(kernel.source.buffers.enumerated().map { ($1.name, $0) }) { first, _ in first }
    ofCube = kernel.usesCubes ? Self.variables(kernel.part(of: .cube) ?? []) : []
    steps = make(kernel.body)
  }

  private static func variables(_ statements: [PipeStatement]) -> Set<String> {
    statements.reduce(into: []) { found, statement in
      switch statement {
      case .define(let variable, _), .declare(let variable, _), .assign(let variable, _):
        found.insert(variable.name)
      case .loop(let loop): found.formUnion(variables(loop.body).union([loop.counter.name]))
      case .branch(_, let then, let otherwise): found.formUnion(variables(then + otherwise))
      default: break
      }
    }
  }

  private mutating func make(_ statements: [PipeStatement]) -> [Step] {
    var result: [Step] = []
    for statement in statements {
      for step in make(statement) {
        if case .scalar(let a, let b) = step, case .scalar(let c, let d)? = result.last {
          result[result.count - 1] = .scalar(vector: a + c, cube: b + d)
        } else {
          result.append(step)
        }
      }
    }
    return result
  }

  private mutating func make(_ statement: PipeStatement) -> [Step] {
    switch statement {
    case .note(_, let place):
      location = place ?? location
      return []
    case .define(let variable, let value):
      let ticks = cost.ticks(value)
      let time = Step.scalar(vector: ticks, cube: ofCube.contains(variable.name) ? ticks : 0)
      guard deciding.contains(variable.name) else { return [time] }
      return [time, .define(slot(variable.name), number(value))]
    case .declare(let variable, let value), .assign(let variable, let value):
      let ticks = cost.ticks(value) + rates.scalarOperation
      let time = Step.scalar(vector: ticks, cube: ofCube.contains(variable.name) ? ticks : 0)
      guard deciding.contains(variable.name) else { return [time] }
      return [time, .define(slot(variable.name), number(value))]
    case .read(_, let view):
      return [.scalar(vector: cost.ticks(view.offset) + rates.localAccess, cube: 0)]
    case .write(let view, let value):
      return [.scalar(vector: cost.ticks(view.offset) + cost.ticks(value) + rates.localAccess, cube: 0)]
    case .vector(let instruction): return [.work(work(instruction))]
    case .copyIn(let copy), .copyOut(let copy): return [.work(work(copy, isOut: statement.isCopyOut))]
    case .cube(let instruction): return [.work(work(instruction))]
    case .set(let event): return [.set(number(event))]
    case .wait(let event): return [.wait(number(event))]
    case .barrier(let pipe): return [.barrier(pipe.map(Self.number))]
    case .leave: return [.leave]
    case .branch(let condition, let then, let otherwise):
      let (first, second) = (make(then), make(otherwise))
      let time = Step.scalar(vector: cost.ticks(condition) + rates.scalarOperation, cube: 0)
      return [time, .branch(number(condition), first, weight(first), second, weight(second))]
    case .loop(let loop):
      let ticks = 2 * rates.scalarOperation
      let isOfBoth = ofCube.contains(loop.counter.name)
      let body = make(loop.body)
      let carried = loop.body.carriedNames.intersection(deciding).sorted().map { slot($0) }
      loops.append((loop, weight(body)))
      let rounds = Rounds(
        number: loops.count - 1, counter: slot(loop.counter.name), lower: number(loop.lower),
        upper: number(loop.upper),
        step: number(loop.step), isDeciding: deciding.contains(loop.counter.name), carried: carried,
        mayBeLeft: loop.body.leaves, vector: ticks, cube: isOfBoth ? ticks : 0, body: body)
      return [.scalar(vector: cost.ticks(loop.lower) + cost.ticks(loop.upper), cube: 0), .loop(rounds)]
    }
  }

  // MARK: Instructions

  private mutating func work(_ instruction: VectorInstruction) -> Work {
    let widths = ([instruction.destination] + instruction.sources).map(\.element.byteCount)
    let bytes = Double(instruction.count * widths.max()!)
    let isGather = instruction.operation == .gather
    let repeats = (bytes / (isGather ? rates.gathered : Double(Ascend.repeatBytes))).rounded(.up)
    let operands = ([instruction.destination] + instruction.sources).map { cost.ticks($0.offset) }.reduce(
      0, +)
    return Work(
      pipe: Self.number(.vector), ticks: max(1, repeats) * rates.ticksPerRepeat, latency: rates.vectorLatency,
      scalar: operands + (instruction.scalar.map(cost.ticks) ?? 0), title: title(instruction.summary))
  }

  private mutating func work(_ copy: PipeCopy, isOut: Bool) -> Work {
    let width = Double(copy.local.element.byteCount)
    let pipe = Self.number(isOut ? .copyOut : .copyIn)
    return Work(
      pipe: pipe, ticks: 0, latency: rates.memoryLatency,
      scalar: copy.operands.map(cost.ticks).reduce(0, +),
      copy: (buffers[copy.buffer]!, elements(of: copy), width, isOut ? rates.copyOut : rates.cacheRead),
      title: title(
        "\(copy.buffer) \(isOut ? "from" : "to") \(copy.local.tensor), up to "
          + "\((copy.rows?.most ?? 1) * copy.most * Int(width)) bytes"))
  }

  /// What a copy moves: rows of less than a block take the time of one.
  private mutating func elements(of copy: PipeCopy) -> PipeNumber {
    guard let rows = copy.rows else { return number(copy.count) }
    let perBlock = Ascend.block / copy.local.element.byteCount
    return .apply(.multiply, [number(rows.count), .apply(.maximum, [number(copy.count), .constant(perBlock)])])
  }

  private mutating func work(_ instruction: CubeInstruction) -> Work {
    let (pipe, bytes) = (Self.number(instruction.pipe), Double(instruction.write?.bytes ?? 0))
    func make(_ ticks: Double, _ latency: Double, _ text: String) -> Work {
      Work(pipe: pipe, ticks: ticks, latency: latency, scalar: 0, title: title(text))
    }
    switch instruction {
    case .stage(let to, let buffer, let offset, let lines, let depth):
      return Work(
        pipe: pipe, ticks: 0, latency: rates.memoryLatency, scalar: cost.ticks(offset),
        copy: (buffers[buffer]!, .constant(lines * depth), 1, rates.cacheRead),
        title: title("\(buffer) to \(to.tensor), \(lines) x \(depth) bytes"))
    case .stageLines(let staged):
      // Each line is found and each slice handed out by itself; the last is counted with every instruction.
      let copies = staged.lines * staged.slices
      let scalar =
        Double(staged.lines) * (cost.ticks(staged.offset) + 2 * rates.scalarOperation)
        + Double(copies - 1) * rates.handOver
      return Work(
        pipe: pipe, ticks: 0, latency: rates.memoryLatency, scalar: scalar,
        copy: (buffers[staged.buffer]!, .constant(staged.byteCount), 1, rates.cacheRead),
        title: title("\(staged.buffer) to \(staged.to.tensor), \(copies) x \(staged.depth) bytes"))
    case .loadTurned(let to, _, let columns, let depth):
      return make(bytes / rates.loadRight, rates.loadLatency, "\(to.tensor), \(columns) x \(depth) bytes, turned")
    case .loadLeft(let to, _, let lines, let depth):
      return make(bytes / rates.loadLeft, rates.loadLatency, "\(to.tensor), \(lines) x \(depth) bytes")
    case .loadRight(let to, _, let lines, let depth):
      return make(bytes / rates.loadRight, rates.loadLatency, "\(to.tensor), \(lines) x \(depth) bytes")
    case .multiply(let sums, _, _, let rows, let columns, let depth, _):
      let products = Double(rows) * Double(columns) * Double(depth)
      return make(
        products / rates.multiplyAdds, rates.cubeLatency, "\(sums.tensor), \(rows) x \(columns) x \(depth)")
    case .drain(let buffer, let offset, _, let rows, let columns):
      return Work(
        pipe: pipe, ticks: 0, latency: rates.memoryLatency, scalar: cost.ticks(offset),
        copy: (buffers[buffer]!, .constant(rows * columns), 4, rates.cacheWrite),
        title: title("sums to \(buffer), \(rows) x \(columns)"))
    }
  }

  // MARK: Numbers

  private mutating func title(_ text: String) -> Int {
    titles.append(Title(text: text, location: location))
    return titles.count - 1
  }

  private mutating func number(_ event: PipeEvent) -> Int {
    if let known = eventNumbers[event] { return known }
    eventNumbers[event] = events.count
    events.append(event)
    return events.count - 1
  }

  private mutating func slot(_ name: String) -> Int {
    if let known = variableNumbers[name] { return known }
    variableNumbers[name] = variableNumbers.count
    return variableNumbers.count - 1
  }

  private mutating func number(_ expression: Expression) -> PipeNumber {
    switch expression {
    case .integer(let value, _): return .constant(Int(value))
    case .variable(let variable): return .variable(slot(variable.name))
    case .broadcast(let value, _): return number(value)
    case .load(let access, _, nil):
      switch entries[access.buffer] {
      case nil: return .unknown
      case .largest(let value): return .constant(value)
      case .even(let rows, let segments):
        findsSegments = true
        return .apply(.divideFloor(segments), [.apply(.multiply, [number(access.offset), .constant(rows)])])
      }
    case .apply(let instruction, let operands, _): return .apply(instruction, operands.map { number($0) })
    case .conditional(let condition, let a, let b):
      return .conditional(number(condition), number(a), number(b))
    default: return .unknown
    }
  }

  /// Ticks of steps, a loop's round once, a copy as one of 256 bytes.
  private func weight(_ steps: [Step]) -> Double {
    steps.reduce(0) { sum, step in
      switch step {
      case .scalar(let vector, let cube): sum + vector + cube
      case .work(let work): sum + work.ticks + work.scalar + rates.handOver + (work.copy == nil ? 0 : 8)
      case .set, .wait, .barrier: sum + rates.handOver
      case .loop(let rounds): sum + weight(rounds.body) * Double(rounds.knownCount ?? 1)
      case .branch(_, _, let then, _, let otherwise): sum + min(then, otherwise)
      case .define, .leave: sum
      }
    }
  }
}

extension PipeCode.Rounds {
  /// How many there are, where its bounds say so by themselves.
  fileprivate var knownCount: Int? {
    guard case .constant(let lower) = lower, case .constant(let upper) = upper, case .constant(let step) = step else {
      return nil
    }
    return max(0, (upper - lower + step - 1) / step)
  }
}

extension PipeStatement {
  fileprivate var isCopyOut: Bool { if case .copyOut = self { true } else { false } }
}

extension VectorInstruction {
  /// What it does, in a few words.
  fileprivate var summary: String {
    "\(operation) to \(destination.tensor), \(count) of \(destination.element.rawValue)"
  }
}

extension [PipeStatement] {
  /// Whether a loop of them may end before its last round.
  fileprivate var leaves: Bool {
    contains { statement in
      switch statement {
      case .leave: true
      case .branch(_, let then, let otherwise): then.leaves || otherwise.leaves
      default: false
      }
    }
  }

  /// Variables that it sets without declaring them.
  fileprivate var carriedNames: Set<String> {
    var (set, own): (Set<String>, Set<String>) = ([], [])
    func find(_ statements: [PipeStatement]) {
      for statement in statements {
        switch statement {
        case .assign(let variable, _): set.insert(variable.name)
        case .declare(let variable, _): own.insert(variable.name)
        case .loop(let loop): find(loop.body)
        case .branch(_, let then, let otherwise): find(then + otherwise)
        default: break
        }
      }
    }
    find(self)
    return set.subtracting(own)
  }
}

extension PipeKernel {
  /// Variables that decide which statements are carried out, how often, and how much a copy moves.
  fileprivate var decidingVariables: Set<String> {
    var found: Set<String> = []
    var sources: [String: Set<String>] = [:]
    func names(_ expression: Expression) -> Set<String> { Set(expression.variables.map(\.name)) }
    forEachStatement { statement in
      switch statement {
      case .define(let variable, let value), .declare(let variable, let value),
        .assign(let variable, let value):
        sources[variable.name, default: []].formUnion(names(value))
      case .loop(let loop):
        found.formUnion(names(loop.lower).union(names(loop.upper)).union(names(loop.step)))
        sources[loop.counter.name, default: []].formUnion(names(loop.lower))
      case .branch(let condition, _, _): found.formUnion(names(condition))
      case .copyIn(let copy), .copyOut(let copy):
        found.formUnion(names(copy.count).union(copy.rows.map { names($0.count) } ?? []))
      default: break
      }
    }
    return found.closed(under: sources)
  }
}
