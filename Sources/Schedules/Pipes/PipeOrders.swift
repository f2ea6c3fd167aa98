import MachineIR

/// Which events a pair of pipes needs in a list of statements.
extension PipeSynchroniser {
  /// Orders of a pair as they come, or some neighbours as one where the later event can be raised before the earlier is
  /// awaited.
  func merged(_ pair: Pair, _ orders: [Order]) -> [Order] {
    guard let most = merged[pair] else { return orders }
    var (result, members): ([Order], Int) = ([], 0)
    for order in orders {
      if let last = result.last, order.after < last.before, members < most || most == Self.mostMerged {
        result[result.count - 1].after = order.after
        members += 1
      } else {
        result.append(order)
        members = 1
      }
    }
    return result
  }

  func forward(_ pair: Pair, _ touches: Touches) -> [Order] {
    var orders: [Order] = []
    var covered = -1
    for later in touches.to.indices where !touches.to[later].isEmpty {
      guard let last = (0..<later).last(where: { touches.needs($0, later) }), last > covered else { continue }
      covered = last
      orders.append(Order(pair: pair, after: last, before: later, isCarried: false))
    }
    return orders
  }

  /// The events from one round to the next, where no event within a round does for it: one for each touch that a
  /// later one of the round before stands against, as far as there are numbers, else one for all.
  func backward(
    _ pair: Pair, _ list: [PipeStatement], _ touches: Touches, _ known: [Order]
  ) -> [Order] {
    let lasting = known.map(\.after).max() ?? -1
    // What each touch that no event within the round comes before waits for, of the round before.
    let needed = list.indices.prefix(known.map(\.before).min() ?? list.count).compactMap { later in
      lastNeeded(pair, list, touches, later).flatMap { $0 > lasting ? (later: later, last: $0) : nil }
    }
    guard let after = needed.map(\.last).max(), let before = needed.map(\.later).min() else { return [] }
    // Where the wait stands behind, an event within the round does.
    let all = [Order(pair: pair, after: after, before: before, isCarried: after >= before)]
    guard after >= before else { return all }
    var apart: [Order] = []
    for (later, last) in needed where last > apart.last?.after ?? -1 && last >= later {
      apart.append(Order(pair: pair, after: last, before: later, isCarried: true))
    }
    let isWhole = apart.last?.after == after && apart.first?.before == before
    let left = limit(pair) - numbers[counted(pair), default: 0] - known.count + spare.count { $0.pair == pair }
    guard isWhole else { return all }
    var size = merged[pair, default: 1]
    while size < (pair.isOfCube ? Self.mostMerged : 2) {
      let orders = stride(from: 0, to: apart.count, by: size).map { first in
        let last = apart[min(first + size, apart.count) - 1]
        return Order(pair: pair, after: last.after, before: apart[first].before, isCarried: true)
      }
      if orders.count <= min(left, Self.mostApart) { return orders }
      size *= 2
    }
    return all
  }
  private static let mostApart = 4

  private func lastNeeded(_ pair: Pair, _ list: [PipeStatement], _ touches: Touches, _ later: Int) -> Int? {
    guard !touches.to[later].isEmpty else { return nil }
    return list.indices.last { earlier in
      touches.needs(earlier, later) && !(earlier == later && keepsItsOwnOrder(list[earlier], pair))
    }
  }

  /// Whether the events inside a statement hold from one time that it is carried out to the next.
  private func keepsItsOwnOrder(_ statement: PipeStatement, _ pair: Pair) -> Bool {
    switch statement {
    case .loop: return true
    case .branch where isEither(statement): return true
    case .branch(_, let then, let otherwise):
      // Each side orders itself; the other may come in between.
      let sides = Touches(pair, [then, otherwise].map { Dictionary(grouping: touches($0), by: \.pipe) })
      return !sides.needs(0, 1) && !sides.needs(1, 0)
    default: return false
    }
  }
}
