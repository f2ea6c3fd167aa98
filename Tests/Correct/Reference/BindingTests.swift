import Formats
import Reference
import Testing
import TileIR
import Tiles

/// What a launch admits, and how refusals read.
@Suite struct ReferenceBindingTests {
  let rows = Dimension("rows", in: 1...8)
  let edges = Dimension("edges", in: 2...9)
  let width = Dimension("width", 2)

  private func program() throws -> Program {
    try Kernel("bound") { k in
      let x = k.input("x", Float.self, [rows, width])
      _ = k.input("order", Int32.self, [rows], .permutation(of: rows))
      _ = k.input("offsets", Int32.self, [edges], .partition(of: rows), .range(0, 8))
      _ = k.input("rising", UInt8.self, [rows, width], .increasing)
      let start = k.scalar("start", in: 0...7)
      k.require(start, isAtMost: Position(lengthOf: rows) - 2)
      let y = k.output("y", Float.self, [rows, width])
      k.parallel(rows) { r in y[r] = x[r] + 1 }
    }.program()
  }

  private func arguments(_ changes: [String: Argument] = [:]) -> [String: Argument] {
    var arguments: [String: Argument] = [
      "x": .floats([3, 2], [1, 2, 3, 4, 5, 6]), "order": .ints([3], [2, 0, 1]),
      "offsets": .ints([4], [0, 1, 1, 3]),
      "rising": .tensor(HostTensor(.uint8, [3, 2], integers: [0, 1, 0, 255, 7, 8])), "start": .int(1),
    ]
    arguments.merge(changes) { $1 }
    return arguments
  }

  private func refused(
    _ changes: [String: Argument], without name: String? = nil, extents: [Dimension: Int] = [:]
  ) throws -> String {
    let program = try program()
    let passed = arguments(changes).filter { $0.key != name }
    return refusal { _ = try Reference.run(program, passed, extents: extents) }
  }

  @Test func goodArgumentsPass() throws {
    #expect(try runEveryWay(try program(), arguments())["y"]!.numbers == [2, 3, 4, 5, 6, 7])
  }

  @Test func namesAndTypesMustFit() throws {
    #expect(try refused(["z": .int(1)]).contains("bound takes no argument z; it takes x, order"))
    #expect(try refused(["y": .floats([3, 2], [0, 0, 0, 0, 0, 0])]).contains("y is an output"))
    #expect(try refused([:], without: "x").contains("x: float32 [rows, width] expected, no argument given"))
    #expect(try refused(["x": .ints([3, 2], [0, 0, 0, 0, 0, 0])])
      .contains("x: float32 [rows, width] expected, int32 [3, 2] came"))
    #expect(try refused(["x": .floats([6], [0, 0, 0, 0, 0, 0])]).contains("float32 [6] came"))
    #expect(try refused(["start": .float(1)]).contains("start: a number of int32 expected, float32 1.0 came"))
  }

  @Test func extentsMustAgree() throws {
    #expect(try refused(["x": .floats([3, 1], [0, 0, 0])])
      .contains("x: extent of width is 1, 2 expected"))
    #expect(try refused(["x": .floats([0, 2], [])])
      .contains("x: extent of rows is 0, declared in 1...8"))
    #expect(try refused(["order": .ints([2], [0, 1])])
      .contains("order: extent of rows is 2, but 3 by x"))
    #expect(try refused([:], extents: [rows: 4]).contains("x: extent of rows is 3, but 4 by the given extent"))
    #expect(try refused([:], extents: [Dimension("other", in: 0...5): 4]).contains("other is not a dimension"))
  }

  @Test func contentsMustFit() throws {
    #expect(try refused(["order": .ints([3], [2, 0, 2])]).contains("order: each of 0..<3 once expected, element [2] is 2 once more"))
    #expect(try refused(["order": .ints([3], [2, 0, 3])]).contains("element [2] is 3"))
    #expect(try refused(["offsets": .ints([3], [1, 2, 3])]).contains("the first is 1"))
    #expect(try refused(["offsets": .ints([3], [0, 2, 4])]).contains("offsets: offsets from 0 to 3 that never decrease expected, the last is 4"))
    #expect(try refused(["offsets": .ints([4], [0, 3, 2, 3])]).contains("element [2] is 2 after 3"))
    #expect(try refused(["offsets": .ints([4], [0, 9, 9, 3])]).contains("element [3] is 3 after 9"))
    #expect(try refused(["rising": .tensor(HostTensor(.uint8, [3, 2], integers: [0, 1, 5, 5, 7, 8]))])
      .contains("rising: strictly ascending rows expected, element [1, 1] is 5 after 5"))
    #expect(try refused(["start": .int(8)]).contains("start: integers in 0...7 expected, it is 8"))
    let message = try refused(["start": .int(2)])
    #expect(message.contains("this launch breaks start <= length of rows - 2: 2 and 1 came"))
    #expect(message.contains("BindingTests.swift"))
  }

  @Test func extentsThatNoArgumentHasAreGiven() throws {
    let n = Dimension("n", in: 0...10)
    let program = try Kernel("count") { k in
      let y = k.output("y", Int32.self, [n])
      k.parallel(n) { b in y[b] = b.coordinate * 3 }
    }.program()
    #expect(try runEveryWay(program, [:], extents: [n: 4])["y"]!.integers == [0, 3, 6, 9])
    #expect(refusal { _ = try Reference.run(program, [:]) }.contains("no argument has dimension n; give its extent"))
    #expect(refusal { _ = try Reference.run(program, [:], extents: [n: 11]) }.contains("extent of n is 11, declared in 0...10"))
  }

  @Test func outputsKeepWhatTheyDeclare() throws {
    let n = Dimension("n", in: 0...10)
    let program = try Kernel("permute") { k in
      let key = k.input("key", Int32.self, [n])
      let y = k.output("y", Int32.self, [n], .permutation(of: n))
      k.parallel(n) { b in y[b] = key[b] * 1 }
    }.program()
    #expect(try runEveryWay(program, ["key": .ints([3], [1, 2, 0])])["y"]!.integers == [1, 2, 0])
    #expect(refusal { _ = try Reference.run(program, ["key": .ints([3], [1, 2, 1])]) }.contains("y: each of 0..<3 once"))
  }

  @Test func truthsAreZeroOrOne() throws {
    let n = Dimension("n", in: 0...10)
    let program = try Kernel("any") { k in
      let x = k.input("x", Bool.self, [n])
      let y = k.output("y", Bool.self, [])
      k.once { y[] = x[n].any(along: n) }
    }.program()
    #expect(try runEveryWay(program, ["x": .tensor(HostTensor(.bool, [3], bytes: [0, 1, 0]))])["y"]!.integers == [1])
    #expect(refusal { _ = try Reference.run(program, ["x": .tensor(HostTensor(.bool, [2], bytes: [0, 2]))]) }
      .contains("x: bool [n] expected, a byte is 2"))
  }
}
