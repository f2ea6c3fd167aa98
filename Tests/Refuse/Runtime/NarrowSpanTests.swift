import Foundation
import Proofs
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// A buffer that kernels gather from with 32-bit offsets spans at most 2^31 elements: the proof supposes it, and a
/// launch refuses one that spans more before anything is read.
@Suite struct NarrowSpanTests {
  private static let most = 1 << 31

  /// y[rows] = table[index[rows], 0]: lanes along rows read a row of the table each.
  private static func program() throws -> Program {
    try Kernel("picked") { k in
      let rows = k.dimension("rows", in: 1...64)
      let entries = k.dimension("entries", in: 2...4)
      let table = k.input("table", UInt8.self, [entries, Dimension("width", 4)])
      let index = k.input("index", Int32.self, [rows], .coordinate(of: entries))
      let y = k.output("y", Int32.self, [rows])
      k.parallel(rows) { r in y[r] = table[Position(index[r]), 0].cast(to: Int32.self) }
    }.program()
  }

  @Test func theProofSaysWhichBuffersMustBeNarrow() throws {
    let program = try Self.program()
    let proof = MachineProof(try Lowering.plan(program, for: .avx512))
    #expect(proof.isProved, "\(proof.open)")
    #expect(proof.narrowSpans == [0])
    #expect(proof.proved.narrowSpans == [0])
  }

  /// What a launch says of a table of three rows that lie `stride` elements apart; nothing if it runs.
  private func refusal(stride: Int) throws -> String {
    let plan = try Lowering.plan(try Self.program(), for: .host)
    #expect(MachineProof(plan).narrowSpans == [0])
    let executable = try Executable(plan: plan)
    // Pages that nothing touches take no memory.
    let byteCount = 2 * stride + 4
    let area = try #require(
      mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
    #expect(area != MAP_FAILED)
    defer { munmap(area, byteCount) }
    for row in 0..<3 { area.storeBytes(of: UInt8(row + 5), toByteOffset: row * stride, as: UInt8.self) }
    let index = UnsafeMutablePointer<Int32>.allocate(capacity: 16)
    let y = UnsafeMutablePointer<Int32>.allocate(capacity: 16)
    defer {
      index.deallocate()
      y.deallocate()
    }
    index.initialize(repeating: 0, count: 16)
    y.initialize(repeating: -1, count: 16)
    for at in 0..<16 { index[at] = Int32(at % 3) }
    do {
      try executable.launch([
        .buffer(TensorView(.uint8, area, shape: [3, 4], strides: [stride, 1])),
        .buffer(TensorView(.int32, index, shape: [16])), .buffer(TensorView(.int32, y, shape: [16])),
      ])
    } catch let error as Diagnostic {
      #expect((0..<16).allSatisfy { y[$0] == -1 })
      return error.description
    }
    #expect((0..<16).allSatisfy { y[$0] == Int32($0 % 3 + 5) })
    return ""
  }

  @Test func aBufferThatSpansMoreIsRefused() throws {
    #expect(try refusal(stride: Self.most / 2 - 2) == "")
    let text = try refusal(stride: Self.most / 2 - 1)
    #expect(text.contains("table: a buffer that spans at most 2^31 elements expected"), "\(text)")
  }
}
