/// What is known of several `int32` inputs over one axis together: rows of equal `key` stand together as a
/// run, such as the tokens of one sequence. A launch checks it.
public struct Runs: Hashable, Sendable {
  /// Parameters by position. No two runs have equal keys.
  public let key: Int
  /// Holds the row with which the run begins.
  public let first: Int
  /// Rises by one from row to row of a run; never negative.
  public let counter: Int
  /// Holds how many rows the run has.
  public let count: Int?
  public let location: SourceLocation

  public init(key: Int, first: Int, counter: Int, count: Int?, location: SourceLocation) {
    self.key = key
    self.first = first
    self.counter = counter
    self.count = count
    self.location = location
  }

  /// The parameters that it speaks of.
  public var parameters: [Int] { [key, first, counter] + (count.map { [$0] } ?? []) }

  /// An element that breaks the promise.
  public struct Violation: Hashable, Sendable {
    public let parameter: Int
    public let row: Int
    /// What it should be, such as "3, the run's first row".
    public let expected: String
  }

  /// The first element that breaks the promise, of `rows` rows; nil where it holds.
  public func violation(rows: Int, _ element: (_ parameter: Int, _ row: Int) -> Int) -> Violation? {
    var start = 0
    var runs = 0
    var seen: Set<Int> = []
    while start < rows {
      let name = element(key, start)
      var end = start + 1
      while end < rows, element(key, end) == name { end += 1 }
      // Few runs need no memory of their own.
      if runs < 32 {
        var other = 0
        while other < start {
          if element(key, other) == name {
            return Violation(parameter: key, row: start, expected: "no key of an earlier run")
          }
          other += 1
          while other < start, element(key, other) == element(key, other - 1) { other += 1 }
        }
      } else {
        if seen.isEmpty { for row in 0..<start { seen.insert(element(key, row)) } }
        if !seen.insert(name).inserted {
          return Violation(parameter: key, row: start, expected: "no key of an earlier run")
        }
      }
      let begin = element(counter, start)
      if begin < 0 { return Violation(parameter: counter, row: start, expected: "0 or more") }
      for row in start..<end {
        if element(first, row) != start {
          return Violation(parameter: first, row: row, expected: "\(start), the run's first row")
        }
        if element(counter, row) != begin + row - start {
          return Violation(parameter: counter, row: row, expected: "\(begin + row - start), one more in each row")
        }
        if let count, element(count, row) != end - start {
          return Violation(parameter: count, row: row, expected: "\(end - start), the run's rows")
        }
      }
      start = end
      runs += 1
    }
    return nil
  }
}
