import TileIR

/// The writes of a kernel to its buffers with the loops and branches around them, in order.
struct WriteTree {
  indirect enum Node {
    case loop(Loop, [Node])
    /// Facts that hold inside, and those that hold where it is not taken.
    case branch([Polynomial], [Polynomial], [Node])
    /// A branch of which both sides matter.
    case either([Polynomial], [Polynomial], [Node], [Node])
    case write(Write)
  }
  struct Loop {
    /// What counts: the counter where it steps by 1, else the round.
    let symbol: Symbol?
    let lower: Polynomial
    let upper: Polynomial
    let step: Int
    /// Whether it may end before its last round.
    let isLeft: Bool
  }
  struct Write {
    let buffer: String
    /// The place of the lane at hand.
    let place: Polynomial
    let lanes: Int
    let active: Polynomial?
    let location: SourceLocation
    let isScattered: Bool
    /// What tells its lanes from each other, where that is not read off the place.
    var keys: [Polynomial]?
    /// Whether lanes may be left out for a reason that is not kept.
    var isConditional = false
  }
  enum Opening {
    case loop(Loop)
    case branch([Polynomial], [Polynomial])
  }

  private var open: [(Opening?, [Node])] = [(nil, [])]

  var nodes: [Node] { open[0].1 }

  mutating func open(_ opening: Opening) { open.append((opening, [])) }

  mutating func close() {
    let (opening, nodes) = open.removeLast()
    guard !nodes.isEmpty else { return }
    switch opening {
    case .loop(let loop)?: open[open.count - 1].1.append(.loop(loop, nodes))
    case .branch(let holds, let fails)?: open[open.count - 1].1.append(.branch(holds, fails, nodes))
    case nil: open[open.count - 1].1 += nodes
    }
  }

  mutating func add(
    _ buffer: String, _ place: Polynomial, lanes: Int, active: Polynomial?, _ location: SourceLocation,
    isScattered: Bool = false
  ) {
    let write = Write(
      buffer: buffer, place: place, lanes: lanes, active: active, location: location, isScattered: isScattered
    )
    open[open.count - 1].1.append(.write(write))
  }
}
