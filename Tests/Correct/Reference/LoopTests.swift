import Reference
import Testing
import TileIR
import Tiles

/// Loops that carry values.
@Suite struct ReferenceLoopTests {
  let n = Dimension("n", in: 0...20)
  let rounds = Dimension("rounds", in: 0...9)

  @Test func aLoopCarriesAndCountsRounds() throws {
    let program = try Kernel("horner") { k in
      let count = k.scalar("count", in: 0...10)
      let x = k.input("x", Int32.self, [n])
      let y = k.output("y", Int32.self, [n])
      k.parallel(n) { r in
        let start = x[r]
        y[r] = k.iterate(count, carrying: start) { value, round in value * 2 + round.tile(in: k) }
      }
    }.program()
    for count in [0, 1, 4] as [Int32] {
      let y = try runEveryWay(program, ["count": .int(count), "x": .ints([3], [1, 5, -2])])["y"]!
      let expected = [1, 5, -2].map { start in (0..<Int(count)).reduce(start) { $0 * 2 + $1 } }
      #expect(y.integers == expected)
    }
  }

  @Test func bodiesReadBuffersByRoundAndWholeAxes() throws {
    // Two values: a running sum over the rounds' rows, and the greatest of a normalised row.
    let width = Dimension("width", 3)
    let program = try Kernel("rows") { k in
      let x = k.input("x", Float.self, [rounds, width])
      let y = k.output("y", Float.self, [width])
      let z = k.output("z", Float.self, [])
      k.once {
        let zero = x[0, width] * 0
        let most = zero.max(along: width)
        let (sum, greatest) = k.iterate(Position(lengthOf: rounds), carrying: zero, most) { sum, greatest, round in
          let row = x[round, Position(width)]
          let next = sum + row
          return (next, greatest.maximum(next.sum(along: width, order: .sequential)))
        }
        y[width] = sum
        z[] = greatest
      }
    }.program()
    let results = try runEveryWay(program, ["x": .floats([3, 3], [1, 2, 3, 10, 20, 30, -100, 5, 6])])
    #expect(results["y"]!.numbers == [-89, 27, 39])
    #expect(results["z"]!.numbers == [66])
  }

  @Test func loopsNest() throws {
    let program = try Kernel("nested") { k in
      let x = k.input("x", Int32.self, [n])
      let y = k.output("y", Int32.self, [n])
      k.parallel(n) { r in
        y[r] = k.iterate(3, carrying: x[r]) { outer, i in
          let inner = k.iterate(2, carrying: outer) { value, j in
            value * 2 + j.tile(in: k)
          }
          return inner + i.tile(in: k) * 100
        }
      }
    }.program()
    let expected = [1, 7].map { start in
      var value = start
      for i in 0..<3 {
        for j in 0..<2 { value = value * 2 + j }
        value += i * 100
      }
      return value
    }
    #expect(try runEveryWay(program, ["x": .ints([2], [1, 7])])["y"]!.integers == expected)
  }

  @Test func theCountMayDifferFromPlaceToPlace() throws {
    let program = try Kernel("ragged rounds") { k in
      let count = k.input("count", Int32.self, [n])
      let y = k.output("y", Int32.self, [n])
      k.parallel(n) { r in
        let steps = k.axis("steps", in: 0...9, length: Position(count[r]))
        y[r] = k.iterate(Position(lengthOf: steps), carrying: count[r] * 0 + 1) { value, _ in value * 3 }
      }
    }.program()
    #expect(try runEveryWay(program, ["count": .ints([4], [0, 3, 1, 2])])["y"]!.integers == [1, 27, 3, 9])
  }

  @Test func aFaultInAnUnusedRoundDoesNotCount() throws {
    // Each row reads as many elements as it has; the others keep what they have.
    let program = try Kernel("walk") { k in
      let count = k.input("count", Int32.self, [n])
      let x = k.input("x", Int32.self, [rounds])
      let y = k.output("y", Int32.self, [n])
      k.parallel(n) { r in
        let limit = count[r]
        y[r] = k.iterate(9, carrying: limit * 0) { value, round in
          select(round.tile(in: k) .< limit, value + x[round], value)
        }
      }
    }.program()
    func run(_ count: [Int]) throws -> [Int] {
      try runEveryWay(program, ["count": .ints([2], count), "x": .ints([3], [1, 10, 100])])["y"]!.integers
    }
    #expect(try run([2, 3]) == [11, 111])
    #expect(refusal { _ = try run([2, 4]) }.contains("x is read at 3 along rounds, whose extent is 3"))
  }
}
