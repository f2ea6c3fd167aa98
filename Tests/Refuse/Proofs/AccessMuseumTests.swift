import Proofs
import Testing
import Tiles

/// Programs whose accesses miss, in ways that compilers have let pass or made.
@Suite(.enabled(if: WrongKernel.hasSolver)) struct AccessMuseumTests {
  private let width = Dimension("width", 12)

  /// A kernel that reads `x` [rows, width] and writes `y` [rows, width].
  private func kernel(
    _ body: @escaping (Trace, Tensor<Float>, Tensor<Float>, Dimension) -> Void
  ) throws -> WrongKernel {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...1_048_576)
        let x = k.input("x", Float.self, [rows, width])
        let y = k.output("y", Float.self, [rows, width])
        body(k, x, y, rows)
      })
  }

  @Test func aTileWidenedByOne() throws {
    let wrong = try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[r, Position(width) + 1] }
    }
    try wrong.expect(.inBounds, ["width": 11], fault: "x is read at 12 along width, whose extent is 12")
    #expect(wrong.proof.failures[0].obligation.sentence == "x[rows, width + 1]: width + 1 < 12, width's extent")
  }

  @Test func aNegativeIntermediateIndex() throws {
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[r.position - 1, width] }
    }.expect(.inBounds, ["rows": 0], fault: "x is read at -1 along rows")
  }

  @Test func floorDivisionOfNegativeNumbersRoundsDown() throws {
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[r, (Position(width) - 3) / 8 + 1] }
    }.expectProved()
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[r, (Position(width) - 3) / 8] }
    }.expect(.inBounds, fault: "x is read at -1 along width")
  }

  @Test func remaindersOfNegativeNumbersAreNotNegative() throws {
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[r, (Position(width) - 40) % 12] }
    }.expectProved()
  }

  @Test func nestedRemaindersFoldedWrongly() throws {
    // (width mod 12) mod 8 is not width mod 4: the greatest is 7.
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[r, Position(width) % 12 % 8 + 4] }
    }.expectProved()
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[r, Position(width) % 12 % 8 + 5] }
    }.expect(.inBounds, ["width": 7], fault: "x is read at 12 along width")
  }

  @Test func aNarrowIntegerCastUnderABound() throws {
    // Coordinates beyond 127 do not fit the byte: saturated, two cells write one element.
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = Dimension("rows", 200)
        let y = k.output("y", Int32.self, [rows])
        k.parallel(rows) { r in
          let narrow = r.coordinate.cast(to: Int8.self).cast(to: Int32.self)
          y[Position(narrow)] = r.coordinate
        }
      }
    ).expect(.writtenOnce, fault: "y [127] is written twice")
  }

  @Test func anIndexThatOverflowsInt32() throws {
    let wrong = try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...1_048_576)
        let y = k.output("y", Int32.self, [rows])
        k.parallel(rows) { r in y[r] = r.coordinate * 4096 }
      })
    try wrong.expect(.noOverflow)
    guard case .refuted(let counterexample) = wrong.proof.failures[0].verdict else { return }
    #expect(counterexample["rows"]! >= 524_288)
  }

  @Test func aSumThatOverflowsInt32() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...16)
        let width = k.dimension("width", in: 0...1_048_576)
        let x = k.input("x", Int32.self, [rows, width], .range(0, 4096))
        let y = k.output("y", Int32.self, [rows])
        k.parallel(rows) { r in y[r] = x[r].sum(along: width) }
      }
    ).expect(.exactAccumulator)
  }

  @Test func aRegionWhoseStartPlusCountPassesTheEnd() throws {
    func kernel(isDeclared: Bool) throws -> WrongKernel {
      try WrongKernel(
        Kernel("wrong") { k in
          let rows = k.dimension("rows", in: 0...1024)
          let start = k.scalar("start", in: 0...1024)
          let count = k.scalar("count", in: 0...1024)
          let x = k.input("x", Float.self, [rows])
          let ring = k.state("ring", Float.self, [rows])
          if isDeclared { k.require(start.position + count.position, isAtMost: Position(lengthOf: rows)) }
          k.parallel(rows, from: start, to: start.position + count.position) { r in ring[r] = x[r] }
        })
    }
    try kernel(isDeclared: true).expectProved()
    try kernel(isDeclared: false).expect(.inBounds, fault: "reach beyond its extent")
  }

  @Test func aGatherOfIntegersThatNothingBounds() throws {
    func kernel(_ refinements: Bool) throws -> WrongKernel {
      try WrongKernel(
        Kernel("wrong") { k in
          let rows = k.dimension("rows", in: 0...1024)
          let entries = k.dimension("entries", in: 0...1024)
          let table = k.input("table", Float.self, [entries])
          let index =
            refinements
            ? k.input("index", Int32.self, [rows], .coordinate(of: entries)) : k.input("index", Int32.self, [rows])
          let y = k.output("y", Float.self, [rows])
          k.parallel(rows) { r in y[r] = table[Position(index[r])] }
        })
    }
    try kernel(true).expectProved()
    try kernel(false).expect(.inBounds, fault: "table is read at")
  }

  @Test func aGuardThatIsOffByOne() throws {
    func kernel(_ last: Int32) throws -> WrongKernel {
      try self.kernel { k, x, y, rows in
        k.parallel(rows) { r in
          let next = x[r, Position(width) + 1]
          y[r, width] = select(k.coordinate(of: width) .< last, next, 0)
        }
      }
    }
    try kernel(11).expectProved()
    try kernel(12).expect(.inBounds, ["width": 11], fault: "x is read at 12")
  }

  @Test func aLoopThatReadsBeyondTheLastBlock() throws {
    try kernel { k, x, y, rows in
      let lane = k.axis("lane", 8)
      k.parallel(rows) { r in
        let sum = k.iterate(2, carrying: x[r, Position(lane)]) { sum, round in
          sum + x[r, round * 8 + Position(lane)]
        }
        y[r, width] = sum.sum(along: lane, order: .sequential) + x[r, width]
      }
    }.expect(.inBounds, fault: "x is read at 12 along width")
  }

  @Test func aFillOfTopKUsedAsACoordinate() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...16)
        let width = k.dimension("width", in: 0...64)
        let picks = Dimension("picks", 4)
        let x = k.input("x", Float.self, [rows, width])
        let y = k.output("y", Float.self, [rows, picks])
        k.parallel(rows) { r in
          let top = x[r].topK(along: width, into: picks)
          y[r] = x[r].at(width, Position(top))
        }
      }
    ).expect(.inBounds, fault: "a tile is sampled at -1 along width")
  }

  @Test func theWeightsOfTheNextSegment() throws {
    func kernel(_ step: Int32) throws -> WrongKernel {
      try WrongKernel(
        Kernel("wrong") { k in
          let rows = k.dimension("rows", in: 0...1024)
          let experts = Dimension("experts", 3)
          let offsets = k.input("offsets", Int32.self, [experts.bounds], .partition(of: rows))
          let weight = k.input("weight", Float.self, [experts])
          let y = k.output("y", Float.self, [rows])
          k.parallel(segments: offsets, over: experts) { e, r in y[r] = weight[Position(e.number + step)] }
        })
    }
    try kernel(0).expectProved()
    try kernel(1).expect(.inBounds)
  }

  @Test func anAxisLongerThanItsDeclaredRange() throws {
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in
        let before = k.axis("before", in: 0...11, length: r.position + 1)
        y[r, width] = x[r, width] + x[r, Position(before)].sum(along: before, order: .sequential)
      }
    }.expect(.withinRefinement, ["rows": 11], fault: "the length of before is 12, declared in 0...11")
  }

  @Test func aShiftByMoreThanTheWordHas() throws {
    try WrongKernel(
      Kernel("wrong") { k in
        let rows = k.dimension("rows", in: 0...64)
        let y = k.output("y", Int32.self, [rows])
        k.parallel(rows) { r in y[r] = (r.coordinate & 7) << 33 }
      }
    ).expect(.defined)
  }

  @Test func axesSwapped() throws {
    try kernel { k, x, y, rows in
      k.parallel(rows) { r in y[r, width] = x[Position(width), r] }
    }.expect(.inBounds, fault: "x is read at")
  }
}

extension WrongKernel {
  /// Expects everything to be proved: the right neighbour of a wrong kernel.
  func expectProved(sourceLocation: Testing.SourceLocation = #_sourceLocation) {
    #expect(proof.isComplete, "\(proof.failures.map(\.description))", sourceLocation: sourceLocation)
  }
}
