import Foundation
import Runtime
import Safetensors
import Steps
import Testing

@testable import DeepSeek

@Suite("Sequences and their files") struct SequenceTests {
  /// Two sequences with a ring and entries of four tokens each.
  private func sequences(model: String = "m", context: Int = 40) throws -> Sequences {
    let room = CacheRoom(sequences: 2, context: context, longestDraft: 1)
    let builder = StepBuilder("caches")
    _ = builder.state("a.window", .bfloat16, [2, 5, 3])
    _ = builder.state("a.entries", .float32, [2, Size(room.capacity(ratio: 4)), 2])
    let memory = try DeviceMemory(builder.finish().buffers, on: Device())
    return Sequences(
      room: room, model: model, memory: memory, use: ["a.window": .ring, "a.entries": .entries(ratio: 4)])
  }

  private func fill(_ sequences: Sequences, _ number: Int, tokens: Int, with byte: UInt8) {
    sequences.append((0..<tokens).map(Int32.init), to: number)
    for buffer in sequences.memory.buffers {
      let count = sequences.usedBytes(of: buffer, length: tokens)
      sequences.memory.write(buffer.name, row: number, (0..<count).map { UInt8(truncatingIfNeeded: $0) &+ byte })
    }
  }

  private func contents(_ sequences: Sequences, _ number: Int) -> [[UInt8]] {
    sequences.memory.buffers.map { buffer in
      sequences.memory.read(buffer.name, row: number, count: buffer.byteCount.fixed! / 2)
    }
  }

  private func file() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("sequence-\(UUID().uuidString)").path
  }

  private func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  @Test("a fork is equal and then goes its own way")
  func fork() throws {
    let sequences = try sequences()
    fill(sequences, 0, tokens: 9, with: 1)
    sequences.fork(0, to: 1)
    #expect(sequences.tokens[1] == sequences.tokens[0])
    #expect(contents(sequences, 1) == contents(sequences, 0))
    sequences.reset(0)
    #expect(sequences.length(0) == 0)
    #expect(contents(sequences, 0).joined().allSatisfy { $0 == 0 })
    #expect(contents(sequences, 1) != contents(sequences, 0))
  }

  @Test("a sequence comes back from its file as it was, and is written the same again")
  func saveAndRestore() throws {
    let sequences = try sequences()
    fill(sequences, 1, tokens: 9, with: 200)
    let (first, second) = (file(), file())
    defer { for file in [first, second] { try? FileManager.default.removeItem(atPath: file) } }
    try sequences.save(1, to: first)
    let fresh = try self.sequences()
    fill(fresh, 0, tokens: 30, with: 7)
    try fresh.restore(0, from: first)
    #expect(fresh.tokens[0] == sequences.tokens[1])
    #expect(contents(fresh, 0) == contents(sequences, 1))
    try fresh.save(0, to: second)
    #expect(try data(first) == data(second))
    // Entries beyond the length are not in the file.
    #expect(try data(first).count < 8 + 700 + 9 * 4 + 30 + 16 + 8)
  }

  @Test("a sequence may be restored where there is more room")
  func moreRoom() throws {
    let sequences = try sequences()
    fill(sequences, 0, tokens: 40, with: 3)
    let file = file()
    defer { try? FileManager.default.removeItem(atPath: file) }
    try sequences.save(0, to: file)
    let larger = try self.sequences(context: 100)
    try larger.restore(1, from: file)
    #expect(larger.length(1) == 40)
    let smaller = try self.sequences(context: 39)
    #expect(throws: SafetensorsError.self) { try smaller.restore(1, from: file) }
  }

  @Test("damaged and foreign files are refused and change nothing")
  func refuses() throws {
    let sequences = try sequences()
    fill(sequences, 0, tokens: 9, with: 1)
    let file = file()
    defer { try? FileManager.default.removeItem(atPath: file) }
    try sequences.save(0, to: file)
    let whole = try data(file)
    let before = contents(sequences, 1)
    func refusal(_ bytes: Data, _ target: Sequences) throws -> String {
      try bytes.write(to: URL(fileURLWithPath: file))
      let error = #expect(throws: SafetensorsError.self) { try target.restore(1, from: file) }
      #expect(target.length(1) == 0)
      return error?.description ?? ""
    }
    var flipped = whole
    flipped[whole.count - 3] ^= 1
    #expect(try refusal(flipped, sequences).contains("damaged ones found"))
    for cut in [0, 7, 20, whole.count / 2, whole.count - 1] {
      _ = try refusal(whole.prefix(cut), sequences)
    }
    var huge = whole
    huge[7] = 0xff
    #expect(try refusal(huge, sequences).contains("header length"))
    #expect(try refusal(whole, self.sequences(model: "other")).contains("a sequence of other expected, one of m found"))
    #expect(contents(sequences, 1) == before)
    // Every single byte of the header matters or is refused.
    for at in stride(from: 8, to: whole.count, by: 5) {
      var bytes = whole
      bytes[at] ^= 0x11
      try bytes.write(to: URL(fileURLWithPath: file))
      if (try? sequences.restore(1, from: file)) != nil {
        // A blank between the header's last brace and the data.
        #expect(whole[at] == UInt8(ascii: " "))
      }
    }
  }

  @Test("only a draft can be taken back")
  func rollBack() throws {
    let sequences = try sequences()
    fill(sequences, 0, tokens: 9, with: 1)
    sequences.rollBack(0, to: 8)
    #expect(sequences.tokens[0] == (0..<8).map(Int32.init))
    sequences.append([5, 6], to: 0)
    sequences.rollBack(0, to: 9)
    #expect(sequences.tokens[0] == (0..<8).map(Int32.init) + [5])
  }
}
