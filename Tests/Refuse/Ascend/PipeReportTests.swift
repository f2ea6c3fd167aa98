import DeviceModel
import Runtime
import Testing

/// Every kind of report of the model of pipes, planted in a text of its own.
@Suite struct PipeReportTests {
  /// A kernel that copies 16 numbers through the unified buffer, right as it stands; faults replace its lines.
  private static let lines = [
    "LocalTensor<float> x(TPosition::VECCALC, 0, 64);",
    "LocalTensor<float> y(TPosition::VECCALC, 256, 64);",
    "DataCopyPad(x, input, DataCopyExtParams(1, 64, 0, 0, 0), DataCopyPadExtParams<float>(false, 0, 0, 0));",
    "SetFlag<HardEvent::MTE2_V>(EVENT_ID0);",
    "WaitFlag<HardEvent::MTE2_V>(EVENT_ID0);",
    "Adds(y, x, 1.0f, 16);",
    "PipeBarrier<PIPE_V>();",
    "Muls(y, y, 2.0f, 16);",
    "SetFlag<HardEvent::V_MTE3>(EVENT_ID0);",
    "WaitFlag<HardEvent::V_MTE3>(EVENT_ID0);",
    "DataCopyPad(output[GetBlockIdx() * 16], y, DataCopyExtParams(1, 64, 0, 0, 0));",
  ]

  private static func text(_ change: [Int: String]) -> String {
    return """
      #include "kernel_operator.h"
      using namespace AscendC;
      extern "C" __global__ __aicore__ void planted(GM_ADDR input_address, GM_ADDR output_address) {
        GlobalTensor<float> input;
        input.SetGlobalBuffer((__gm__ float *)input_address);
        GlobalTensor<float> output;
        output.SetGlobalBuffer((__gm__ float *)output_address);
      \(PlantedKernel.body(lines, change))
      }
      """
  }

  private func run(
    _ change: [Int: String], blocks: Int = 1, order: PipeOrder = .early, isWritten: Bool = true
  ) throws -> (reports: [PipeReport], output: [UInt8]) {
    let input = (0..<16).flatMap { number in withUnsafeBytes(of: Float(number)) { [UInt8]($0) } }
    var output = DeviceBuffer.undefined(64 * blocks)
    output.isWritten = isWritten
    var buffers = [DeviceBuffer(input), output]
    let launch = PipeLaunch("planted", blocks: blocks, [.buffer(0), .buffer(1)])
    let reports = try PlantedKernel.run(Self.text(change), launch, buffers: &buffers, order: order)
    return (reports, buffers[1].bytes)
  }

