import Operators
import Tiles

/// Small programs of one region with indices, guards and bounds drawn at random: some safe, some not.
struct RandomPrograms {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  private mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  private mutating func chance(_ percent: Int) -> Bool { int(1...100) <= percent }

  /// The next program. Its symbolic dimensions are `rows` and `columns`, its scalar is `start`.
  mutating func next() -> Kernel {
    let width = Dimension("width", int(1...6))
    let form = int(0...5)
    let (a, b, c) = (int(-2...3), int(1...4), int(-3...3))
    let (divisor, modulus, factor) = (int(1...4), int(1...6), int(1...3))
    let guardLower = int(-1...2)
    let (hasLowerGuard, hasUpperGuard, isWhole) = (chance(60), chance(60), chance(70))
    let storeForm = int(0...6)
    let (storeShift, hasCondition, readsState) = (int(0...1), chance(50), chance(20))
    return Kernel("random") { k in
      let rows = k.dimension("rows", in: 0...40)
      let columns = k.dimension("columns", in: 0...40)
      let start = k.scalar("start", in: 0...3)
      let x = k.input("x", Float.self, [rows, width])
      let table = k.input("table", Float.self, [columns])
      let y = k.output("y", Float.self, [rows, width])
      let state = k.state("state", Float.self, [columns])
      if isWhole { k.require(Position(lengthOf: rows), isAtMost: Position(lengthOf: columns)) }
      k.parallel(rows) { r in
        let place: Position
        switch form {
        case 0: place = r.position * factor + a
        case 1: place = (r.position + c) / divisor
        case 2: place = (r.position * factor + c) % modulus
        case 3: place = r.position + start.position + a
        case 4: place = (r.position + Position(width) * b + c) / divisor % modulus
        default: place = Position(lengthOf: columns) - r.position - b
        }
        let index = place.tile(in: k)
        var value = table[place]
        let length = k.length(of: columns)
        if hasLowerGuard { value = select(index .>= Int32(guardLower), value, 0) }
        if hasUpperGuard { value = select(index .< length, value, 1) }
        let own = x[r, width]
        switch storeForm {
        case 0: y[r, (Position(width) + storeShift) % width.extent!] = own + value
        case 1: y[r, Position(width) + storeShift] = own + value
        case 2: y[(r.position + storeShift), width] = own + value
        case 3: y.write(own + value, at: r, width, where: r.coordinate .>= Int32(storeShift))
        case 4: y[r.position / 2 * 2 + r.position % 2, width] = own + value
        case 5: y[Position(lengthOf: rows) - r.position - (1 + storeShift), width] = own + value
        default: y[r, width] = own + value
        }
        let here = readsState ? state[(r.position + storeShift) % 5 / 5] : x[r, 0]
        if hasCondition {
          state.write(here, at: r.position * factor + a, where: index .>= 0)
        } else {
          state.write(here, at: r.position, where: r.coordinate .< length)
        }
      }
    }
  }
}
