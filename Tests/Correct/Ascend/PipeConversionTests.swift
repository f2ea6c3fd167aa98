import DeviceModel
import Foundation
import Runtime
import Testing

/// Conversions and comparisons of the model's vector unit against this processor's, on numbers of every kind; eight lanes
/// together, and fewer.
@Suite struct PipeConversionTests {
  /// Lanes of a launch, in whole repeats.
  private static let count = 4096
  /// Any bits, halves' neighbours and midways, whole numbers, special ones.
  private static let floats: [Float] = {
    var state: UInt64 = 88_172_645_463_325_252
    func draw() -> UInt32 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt32(truncatingIfNeeded: state)
    }
    let special: [Float] = [
      0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0.5, 1.5, 2.5, -0.5, 65504, 65519.99, 65520, 0x1p-24, 0x1p-25,
      0x1.8p-25, 0x1p-14, 0x1.ffcp-15, 0x1p31, -0x1p31, 0x1.fffffep30, 0x1p23, 0x1.000002p23, 0x1.fffffep22, 8_388_607.5,
      4_194_303.5, 255, 256, -128, -129, 127.5,
    ]
    return (0..<count).map { number in
      let bits = draw()
      switch number % 6 {
      case 0: return special[Int(bits) % special.count]
      case 1: return Float(bitPattern: bits)
      case 2: return Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
      case 3: return Float(Int32(bitPattern: bits) >> Int32(bits % 31)) / 2
      case 4: return Float(bitPattern: bits & 0x8FFF_F000 | 0x3000_1000 &+ (bits & 0x0F80_0000))
      default: return Float(Int32(bitPattern: bits) % 300) / 2
      }
    }
  }()

  /// Runs `instructions` on tensors `x` and `y` of as many lanes as stand in `count`, `pieces` at a time.
  private func run<From, To>(
    _ instructions: String, from: String, to: String, _ input: [From], pieces: Int, _: To.Type
  ) throws -> (values: [To], isDefined: [Bool]) {
    let (fromBytes, toBytes) = (MemoryLayout<From>.stride, MemoryLayout<To>.stride)
    let text = """
      #include "kernel_operator.h"
      using namespace AscendC;
      extern "C" __global__ __aicore__ void converts(GM_ADDR input_address, GM_ADDR output_address) {
        GlobalTensor<\(from)> input;
        input.SetGlobalBuffer((__gm__ \(from) *)input_address);
        GlobalTensor<\(to)> output;
        output.SetGlobalBuffer((__gm__ \(to) *)output_address);
        LocalTensor<\(from)> x(TPosition::VECCALC, 0, \(Self.count));
        LocalTensor<\(to)> y(TPosition::VECCALC, 32768, \(Self.count));
        DataCopyPad(x, input, DataCopyExtParams(1, \(fromBytes * Self.count), 0, 0, 0),
                    DataCopyPadExtParams<\(from)>(false, 0, 0, 0));
        PipeBarrier<PIPE_ALL>();
        for (int lane = 0; lane < \(Self.count); lane += 32) {
          const int count = \(pieces);
          \(instructions)
        }
        PipeBarrier<PIPE_ALL>();
        for (int lane = 0; lane < \(Self.count); lane += 32) {
          DataCopyPad(output[lane], y[lane], DataCopyExtParams(1, \(toBytes * pieces), 0, 0, 0));
        }
      }
      """
    let program = try KernelCache.standard.pipeProgram(of: text, kernels: ["converts"])
    var buffers = [DeviceBuffer(input.withUnsafeBytes { Array($0) }), .undefined(toBytes * Self.count)]
    let outcome = try program.run([PipeLaunch("converts", blocks: 1, [.buffer(0), .buffer(1)])], buffers: &buffers)
    // A lane that holds nothing is copied out, and told of.
    #expect(outcome.reports.allSatisfy { $0.kind == .undefined }, "\(outcome.reports)")
    let values = buffers[1].bytes.withUnsafeBytes { Array($0.bindMemory(to: To.self)) }
    return (values, (0..<Self.count).map { $0 % 32 < pieces })
  }

  @Test(arguments: [32, 31, 5])
  func givesTheProcessorsNumbers(_ pieces: Int) throws {
    func compare<From, To: Equatable>(
      _ from: String, _ to: String, _ mode: String, _ input: [From], _: To.Type, _ expected: (From) -> To?
    ) throws {
      let cast = "Cast(y[lane], x[lane], RoundMode::\(mode), count);"
      let (found, isThere) = try run(cast, from: from, to: to, input, pieces: pieces, To.self)
      let wrong = input.indices.filter { isThere[$0] && expected(input[$0]) != nil && found[$0] != expected(input[$0]) }
      #expect(wrong.isEmpty, "\(from) to \(to): \(wrong.prefix(4).map { "\(input[$0]) gave \(found[$0])" })")
    }
    let floats = Self.floats
    let halves = floats.map { Float16($0).bitPattern }
    let integers = floats.map { Int32(bitPattern: $0.bitPattern) }
    /// The nearest of 32 bits, where there is one.
    func nearest(_ x: Float) -> Int32? { Int32(exactly: x.rounded(.toNearestOrEven)) }
    func value(_ bits: UInt16) -> Float { Float(Float16(bitPattern: bits)) }
    try compare("float", "int32_t", "CAST_RINT", floats, Int32.self, nearest)
    try compare("float", "half", "CAST_RINT", floats, UInt16.self) { x in
      x.isNaN ? UInt16(x.sign == .minus ? 0xFE00 : 0x7E00) : Float16(x).bitPattern
    }
    try compare("int32_t", "float", "CAST_RINT", integers, UInt32.self) { Float($0).bitPattern }
    try compare("half", "float", "CAST_NONE", halves, UInt32.self) { x in
      value(x).isNaN ? nil : value(x).bitPattern
    }
    try compare("bfloat16_t", "float", "CAST_NONE", halves, UInt32.self) { UInt32($0) << 16 }
    try compare("half", "int32_t", "CAST_RINT", halves, Int32.self) { nearest(value($0)) }
    try compare("half", "uint8_t", "CAST_RINT", halves, UInt8.self) { nearest(value($0)).flatMap { UInt8(exactly: $0) } }
    try compare("half", "int8_t", "CAST_RINT", halves, Int8.self) { nearest(value($0)).flatMap { Int8(exactly: $0) } }
    let codes = integers.map { UInt8(truncatingIfNeeded: $0) }
    try compare("uint8_t", "half", "CAST_NONE", codes, UInt16.self) { Float16($0).bitPattern }
    try compare("int8_t", "half", "CAST_NONE", codes.map { Int8(bitPattern: $0) }, UInt16.self) { Float16($0).bitPattern }
    try compare("int32_t", "int16_t", "CAST_NONE", integers, Int16.self) { Int16(exactly: $0) }
  }
}