  @Test(arguments: [PipeOrder.early, .late, .shuffled(seed: 3)])
  func asItStandsNothingIsReported(_ order: PipeOrder) throws {
    let (reports, output) = try run([:], blocks: 2, order: order)
    #expect(reports == [])
    let third = output.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8, as: Float.self) }
    #expect(third == 6)
  }

  struct Plant: Sendable, CustomStringConvertible {
    let kind: PipeReport.Kind
    let change: [Int: String]
    /// The note of the line that the report must name, and of the other.
    let note: Int
    var other: Int?
    var blocks = 1
    var isWritten = true
    var description: String { "\(kind) at \(note)" }
  }
  static let plants: [Plant] = [
    // A missing event, on either side of the vector pipe.
    Plant(kind: .hazard, change: [3: "", 4: ""], note: 5, other: 2),
    Plant(kind: .hazard, change: [8: "", 9: ""], note: 10, other: 7),
    Plant(kind: .missingBarrier, change: [6: ""], note: 7, other: 5),
    // Raised twice, and raised anew where the other pipe may not have waited.
    Plant(kind: .raisedTwice, change: [3: "SetFlag<HardEvent::MTE2_V>(EVENT_ID0); SetFlag<HardEvent::MTE2_V>(EVENT_ID0);"], note: 3, other: 3),
    Plant(
      kind: .raisedTwice,
      change: [5: "SetFlag<HardEvent::MTE2_V>(EVENT_ID0); WaitFlag<HardEvent::MTE2_V>(EVENT_ID0); Adds(y, x, 1.0f, 16);"],
      note: 5, other: 4),
    Plant(kind: .neverAwaited, change: [3: "SetFlag<HardEvent::MTE2_V>(EVENT_ID0); SetFlag<HardEvent::MTE2_MTE3>(EVENT_ID1);"], note: 3),
    // A wait that nobody answers, and one of another number.
    Plant(kind: .deadlock, change: [8: ""], note: 9),
    Plant(kind: .deadlock, change: [9: "WaitFlag<HardEvent::V_MTE3>(EVENT_ID1);"], note: 9),
    Plant(kind: .outOfBounds, change: [7: "Muls(y, y, 2.0f, 65);"], note: 7),
    Plant(kind: .outOfBounds, change: [1: "LocalTensor<float> y(TPosition::VECCALC, 196576, 64);"], note: 1),
    Plant(kind: .outOfBounds, change: [10: "DataCopyPad(output[1], y, DataCopyExtParams(1, 64, 0, 0, 0));"], note: 10),
    Plant(kind: .misaligned, change: [7: "Muls(y[1], y, 2.0f, 16);"], note: 7),
    Plant(kind: .misaligned, change: [1: "LocalTensor<float> y(TPosition::VECCALC, 260, 64);"], note: 1),
    // Elements behind a copy's end, and a tensor that nobody wrote.
    Plant(kind: .undefined, change: [2: "DataCopyPad(x, input, DataCopyExtParams(1, 60, 0, 0, 0), DataCopyPadExtParams<float>(false, 0, 0, 0));"], note: 10),
    Plant(kind: .undefined, change: [5: ""], note: 10),
    Plant(kind: .limit, change: [7: "Compare(y.ReinterpretCast<uint8_t>(), x, x, CMPMODE::LT, 16);"], note: 7),
    Plant(kind: .limit, change: [3: "SetFlag<HardEvent::MTE2_V>(EVENT_ID7);"], note: 3),
    Plant(kind: .limit, change: [7: "DataCopy(y, x, 3);"], note: 7),
    Plant(kind: .blockRace, change: [10: "DataCopyPad(output, y, DataCopyExtParams(1, 64, 0, 0, 0));"], note: 10, blocks: 2),
    Plant(kind: .readOnly, change: [:], note: 10, isWritten: false),
    Plant(kind: .outOfTime, change: [7: "for (volatile int i = 0; i >= 0; i = i & 1) {}"], note: -1),
    Plant(kind: .trapped, change: [7: "__builtin_trap();"], note: -1),
  ]

  @Test(arguments: plants)
  func aPlantedFaultIsReportedWithItsLines(_ plant: Plant) throws {
    let reports = try run(plant.change, blocks: plant.blocks, isWritten: plant.isWritten).reports
    let found = reports.first { $0.kind == plant.kind }
    let report = try #require(found, "\(reports)")
    if plant.note >= 0 { #expect(report.place.note == "Planted.swift:\(plant.note)", "\(report)") }
    if let other = plant.other { #expect(report.otherPlace?.note == "Planted.swift:\(other)", "\(report)") }
  }

  /// What is remembered of memory is kept for blocks of 32 bytes together, and yet told of by bytes.
  @Test(arguments: [PipeOrder.early, .late, .shuffled(seed: 5)])
  func bytesOfABlockAreToldApart(_ order: PipeOrder) throws {
    // The scalar unit and the vector unit in one block, with no event between.
    func beside(_ lane: Int) -> [Int: String] {
      [7: "LocalTensor<float> z(TPosition::VECCALC, 512, 8); Duplicate(z, 2.0f, 3); z.SetValue(\(lane), 1.0f);\n"
        + "  Muls(y, y, 2.0f, 16);"]
    }
    #expect(try run(beside(3), order: order).reports == [])
    let met = try run(beside(2), order: order).reports
    #expect(met.map(\.kind) == [.hazard])
    // The third number: the first byte at which the two meet.
    #expect(met.first?.byte == 512 + 8)
    // Blocks of a launch in one block of main memory, and one byte too far.
    func out(_ stride: Int, _ bytes: Int) -> [Int: String] {
      [10: "DataCopyPad(output[GetBlockIdx() * \(stride)], y, DataCopyExtParams(1, \(bytes), 0, 0, 0));"]
    }
    #expect(try run(out(1, 4), blocks: 3, order: order).reports == [])
    #expect(try run(out(9, 36), blocks: 3, order: order).reports == [])
    let shared = try run(out(9, 37), blocks: 3, order: order).reports
    #expect(shared.map(\.kind) == [.blockRace])
    #expect(shared.first?.byte == 36 || order == .late, "\(shared)")
  }

  @Test func everyKindIsPlanted() {
    #expect(Set(Self.plants.map(\.kind)) == Set(PipeReport.Kind.allCases))
  }
}
