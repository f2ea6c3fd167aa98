import Reference
import Testing
import TileIR
import Tiles

/// Loads and stores: what faults, what is written, what state keeps.
@Suite struct ReferenceAccessTests {
  let n = Dimension("n", in: 0...100)
  let m = Dimension("m", in: 1...100)

  /// y[n] = where index is good, x[index], else -1.
  private func guarded(always: Bool) throws -> Program {
    try Kernel("guarded") { k in
      let index = k.input("index", Int32.self, [n])
      let x = k.input("x", Float.self, [m])
      let y = k.output("y", Float.self, [n])
      k.parallel(n) { r in
        let i = index[r]
        let value = x[Position(i)] + 1
        y[r] = always ? value : select(i .>= 0, value, -1)
      }
    }.program()
  }

  @Test func anUntakenBranchMayNotExist() throws {
    let arguments: [String: Argument] = ["index": .ints([4], [2, -5, 0, -1]), "x": .floats([3], [10, 20, 30])]
    #expect(try runEveryWay(try guarded(always: false), arguments)["y"]!.numbers == [31, -1, 11, -1])
    let message = refusal { _ = try Reference.run(try guarded(always: true), arguments) }
    #expect(message.contains("x is read at -5 along m, whose extent is 3, at n 1"))
    #expect(message.contains("AccessTests.swift"))
  }

  @Test func aReductionOverAFaultIsAFault() throws {
    let program = try Kernel("shifted") { k in
      let x = k.input("x", Float.self, [m])
      let y = k.output("y", Float.self, [])
      k.once { y[] = x[Position(m) + 1].max(along: m) }
    }.program()
    #expect(refusal { _ = try Reference.run(program, ["x": .floats([3], [1, 2, 3])]) }
      .contains("x is read at 3 along m"))
  }

  @Test func storesAreGuardedAndCountedOnce() throws {
    let program = try Kernel("scatter") { k in
      let to = k.input("to", Int32.self, [n])
      let x = k.input("x", Float.self, [n])
      let s = k.state("s", Float.self, [m])
      k.parallel(n) { r in
        let i = to[r]
        s.write(x[r] * 2, at: Position(i), where: i .>= 0)
      }
    }.program()
    func run(_ to: [Int]) throws -> [Float] {
      try runEveryWay(
        program,
        ["to": .ints([3], to), "x": .floats([3], [1, 2, 3]), "s": .floats([4], [9, 8, 7, 6])])["s"]!.numbers
    }
    #expect(try run([3, -1, 0]) == [6, 8, 7, 2])
    #expect(refusal { _ = try run([3, 3, 0]) }.contains("s [3] is written twice"))
    #expect(refusal { _ = try run([4, 1, 0]) }.contains("s is written at 4 along m, whose extent is 4, at n 0"))
  }

  @Test func outputsAreWrittenCompletely() throws {
    let program = try Kernel("partial") { k in
      let x = k.input("x", Float.self, [m])
      let y = k.output("y", Float.self, [m])
      k.parallel(m, from: 1, to: Position(lengthOf: m)) { b in y[b] = x[b] }
    }.program()
    let message = refusal { _ = try Reference.run(program, ["x": .floats([3], [1, 2, 3])]) }
    #expect(message.contains("y [0] is not written"))
    let twice = try Kernel("twice") { k in
      let x = k.input("x", Float.self, [m])
      let y = k.output("y", Float.self, [m])
      k.parallel(m) { b in y[b] = x[b] }
      k.parallel(m, from: 0, to: 1) { b in y[b] = x[b] }
    }.program()
    #expect(refusal { _ = try Reference.run(twice, ["x": .floats([3], [1, 2, 3])]) }
      .contains("y [0] is written twice, at m 0"))
  }

  @Test func stateIsReadAsItWasBefore() throws {
    // The ring moves on by one; a second region still sees the old one.
    let program = try Kernel("ring") { k in
      let s = k.state("s", Float.self, [m])
      let y = k.output("y", Float.self, [m])
      k.parallel(m, from: 1, to: Position(lengthOf: m)) { b in s[b.position] = s[b.position - 1] }
      k.parallel(m) { b in y[b] = s[b] * 10 }
    }.program()
    let results = try runEveryWay(program, ["s": .floats([4], [1, 2, 3, 4])])
    #expect(results["s"]!.numbers == [1, 1, 2, 3])
    #expect(results["y"]!.numbers == [10, 20, 30, 40])
  }

  @Test func broadcastingIsByName() throws {
    let program = try Kernel("outer") { k in
      let a = k.input("a", Float.self, [n])
      let b = k.input("b", Float.self, [m])
      let y = k.output("y", Float.self, [m, n])
      k.parallel(n) { r in y[Position(m), r] = a[r] - b[m] }
    }.program()
    let y = try runEveryWay(program, ["a": .floats([2], [10, 20]), "b": .floats([3], [1, 2, 3])])["y"]!
    #expect(y.numbers == [9, 19, 8, 18, 7, 17])
  }

  @Test func valuesMadeOutsideOfARegionSeeWholeAxes() throws {
    let program = try Kernel("centre") { k in
      let x = k.input("x", Int32.self, [n])
      let y = k.output("y", Int32.self, [n])
      let sum = x[n].sum(along: n)
      let before = x[n].scan(along: n, inclusive: false)
      k.parallel(n) { r in y[r] = x[r] * 100 + sum + before }
    }.program()
    let y = try runEveryWay(program, ["x": .ints([5], [1, 2, 3, 4, 5])], seeds: 1...9)["y"]!
    #expect(y.integers == [115, 216, 318, 421, 525])
  }

  @Test func boundsMayBeEmptyButNotBeyond() throws {
    let program = try Kernel("window") { k in
      let from = k.scalar("from", in: 0...50)
      let to = k.scalar("to", in: 0...50)
      let s = k.state("s", Int32.self, [m])
      k.parallel(m, from: from, to: to) { b in s[b] = b.coordinate }
    }.program()
    func run(_ from: Int32, _ to: Int32) throws -> [Int] {
      try runEveryWay(
        program, ["from": .int(from), "to": .int(to), "s": .ints([4], [9, 9, 9, 9])])["s"]!.integers
    }
    #expect(try run(1, 3) == [9, 1, 2, 9])
    #expect(try run(3, 1) == [9, 9, 9, 9])
    #expect(refusal { _ = try run(2, 5) }.contains("coordinates 2..<5 of m reach beyond its extent 4"))
  }
}

