import MachineIR
import TileIR

/// Where the elements of arrays on chip were loaded from, as far as they are copies: rows of lanes that one statement
/// stores, in a loop of which each round stores a row or in none. What is read of an array is then an element of a buffer,
/// which tells rounds apart that fill the array anew.
struct CopiedRows {
  /// The rows of one statement.
  private struct Rows: Equatable {
    /// Where the first lane of the first row is, and how far rows are apart: in the array, and in the buffer.
    let place: Polynomial
    let pitch: Int
    let buffer: String
    let source: Polynomial
    let step: Polynomial
    /// Numbers of rows are from `first` on and below `end`, those of lanes below `lanes` of `width`.
    let first: Polynomial
    let end: Polynomial
    var lanes: Polynomial
    let width: Int
    /// The counter of the loop that stores a row a round; nil where it is over, or there is none.
    var counter: Symbol?
  }
  private var rows: [String: Rows] = [:]
  /// Numbers and bounds of the loops that are open, outermost first.
  private var loops: [WriteTree.Loop] = []

  /// The element of a buffer that one of an array is a copy of; nil where that is not known. A vector's own lanes, whose
  /// numbers are `vectors`, may be more than rows, or lanes of them, hold anything: those are nobody's addends.
  func source(
    of array: String, _ place: Polynomial, vectors: Set<Symbol>, _ prover: inout BoundElimination
  ) -> SumTree.Source? {
    guard let own = rows[array], own.counter == nil else { return nil }
    let (row, lane) = (place - own.place).divided(by: own.pitch)
    func isVector(_ number: Polynomial) -> Bool {
      number.top.map { number == Polynomial($0) && vectors.contains($0) } ?? false
    }
    var within = [row - own.first, lane, (isVector(lane) ? Polynomial(own.width) : own.lanes) - lane - 1]
    if !isVector(row) { within.append(own.end - row - 1) }
    guard row.isValid, lane.isValid, within.allSatisfy({ prover.isAtLeastZero($0) }) else { return nil }
    let element = own.source + row * own.step + lane
    return element.isValid ? SumTree.Source(memory: own.buffer, place: element) : nil
  }

  /// Notes that lanes of a buffer are stored to an array; `source` is nil for what is no copy.
  mutating func store(
    to array: String, _ place: Polynomial, lanes width: Int, active: Polynomial?,
    from source: (buffer: String, first: Polynomial)?
  ) {
    rows[array] = nil
    guard let source, place.isValid, source.first.isValid, active?.isValid ?? true else { return }
    let lanes = active ?? Polynomial(width)
    if let loop = loops.last, loop.step == 1, let counter = loop.symbol,
      let (pitch, start) = place.split(counter), let pitch = pitch.constant, pitch > 0
    {
      guard let (step, first) = source.first.split(counter) else { return }
      rows[array] = Rows(
        place: start, pitch: pitch, buffer: source.buffer, source: first, step: step, first: loop.lower,
        end: loop.upper, lanes: lanes, width: width, counter: counter)
    } else {
      rows[array] = Rows(
        place: place, pitch: Int(Int32.max), buffer: source.buffer, source: source.first, step: Polynomial(0),
        first: Polynomial(0), end: Polynomial(1), lanes: lanes, width: width, counter: nil)
    }
  }

  mutating func open(_ loop: WriteTree.Loop) { loops.append(loop) }

  /// What earlier rounds of a loop have stored is not known.
  mutating func forget(_ arrays: Set<String>) { for array in arrays { rows[array] = nil } }

  /// Of what a loop has stored, its rows stay; the rest is another in each round.
  mutating func close(storing arrays: Set<String>) {
    let loop = loops.removeLast()
    for array in arrays {
      guard rows[array]?.counter == loop.symbol, loop.symbol != nil, !loop.isLeft else {
        rows[array] = nil
        continue
      }
      rows[array]!.counter = nil
    }
  }

  /// What holds behind a branch whose sides have left it and `other`: the same rows, of as many lanes as both have.
  mutating func join(_ other: CopiedRows, _ prover: inout BoundElimination) {
    for (array, var own) in rows {
      guard var theirs = other.rows[array] else {
        rows[array] = nil
        continue
      }
      if prover.isAtLeastZero(theirs.lanes - own.lanes) {
        theirs.lanes = own.lanes
      } else if prover.isAtLeastZero(own.lanes - theirs.lanes) {
        own.lanes = theirs.lanes
      }
      rows[array] = own == theirs ? own : nil
    }
  }
}

extension KernelWalk {
  /// Only vector cores fill arrays anew in the midst of a sum.
  var followsCopies: Bool { plan.machine.npu != nil && !sums.isEmpty }

  /// Keeps which elements a statement copies to an array on chip.
  mutating func noteCopied(_ statement: MachineStatement) {
    guard followsCopies else { return }
    guard case .storeRaw(let array, let offset, let value) = statement else {
      if case .loop = statement { return }
      if case .branch = statement { return }
      return copied.forget([statement].writtenMemories)
    }
    var source: (buffer: String, first: Polynomial)?
    var active: Polynomial?
    if case .load(let access, _, let below) = value, scratchCounts[access.buffer] == nil {
      source = (access.buffer, integer(access.offset))
      active = below.map { integer($0) }
    }
    copied.store(to: array, integer(offset), lanes: value.type.lanes, active: active, from: source)
  }

  /// The element of a buffer that one of an array on chip is a copy of.
  mutating func copiedSource(of array: String, _ place: Polynomial) -> SumTree.Source? {
    guard followsCopies, scratchCounts[array] != nil else { return nil }
    return copied.source(of: array, place, vectors: Set(laneSymbols.values), &prover)
  }
}
