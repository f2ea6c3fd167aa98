import MachineIR

/// What a round of a pipe program's innermost loop has of synchronisation, beside what a kernel written by hand
/// with two buffers for everything would have.
///
/// By hand, in a round:
/// - each tensor that one pipe writes and another reads is handed over by two events, full and free;
/// - each buffer that one core writes and the other reads, by two flags;
/// - instructions of the vector unit that do not depend on each other stand together, so that barriers are one
///   less than the instructions of the longest chain in which each reads what the one before has written;
///   products on the cube that go to the same sums likewise, for each of its vector cores.
///
/// The innermost loop is that in which most time is spent of those without a loop in them; where a cube core
/// works, that which holds its products, and what is in loops in it counts once.
public struct PipeRound: Hashable, Sendable {
  public struct Counts: Hashable, Sendable {
    public var events = 0
    public var flags = 0
    public var barriers = 0
  }
  /// The name of the loop's counter.
  public let loop: String
  public private(set) var emitted = Counts()
  public private(set) var byHand = Counts()

  init?(_ code: PipeCode, _ times: PipeTimes) {
    let isOfCube = code.kernel.usesCubes && code.loops.contains { $0.loop.holdsProducts }
    let candidates = code.loops.indices.filter {
      let loop = code.loops[$0].loop
      return times.rounds(of: $0) > 0
        && (isOfCube ? loop.holdsProducts : !loop.body.contains(where: \.hasLoop))
    }
    func spent(_ number: Int) -> Double { times.rounds(of: number) * code.loops[number].ticks }
    guard let most = candidates.max(by: { spent($0) < spent($1) }) else { return nil }
    loop = code.loops[most].loop.counter.name
    count(code.loops[most].loop.body.flattened, code.kernel)
  }

  private mutating func count(_ statements: [PipeStatement], _ kernel: PipeKernel) {
    var written: [PipeAccess.Name: Set<Pipe>] = [:]
    var handed: Set<PipeAccess.Handover> = []
    var depths: [String: Int] = [:]
    var (deepest, products) = (0, [LocalView: Int]())
    for statement in statements {
      switch statement {
      case .set(let event) where event.isAcross: emitted.flags += 1
      case .set: emitted.events += 1
      case .barrier: emitted.barriers += 1
      case .vector(let instruction):
        let depth = 1 + (instruction.sources.compactMap { depths[$0.tensor] }.max() ?? 0)
        depths[instruction.destination.tensor] = depth
        deepest = max(deepest, depth)
      case .cube(.multiply(let sums, _, _, _, _, _, _)): products[sums, default: 0] += 1
      default: break
      }
      let touches = kernel.touches(statement)
      for touch in touches where !touch.isWrite {
        for pipe in written[touch.name] ?? [] where pipe != touch.pipe {
          handed.insert(PipeAccess.Handover(name: touch.name, from: pipe, to: touch.pipe))
        }
      }
      for touch in touches where touch.isWrite { written[touch.name, default: []].insert(touch.pipe) }
    }
    let across = handed.filter { $0.from.core != $0.to.core }
    byHand.flags = 2 * across.count
    byHand.events = 2 * (handed.count - across.count)
    let sums = Dictionary(grouping: products) { $0.key.tensor }.values.map { $0.map(\.value).max()! - 1 }
    byHand.barriers = max(0, deepest - 1) + sums.reduce(0, +)
  }
}

extension PipeAccess {
  /// A tensor, or a buffer in main memory.
  fileprivate struct Name: Hashable {
    let name: String
    let isBuffer: Bool
  }
  fileprivate struct Handover: Hashable {
    let name: Name
    let from: Pipe
    let to: Pipe
  }
  fileprivate struct Touch {
    let name: Name
    let pipe: Pipe
    let isWrite: Bool
  }
}

extension PipeKernel {
  /// What a statement reads and writes, by name.
  fileprivate func touches(_ statement: PipeStatement) -> [PipeAccess.Touch] {
    func local(_ view: LocalView, _ pipe: Pipe, isWrite: Bool) -> PipeAccess.Touch {
      PipeAccess.Touch(
        name: PipeAccess.Name(name: view.tensor, isBuffer: false), pipe: pipe, isWrite: isWrite)
    }
    func buffer(_ name: String, _ pipe: Pipe, isWrite: Bool) -> PipeAccess.Touch {
      PipeAccess.Touch(name: PipeAccess.Name(name: name, isBuffer: true), pipe: pipe, isWrite: isWrite)
    }
    switch statement {
    case .vector(let instruction):
      return instruction.sources.map { local($0, .vector, isWrite: false) }
        + [local(instruction.destination, .vector, isWrite: true)]
    case .copyIn(let copy):
      return [buffer(copy.buffer, .copyIn, isWrite: false), local(copy.local, .copyIn, isWrite: true)]
    case .copyOut(let copy):
      return [local(copy.local, .copyOut, isWrite: false), buffer(copy.buffer, .copyOut, isWrite: true)]
    case .cube(let instruction):
      return instruction.reads.map { local($0.view, instruction.pipe, isWrite: false) }
        + [instruction.write].compactMap { $0 }.map { local($0.view, instruction.pipe, isWrite: true) }
        + [instruction.buffer].compactMap { $0 }.map {
          buffer($0.name, instruction.pipe, isWrite: $0.isWrite)
        }
    case .read(_, let view): return [local(view, .scalar, isWrite: false)]
    case .write(let view, _): return [local(view, .scalar, isWrite: true)]
    default: return []
    }
  }
}

extension PipeLoop {
  /// Whether products of a cube core stand in it, in no loop of its own.
  fileprivate var holdsProducts: Bool {
    body.contains { if case .cube(.multiply) = $0 { true } else { false } }
  }
}

extension PipeStatement {
  fileprivate var hasLoop: Bool {
    switch self {
    case .loop: true
    case .branch(_, let then, let otherwise): (then + otherwise).contains(where: \.hasLoop)
    default: false
    }
  }
}

extension [PipeStatement] {
  /// With what stands in loops and branches in their place.
  fileprivate var flattened: [PipeStatement] {
    flatMap { statement -> [PipeStatement] in
      switch statement {
      case .loop(let loop): loop.body.flattened
      case .branch(_, let then, let otherwise): then.flattened + otherwise.flattened
      default: [statement]
      }
    }
  }
}
