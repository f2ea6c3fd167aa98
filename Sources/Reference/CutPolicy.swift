import TileIR

/// How the interpreter cuts parallel axes into blocks and whole-axis operations into pieces.
///
/// No cut can be seen in a result: a program whose bits differ between two policies shows a fault of
/// the interpreter or of a class's definition.
public enum CutPolicy: Hashable, Sendable {
  /// Blocks and pieces as large as memory allows, in ascending order.
  case whole
  /// Blocks and pieces cut at random places, blocks taken in random order. The same seed cuts alike.
  case random(seed: UInt64)
}

/// Draws the cuts of one run.
final class Cutter {
  private var generator: SplitMix64?

  init(_ policy: CutPolicy) {
    if case .random(let seed) = policy { generator = SplitMix64(seed: seed) }
  }

  var isRandom: Bool { generator != nil }

  /// Consecutive pieces of `range`, together all of it; none is empty unless `range` is.
  func pieces(of range: Range<Int>) -> [Range<Int>] {
    guard generator != nil, range.count > 1 else { return [range] }
    var cuts: Set<Int> = [range.lowerBound, range.upperBound]
    for _ in 0..<Int.random(in: 1...3, using: &generator!) {
      cuts.insert(Int.random(in: range, using: &generator!))
    }
    let sorted = cuts.sorted()
    return zip(sorted, sorted.dropFirst()).map { $0..<$1 }
  }

  /// The same elements in random order, or as they come under `whole`.
  func order<T>(_ elements: [T]) -> [T] {
    guard generator != nil else { return elements }
    return elements.shuffled(using: &generator!)
  }
}
