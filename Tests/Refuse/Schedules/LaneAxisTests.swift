import MachineIR
import Schedules
import Testing
import TileIR
import Tiles

/// Lanes run along axes whose loops are as long in every lane; another axis is refused by name.
@Suite struct LaneAxisTests {
  /// `sums[r]` is the sum of as many elements of row r as `counts[r]` says; `doubled` is twice z.
  private static func program(isDoubled: Bool) throws -> Program {
    let kernel = Kernel("ragged") { k in
      let rows = k.dimension("rows", in: 0...1000)
      let width = k.dimension("width", in: 0...1000)
      let counts = k.input("counts", Int32.self, [rows], .range(0, 8))
      let x = k.input("x", Float.self, [rows, Dimension("eight", 8)])
      let sums = k.output("sums", Float.self, [rows])
      k.parallel(rows) { r in
        let some = k.axis("some", in: 0...8, length: Position(counts[r]))
        sums[r] = x[r, Position(some)].sum(along: some, order: .sequential)
      }
      guard isDoubled else { return }
      let z = k.input("z", Float.self, [rows, width])
      let doubled = k.output("doubled", Float.self, [rows, width])
      k.parallel(rows, width) { r, c in doubled[r, c] = z[r, c] * 2 }
    }
    return try kernel.program()
  }

  private func refusal(_ program: Program, _ axis: LaneAxis) -> String? {
    do {
      _ = try Lowering.plan(program, for: .avx2, schedule: Schedule(laneAxis: axis))
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func anAxisThatLengthsDependOnIsRefused() throws {
    let program = try Self.program(isDoubled: false)
    #expect(program.laneAxes.isEmpty)
    let text = try #require(refusal(program, .parallel("rows")))
    #expect(text.contains("along rows, but loops inside have other lengths at each of its coordinates"))
    #expect(text.contains("this program has no axis that they can"))
    #expect(!Schedule.candidates(for: program, on: .avx2).contains { $0.laneAxis == .parallel("rows") })
  }

  @Test func aRegionWithLoopsOfOneLengthTakesIt() throws {
    let program = try Self.program(isDoubled: true)
    #expect(program.laneAxes == [.parallel("rows"), .parallel("width")])
    #expect(refusal(program, .parallel("rows")) == nil)
  }

  @Test func anUnknownAxisIsRefused() throws {
    let text = try #require(refusal(try Self.program(isDoubled: true), .parallel("columns")))
    #expect(text.contains("columns, which is no parallel axis of ragged; they can along rows, width"))
  }
}
