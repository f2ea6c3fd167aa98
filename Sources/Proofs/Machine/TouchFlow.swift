/// What may be at a place of a kernel, by whichever way it is reached.
protocol TouchState: Hashable {
  func union(_ other: Self) -> Self
}

/// Follows the touches of a kernel in their order, through branches and leaves. What a loop leaves behind it says
/// itself.
protocol TouchFlow {
  associatedtype State: TouchState
  /// Takes a touch, a wait or an event of copies.
  mutating func take(_ node: SharedTouches.Node, _ now: inout State, isUniform: Bool)
  /// The state after a loop.
  mutating func follow(
    _ body: [SharedTouches.Node], _ counter: SharedTouches.Counter, _ entry: State, isUniform: Bool
  ) -> State
}

extension TouchFlow {
  /// The state where nodes end, nil where they always leave, and where they leave. `isUniform` says whether all
  /// threads get there.
  mutating func follow(
    _ nodes: [SharedTouches.Node], _ entry: State, isUniform: Bool
  ) -> (end: State?, leaving: State?) {
    var now = entry
    var leaving: State?
    func either(_ a: State?, _ b: State?) -> State? {
      guard let a, let b else { return a ?? b }
      return a.union(b)
    }
    for node in nodes {
      switch node {
      case .touch, .wait, .copies: take(node, &now, isUniform: isUniform)
      case .leave: return (nil, either(leaving, now))
      case .branch(let a, let b, let isSame):
        let first = follow(a, now, isUniform: isUniform && isSame)
        let second = follow(b, now, isUniform: isUniform && isSame)
        leaving = either(leaving, either(first.leaving, second.leaving))
        guard let end = either(first.end, second.end) else { return (nil, leaving) }
        now = end
      case .loop(let inner, let isSame, let counter):
        now = follow(inner, counter, now, isUniform: isUniform && isSame)
      }
    }
    return (now, leaving)
  }
}

extension [SharedTouches.Node] {
  /// Calls `body` on every node, those inside loops and branches too.
  func visit(_ body: (SharedTouches.Node) -> Void) {
    for node in self {
      body(node)
      switch node {
      case .touch, .wait, .leave, .copies: break
      case .loop(let inner, _, _): inner.visit(body)
      case .branch(let a, let b, _):
        a.visit(body)
        b.visit(body)
      }
    }
  }
}
