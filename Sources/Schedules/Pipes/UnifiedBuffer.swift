import MachineIR
import TileIR

/// Where tensors lie in the unified buffer: those that are never alive together may share bytes.
extension PipeKernel {
  /// Gives every tensor its address. Throws a table of the largest where they do not fit.
  mutating func placeTensors(within capacity: Int, at location: SourceLocation) throws {
    let lives = lifetimes()
    let byTime = lives.sorted { ($0.value.lowerBound, $0.key) < ($1.value.lowerBound, $1.key) }
    let sizes = tensors.mapValues { ($0.byteCount + Ascend.block - 1) / Ascend.block * Ascend.block }
    func size(_ name: String) -> Int { sizes[name]! }
    /// The addresses of tensors that are placed one after the other, or the first that finds no place.
    func place(_ order: [(key: String, value: ClosedRange<Int>)], goesRound: (String) -> Bool)
      -> (at: [String: Int], left: String?)
    {
      var placed: [(life: ClosedRange<Int>, bytes: Range<Int>)] = []
      var addresses: [String: Int] = [:]
      // Where the last tensor ended: going round, neighbours in time do not share, and pipes wait less.
      var next = 0
      for (name, life) in order {
        let taken = placed.filter { $0.life.overlaps(life) }.map(\.bytes).sorted { $0.lowerBound < $1.lowerBound }
        let own = size(name)
        let rotated = goesRound(name) ? Self.gap(of: own, from: next, among: taken, capacity) : nil
        guard let address = rotated ?? Self.gap(of: own, from: 0, among: taken, capacity) else {
          return (addresses, name)
        }
        addresses[name] = address
        placed.append((life, address..<address + own))
        next = address + own
      }
      return (addresses, nil)
    }
    var (addresses, left) = place(byTime) { _ in true }
    if left != nil {
      // The large ones leave few gaps where they lie side by side, and the others go round behind them.
      let large = byTime.filter { size($0.key) >= Self.large }.sorted { size($0.key) > size($1.key) }
      (addresses, left) = place(large + byTime.filter { size($0.key) < Self.large }) { size($0) < Self.large }
    }
    // The largest first leave few gaps, or those that are alive longest.
    for measure in [size, { lives[$0]!.count * size($0) }, { lives[$0]!.count }] where left != nil {
      (addresses, left) = place(byTime.sorted { measure($0.key) > measure($1.key) }) { _ in false }
    }
    if let left { throw tooLarge(capacity, lives, at: lives[left]!.lowerBound, location) }
    for (name, address) in addresses { tensors[name]!.byteAddress = address }
    tensors = tensors.filter { lives[$0.key] != nil || $0.value.memory != .unifiedBuffer }
  }

  private static let large = 8 << 10

  private static func gap(of size: Int, from start: Int, among taken: [Range<Int>], _ capacity: Int) -> Int? {
    var address = start
    for range in taken where range.upperBound > address {
      if range.lowerBound >= address + size { break }
      address = range.upperBound
    }
    return address + size <= capacity ? address : nil
  }

  private func tooLarge(
    _ capacity: Int, _ lives: [String: ClosedRange<Int>], at time: Int, _ location: SourceLocation
  ) -> Diagnostic {
    let alive = lives.filter { $0.value.contains(time) }.keys.map { tensors[$0]! }
      .sorted { ($0.byteCount, $1.name) > ($1.byteCount, $0.name) }
    let total = alive.reduce(0) { $0 + $1.byteCount }
    let rows = alive.prefix(8).map {
      "\n  \($0.byteCount) bytes: \($0.name), \($0.count) of \($0.element.rawValue)"
    }
    return Diagnostic(
      "\(source.name) on Ascend: \(alive.count) tensors that are alive together need \(total) of \(capacity) bytes of "
        + "the unified buffer; a schedule with fewer registersPerVector needs less. The largest:\(rows.joined())",
      at: [location])
  }

  /// From the first to the last statement, in the order of the text, in which each tensor must keep its bytes.
  private func lifetimes() -> [String: ClosedRange<Int>] {
    var lives: [String: ClosedRange<Int>] = [:]
    /// From the first to the last touch itself.
    var touched: [String: ClosedRange<Int>] = [:]
    var readFirst: Set<String> = []
    // Loops, and branches: what is filled in one of them may not be filled at all, unless `always` holds of it.
    var spans: [(times: ClosedRange<Int>, always: (String) -> Bool)] = []
    var time = 0
    func touch(_ view: LocalView) {
      let known = lives[view.tensor] ?? time...time
      lives[view.tensor] = known.lowerBound...time
      touched[view.tensor] = (touched[view.tensor]?.lowerBound ?? time)...time
    }
    func walk(_ statements: [PipeStatement]) {
      for statement in statements {
        time += 1
        switch statement {
        case .vector(let instruction):
          // What is read before it is written, beside elements that a store changes, has bytes of its own.
          for source in instruction.sources where lives[source.tensor] == nil {
            readFirst.insert(source.tensor)
          }
          ([instruction.destination] + instruction.sources).forEach(touch)
        case .copyIn(let copy), .copyOut(let copy): touch(copy.local)
        case .read(_, let view), .write(let view, _): touch(view)
        case .branch(_, let then, let otherwise):
          let start = time
          walk(then)
          walk(otherwise)
          time += 1
          let both = Self.written(then).intersection(Self.written(otherwise))
          spans.append((start...time, both.contains))
        case .loop(let loop):
          let start = time
          walk(loop.body)
          time += 1
          spans.append((start...time, { _ in loop.hasRound }))
          for (name, life) in lives where life.upperBound >= start {
            // What was there before the loop is needed in every round; what is copied in a round may come early in
            // the next, or leave late from the one before.
            if life.lowerBound < start {
              lives[name] = life.lowerBound...time
            } else if isCopied(name) {
              lives[name] = start...time
            }
          }
        default: break
        }
      }
    }
    let copies = copiedTensors()
    func isCopied(_ name: String) -> Bool { copies.contains(name) }
    walk(body)
    // What a loop fills for what comes after it is filled in all its rounds; where it may have none, it has bytes of
    // its own. Inner ones come first.
    for (name, life) in lives {
      let own = touched[name]!
      var first = readFirst.contains(name) ? 0 : own.lowerBound
      for (times, always) in spans where times.contains(first) && times.upperBound < own.upperBound {
        first = always(name) ? times.lowerBound : 0
      }
      lives[name] = min(first, life.lowerBound)...(first == 0 ? time : life.upperBound)
    }
    return lives
  }

  /// Tensors that a list of statements writes.
  private static func written(_ statements: [PipeStatement]) -> Set<String> {
    statements.reduce(into: []) { found, statement in
      switch statement {
      case .vector(let instruction): found.insert(instruction.destination.tensor)
      case .copyIn(let copy): found.insert(copy.local.tensor)
      case .write(let view, _): found.insert(view.tensor)
      case .branch(_, let then, let otherwise): found.formUnion(written(then + otherwise))
      case .loop(let loop): found.formUnion(written(loop.body))
      default: break
      }
    }
  }

  private func copiedTensors() -> Set<String> {
    var found: Set<String> = []
    func walk(_ statements: [PipeStatement]) {
      for statement in statements {
        switch statement {
        case .copyIn(let copy), .copyOut(let copy): found.insert(copy.local.tensor)
        case .loop(let loop): walk(loop.body)
        case .branch(_, let then, let otherwise): walk(then + otherwise)
        default: break
        }
      }
    }
    walk(body)
    return found
  }
}
