import MachineIR
import Operators
import Testing
import TileIR

/// Products and look-ups of bytes, on the targets that have them.
@Suite struct ByteInstructionTests {
  /// Words of random bytes, the extremes among them.
  private func words(_ count: Int, seed: UInt64) -> [UInt32] {
    var source = SplitMix64(seed: seed)
    let extremes: [UInt32] = [0, 0xFFFF_FFFF, 0x8080_8080, 0x7F7F_7F7F, 0x0102_0304, 0xFF80_7F01]
    return extremes + (0..<count - extremes.count).map { _ in UInt32.random(in: 0 ... .max, using: &source) }
  }

  private func bytes(_ word: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }

  /// Which targets ran it must follow from what the machine has.
  private func targets(_ feature: MachineDescription.Feature) -> Set<String> {
    Set(MachineDescription.cpus.filter { ($0.runsHere || Emulation.runs($0)) && $0.has(feature) }.map(\.name))
  }

  @Test(arguments: [4, 8, 16, 32])
  func dotProductsOfFourBytesAreExact(_ lanes: Int) throws {
    let inputs = [words(640, seed: 1), words(640, seed: 2).reversed(), words(640, seed: 3)]
    let kernel = LaneKernel(
      name: "dot", inputs: [.int32, .int32, .int32], output: .int32, lanes: lanes,
      expression: {
        .apply(.dot4, [$0[0], $0[1].bitCast(to: .u8), $0[2].bitCast(to: .i8)], $0[0].type)
      })
    let expected = inputs[0].indices.map { at -> UInt32 in
      zip(bytes(inputs[1][at]), bytes(inputs[2][at])).reduce(inputs[0][at]) {
        $0 &+ UInt32(bitPattern: Int32($1.0) * Int32(Int8(bitPattern: $1.1)))
      }
    }
    let results = try kernel.run(inputs)
    #expect(Set(results.keys) == targets(.dot4))
    for (machine, found) in results { #expect(found == expected, "\(machine)") }
  }

  @Test(arguments: [4, 8, 16, 32], [false, true])
  func shufflesLookUpBytes(_ lanes: Int, _ isLarge: Bool) throws {
    if isLarge, lanes != 16 { return }
    let table = (0..<(isLarge ? 128 : 16)).map { UInt8(truncatingIfNeeded: $0 * 151 + 7) }
    let codes = words(640, seed: 4)
    let kernel = LaneKernel(
      name: "shuffle", inputs: [.int32], output: .int32, lanes: lanes,
      expression: {
        Expression.apply(
          isLarge ? .lookup128 : .lookup16,
          [.table(ByteTable("odd_bytes", table)), $0[0].bitCast(to: .u8)], MachineType(.u8, 4 * lanes)
        ).bitCast(to: .i32)
      })
    let expected = codes.map { word in
      bytes(word).enumerated().reduce(UInt32(0)) {
        $0 | UInt32(table[Int($1.element) % table.count]) << UInt32(8 * $1.offset)
      }
    }
    let results = try kernel.run([codes])
    #expect(Set(results.keys) == targets(isLarge ? .lookup128 : .lookup16))
    for (machine, found) in results { #expect(found == expected, "\(machine)") }
  }
}
