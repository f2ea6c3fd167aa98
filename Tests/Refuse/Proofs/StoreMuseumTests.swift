import Proofs
import Testing
import Tiles

/// Programs that write too little, twice, or what they did not declare.
@Suite(.enabled(if: WrongKernel.hasSolver)) struct StoreMuseumTests {
  @Test func theLastBandOfRowsIsDropped() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let x = k.input("x", Float.self, [rows])
        let y = k.output("y", Float.self, [rows])
        k.parallel(rows, from: 0, to: Position(lengthOf: rows) / 8 * 8) { r in y[r] = x[r] }
      }
    ).expect(.covered, fault: "is not written")
  }

  @Test func aTailBeyondTheEnd() throws {
    // Blocks of 4 over an axis that is no multiple of 4.
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let (blocks, lane) = (Dimension("blocks", 3), k.axis("lane", 4))
        let width = Dimension("width", 10)
        let x = k.input("x", Float.self, [rows, blocks])
        let y = k.output("y", Float.self, [rows, width])
        k.parallel(rows) { r in y[r, Position(blocks) * 4 + Position(lane)] = x[r] + k.coordinate(of: lane).asFloat }
      }
    ).expect(.inBounds, ["blocks": 2], fault: "along width, whose extent is 10")
  }

  @Test func onlyEvenChannelsAreWritten() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let (width, pairs) = (Dimension("width", 10), Dimension("pairs", 5))
        let x = k.input("x", Float.self, [rows, pairs])
        let y = k.output("y", Float.self, [rows, width])
        k.parallel(rows) { r in y[r, Position(pairs) * 2] = x[r, pairs] }
      }
    ).expect(.covered, fault: "is not written")
  }

  @Test func cellsStoreDifferentValuesToOneElement() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 1...4096)
        let one = Dimension("one", 1)
        let x = k.input("x", Float.self, [rows])
        let y = k.output("y", Float.self, [one])
        k.parallel(rows) { r in y[0] = x[r] }
      }
    ).expect(.writtenOnce, fault: "y [0] is written twice")
  }

  @Test func twoStoresMeet() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let (width, pairs) = (Dimension("width", 10), Dimension("pairs", 5))
        let x = k.input("x", Float.self, [rows, pairs])
        let y = k.output("y", Float.self, [rows, width])
        k.parallel(rows) { r in
          y[r, Position(pairs) * 2] = x[r, pairs]
          y[r, Position(pairs) + 5] = x[r, pairs]
        }
      }
    ).expect(.writtenOnce, fault: "is written twice")
  }

  /// Rows into a ring, with the condition that of those that meet the last is written, or without.
  private func ring(isGuarded: Bool) throws -> WrongKernel {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let span = Dimension("span", 16)
        let start = k.scalar("start", in: 0...4096)
        let x = k.input("x", Float.self, [rows])
        let ring = k.state("ring", Float.self, [span])
        k.parallel(rows) { r in
          let isLast = r.coordinate .>= k.length(of: rows) - 16
          ring.write(
            x[r], at: (start.position + r.position) % 16, where: isGuarded ? isLast : r.coordinate .>= 0)
        }
      })
  }

  @Test func aDroppedConditionLetsRowsOfARingMeet() throws {
    try ring(isGuarded: true).expectProved()
    try ring(isGuarded: false).expect(.writtenOnce, ["|rows|": 17], fault: "is written twice")
  }

  @Test func aCellReadsWhatAnotherWrites() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let x = k.state("x", Float.self, [rows])
        k.parallel(rows) { r in
          x[r] = select(r.coordinate .> 0, x[r.position - 1], 0)
        }
      }
    ).expect(.independentCells)
  }

  @Test func everyCellReadsWhatOneWrites() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let x = k.state("x", Float.self, [rows])
        let y = k.output("y", Float.self, [rows])
        k.parallel(rows) { r in
          y[r] = select(r.coordinate .== 0, x[0], 1)
          x[r] = 2 + r.coordinate.asFloat
        }
      }
    ).expect(.independentCells)
  }

  @Test func stateReadAfterItIsWritten() throws {
    func kernel(_ isOrdered: Bool) throws -> WrongKernel {
      try WrongKernel(
        Kernel("wrong") { k in
          let rows = k.dimension("rows", in: 0...4096)
          let x = k.input("x", Float.self, [rows])
          let tail = k.state("tail", Float.self, [rows])
          let y = k.output("y", Float.self, [rows])
          func read() { k.parallel(rows) { r in y[r] = tail[r] } }
          if isOrdered { read() }
          k.parallel(rows) { r in tail[r] = x[r] }
          if !isOrdered { read() }
        })
    }
    try kernel(true).expectProved()
    try kernel(false).expect(.independentCells)
  }

  @Test func anOutputThatIsNotWhatItDeclares() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let y = k.output("y", Int32.self, [rows], .coordinate(of: rows))
        k.parallel(rows) { r in y[r] = r.coordinate + 1 }
      }
    ).expect(.withinRefinement, fault: "y: coordinates of rows")
  }

  @Test func aPermutationThatNamesAnElementTwice() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let y = k.output("y", Int32.self, [rows], .permutation(of: rows))
        k.parallel(rows) { r in y[r] = r.coordinate / 2 }
      }
    ).expect(.withinRefinement, fault: "once more")
  }

  @Test func offsetsThatCountWhatLiesBehindTheLast() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let experts = Dimension("experts", 3)
        let id = k.input("id", Int32.self, [rows], .range(0, 3))
        let offsets = k.output("offsets", Int32.self, [experts.bounds], .partition(of: rows))
        k.once {
          offsets[experts.bounds] = id[rows].counted(along: rows, into: experts.bounds)
            .scan(along: experts.bounds, inclusive: false)
        }
      }
    ).expect(.withinRefinement, fault: "the last is 0")
  }

  @Test func aScatterToPlacesThatMayRepeat() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...4096)
        let place = k.input("place", Int32.self, [rows], .coordinate(of: rows))
        let y = k.output("y", Int32.self, [rows])
        k.parallel(rows) { r in y[Position(place[r])] = r.coordinate }
      }
    ).expect(.writtenOnce, fault: "is written twice")
  }

  @Test func strangersInTheRunsOfABatch() throws {
    // Without the declared runs, two tokens may have one sequence and one position.
    func kernel(_ isDeclared: Bool) throws -> WrongKernel {
      try WrongKernel(
        Kernel("wrong") { k in
          let tokens = k.dimension("tokens", in: 0...4096)
          let (sequences, slots) = (k.dimension("sequences", in: 1...64), k.dimension("slots", in: 1...4096))
          let sequence = k.input("sequence", Int32.self, [tokens], .coordinate(of: sequences))
          let position = k.input("position", Int32.self, [tokens], .coordinate(of: slots))
          let first = k.input("first", Int32.self, [tokens], .coordinate(of: tokens))
          let cache = k.state("cache", Int32.self, [sequences, slots])
          if isDeclared { k.runs(of: sequence, first: first, counter: position) }
          k.parallel(tokens) { t in
            cache[Position(sequence[t]), Position(position[t])] = t.coordinate + first[t]
          }
        })
    }
    try kernel(true).expectProved()
    try kernel(false).expect(.writtenOnce, fault: "is written twice")
  }
}

extension Tile where Element == Int32 {
  /// The integers as floats.
  fileprivate var asFloat: Tile<Float> { cast(to: Float.self) }
}