/// Bits of NaN on their way through a program.
@Suite struct ReferenceNaNTests {
  @Test func everyElementThatIsCopiedKeepsItsBits() throws {
    let n = Dimension("n", 4)
    let m = Dimension("m", 8)
    let program = try Kernel("copies") { k in
      let x = k.input("x", Float.self, [n])
      let y = k.output("y", Float.self, [n])
      let z = k.output("z", Float.self, [m])
      k.once {
        let place = Position(n).tile(in: k)
        // One side is copied, the other computed.
        y[n] = select(place .< 2, x[n], x[n] + 1)
        let halves = (k.axis("first", 4), k.axis("second", 4))
        let pair = k.joined("pair", halves.0, halves.1)
        let all = pair(x[Position(halves.0)], -x[Position(halves.1)])
        z[m] = all.at(pair.dimension, Position(m))
      }
    }.program()
    let codes: [UInt32] = [0xFFC1_2345, 0x7F80_0001, 0xFFFF_FFFF, 0x3F80_0000]
    let results = try runEveryWay(program, ["x": .tensor(HostTensor(.float32, [4], codes: codes))])
    #expect(results["y"]!.codes == [codes[0], codes[1], 0x7FC0_0000, 0x4000_0000])
    #expect(results["z"]!.codes == codes + [0x7FC0_0000, 0x7FC0_0000, 0x7FC0_0000, 0xBF80_0000])
  }
}
