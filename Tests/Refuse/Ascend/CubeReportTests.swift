import DeviceModel
import Runtime
import Testing

/// What the model reports of groups of a cube core and its vector cores, planted in a text of its own.
@Suite struct CubeReportTests {
  /// A product of 16 x 32 by 16 x 32 bytes on the cube core, which the vector core doubles; twice, one after the other.
  private static let lines = [
    "KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_MIX_AIC_1_1); if (ASCEND_IS_AIC) {",
    "LocalTensor<int8_t> stage(TPosition::A1, 0, 1024);",
    "LocalTensor<int8_t> left(TPosition::A2, 0, 512);",
    "LocalTensor<int8_t> right(TPosition::B2, 0, 512);",
    "LocalTensor<int32_t> sums(TPosition::CO1, 0, 256);",
    "for (int round = 0; round < 2; round++) {",
    "DataCopy(stage, a, Nd2NzParams(1, 16, 32, 0, 32, 16, 1, 0));",
    "DataCopy(stage[512], b, Nd2NzParams(1, 16, 32, 0, 32, 16, 1, 0));",
    "SetFlag<HardEvent::MTE2_MTE1>(EVENT_ID0); WaitFlag<HardEvent::MTE2_MTE1>(EVENT_ID0);",
    "LoadData(left, stage, LoadData2DParams(0, 1, 1, 0, 0, false, 0));",
    "LoadData(right, stage[512], LoadData2DParams(0, 1, 1, 0, 0, false, 0));",
    "SetFlag<HardEvent::MTE1_MTE2>(EVENT_ID0); WaitFlag<HardEvent::MTE1_MTE2>(EVENT_ID0);",
    "SetFlag<HardEvent::MTE1_M>(EVENT_ID0); WaitFlag<HardEvent::MTE1_M>(EVENT_ID0);",
    "Mmad(sums, left, right, MmadParams(16, 16, 32, 0, false, true));",
    "PipeBarrier<PIPE_M>();",
    "Mmad(sums, left, right, MmadParams(16, 16, 32, 0, false, false));",
    "SetFlag<HardEvent::M_MTE1>(EVENT_ID0); WaitFlag<HardEvent::M_MTE1>(EVENT_ID0);",
    "SetFlag<HardEvent::M_FIX>(EVENT_ID0); WaitFlag<HardEvent::M_FIX>(EVENT_ID0);",
    "CrossCoreWaitFlag(5);",
    "Fixpipe<int32_t, int32_t, CFG_ROW_MAJOR>(between, sums, FixpipeParamsV220(16, 16, 16, 16, false));",
    "CrossCoreSetFlag<2, PIPE_FIX>(0);",
    "SetFlag<HardEvent::FIX_M>(EVENT_ID0); WaitFlag<HardEvent::FIX_M>(EVENT_ID0);",
    "} CrossCoreWaitFlag(5); }",
    "if (ASCEND_IS_AIV) { LocalTensor<int32_t> x(TPosition::VECCALC, 0, 256);",
    "CrossCoreSetFlag<2, PIPE_MTE2>(5);",
    "for (int round = 0; round < 2; round++) {",
    "CrossCoreWaitFlag(0);",
    "DataCopyPad(x, between, DataCopyExtParams(1, 1024, 0, 0, 0), DataCopyPadExtParams<int32_t>(false, 0, 0, 0));",
    "CrossCoreSetFlag<2, PIPE_MTE2>(5);",
    "SetFlag<HardEvent::MTE2_V>(EVENT_ID0); WaitFlag<HardEvent::MTE2_V>(EVENT_ID0);",
    "PipeBarrier<PIPE_V>(); Muls(x, x, 2, 256);",
    "SetFlag<HardEvent::V_MTE3>(EVENT_ID0); WaitFlag<HardEvent::V_MTE3>(EVENT_ID0);",
    "DataCopyPad(output[256 * round], x, DataCopyExtParams(1, 1024, 0, 0, 0));",
    "SetFlag<HardEvent::MTE3_MTE2>(EVENT_ID0); WaitFlag<HardEvent::MTE3_MTE2>(EVENT_ID0);",
    "} }",
  ]

  private static func text(_ change: [Int: String]) -> String {
    func tensor(_ name: String, _ type: String) -> String {
      "GlobalTensor<\(type)> \(name); \(name).SetGlobalBuffer((__gm__ \(type) *)\(name)_address);"
    }
    return """
      #include "kernel_operator.h"
      using namespace AscendC;
      extern "C" __global__ __aicore__ void planted(
          GM_ADDR a_address, GM_ADDR b_address, GM_ADDR between_address, GM_ADDR output_address) {
        \(tensor("a", "int8_t")) \(tensor("b", "int8_t"))
        \(tensor("between", "int32_t")) \(tensor("output", "int32_t"))
      \(PlantedKernel.body(lines, change))
      }
      """
  }

  private func run(
    _ change: [Int: String], order: PipeOrder = .early, vectorCores: Int = 1
  ) throws -> (reports: [PipeReport], output: [Int32]) {
    var buffers = [
      DeviceBuffer(Self.bytes(7).map { UInt8(bitPattern: $0) }), DeviceBuffer(Self.bytes(5).map { UInt8(bitPattern: $0) }),
      DeviceBuffer.scratch(1024), DeviceBuffer.undefined(2048),
    ]
    let launch = PipeLaunch("planted", blocks: 1, (0..<4).map { .buffer($0) }, vectorCoresOfCube: vectorCores)
    let reports = try PlantedKernel.run(Self.text(change), launch, buffers: &buffers, order: order)
    let output = buffers[3].bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    return (reports, output)
  }

  /// The right operand as lines of depth, staged one by one and turned on the way to its memory.
  private static let turned = [
    1: "LocalTensor<int8_t> stage(TPosition::A1, 0, 1536);",
    3: "LocalTensor<int8_t> right(TPosition::B2, 0, 1024);",
    4: "LocalTensor<int32_t> sums(TPosition::CO1, 0, 512);",
    7: "for (int line = 0; line < 32; line++) DataCopy(stage[512 + 32 * line], b[line % 16 * 32], Nd2NzParams(1, 1, 32, 0, 32, 32, 1, 0));",
    10: "LoadDataWithTranspose(right, stage[512], LoadData2dTransposeParams(0, 1, 1, 1, 0));",
    13: "Mmad(sums, left, right, MmadParams(16, 32, 32, 0, false, true));",
    15: "Mmad(sums, left, right, MmadParams(16, 32, 32, 0, false, false));",
  ]

  @Test(arguments: [PipeOrder.early, .late, .shuffled(seed: 3)])
  func aRightOperandMayBeTurned(_ order: PipeOrder) throws {
    let (reports, output) = try run(Self.turned, order: order)
    #expect(reports == [])
    let (a, b) = (Self.bytes(7), Self.bytes(5))
    let expected = (0..<512).map { place -> Int32 in
      let (row, column) = (place % 256 / 16, place % 16)
      var sum: Int32 = 0
      for k in 0..<32 { sum += Int32(a[32 * row + k]) * Int32(b[k % 16 * 32 + column]) }
      return 4 * sum
    }
    #expect(output == expected)
  }

  @Test func whatIsTurnedHasItsLimits() throws {
    for (kind, line) in [
      (PipeReport.Kind.limit, "LoadDataWithTranspose(right, stage[512], LoadData2dTransposeParams(0, 256, 1, 1, 0));"),
      (.limit, "LoadDataWithTranspose(stage, stage[512], LoadData2dTransposeParams(0, 1, 1, 1, 0));"),
      (.outOfBounds, "LoadDataWithTranspose(right, stage[512], LoadData2dTransposeParams(1, 1, 1, 1, 0));"),
      // Lines of the depth that nobody staged.
      (.undefined, "LoadDataWithTranspose(right, stage[544], LoadData2dTransposeParams(0, 1, 1, 1, 0));"),
    ] {
      var change = Self.turned.merging([10: line]) { $1 }
      if kind == .undefined { change[1] = "LocalTensor<int8_t> stage(TPosition::A1, 0, 2048);" }
      let reports = try run(change).reports
      #expect(reports.contains { $0.kind == kind }, "\(line): \(reports)")
    }
    // An operand is turned before its last line is there.
    let early = try run(Self.turned.merging([8: ""]) { $1 }).reports
    #expect(early.contains { $0.kind == .hazard }, "\(early)")
  }

  private static func bytes(_ factor: Int) -> [Int8] {
    (0..<512).map { Int8(truncatingIfNeeded: ($0 * $0 * factor) % 251 - 125) }
  }

  @Test(arguments: [PipeOrder.early, .late, .shuffled(seed: 3), .shuffled(seed: 4)])
  func asItStandsNothingIsReported(_ order: PipeOrder) throws {
    let (reports, output) = try run([:], order: order)
    #expect(reports == [])
    let (a, b) = (Self.bytes(7), Self.bytes(5))
    let expected = (0..<512).map { place -> Int32 in
      let (row, column) = (place % 256 / 16, place % 16)
      var sum: Int32 = 0
      for k in 0..<32 { sum += Int32(a[32 * row + k]) * Int32(b[32 * column + k]) }
      // Two products are added, and the sum is doubled.
      return 4 * sum
    }
    #expect(output == expected)
  }

  struct Plant: Sendable, CustomStringConvertible {
    let kind: PipeReport.Kind
    let change: [Int: String]
    /// The note of the line that the report must name, and its pipe.
    let note: Int
    let pipe: String
    var description: String { "\(kind) at \(note)" }
  }
  static let plants: [Plant] = [
    // L1 full and free, operands full and free, sums full and free.
    Plant(kind: .hazard, change: [8: ""], note: 9, pipe: "AIC MTE1"),
    Plant(kind: .hazard, change: [11: ""], note: 6, pipe: "AIC MTE2"),
    Plant(kind: .hazard, change: [12: ""], note: 13, pipe: "AIC M"),
    Plant(kind: .hazard, change: [16: ""], note: 9, pipe: "AIC MTE1"),
    Plant(kind: .hazard, change: [17: ""], note: 19, pipe: "AIC FIX"),
    Plant(kind: .hazard, change: [21: ""], note: 13, pipe: "AIC M"),
    Plant(kind: .missingBarrier, change: [14: ""], note: 15, pipe: "AIC M"),
    // The exchange full, and free again.
    Plant(
      kind: .hazard,
      change: [
        19: "CrossCoreSetFlag<2, PIPE_FIX>(0);",
        20: "Fixpipe<int32_t, int32_t, CFG_ROW_MAJOR>(between, sums, FixpipeParamsV220(16, 16, 16, 16, false));",
      ], note: 27, pipe: "MTE2"),
    Plant(kind: .raisedTwice, change: [18: "", 22: "} }", 24: "", 28: ""], note: 20, pipe: "AIC FIX"),
    // A flag raised while it stands, one that nobody awaits, one that nobody raises.
    Plant(kind: .raisedTwice, change: [20: "CrossCoreSetFlag<2, PIPE_FIX>(0); CrossCoreSetFlag<2, PIPE_FIX>(0);"], note: 20, pipe: "AIC FIX"),
    Plant(kind: .neverAwaited, change: [22: "} }"], note: 28, pipe: "S"),
    Plant(kind: .deadlock, change: [20: ""], note: 26, pipe: "S"),
    // Memories end, and addresses are multiples.
    Plant(kind: .outOfBounds, change: [4: "LocalTensor<int32_t> sums(TPosition::CO1, 131072, 256);"], note: 4, pipe: "AIC S"),
    Plant(kind: .outOfBounds, change: [13: "Mmad(sums, left, right, MmadParams(32, 16, 32, 0, false, true));"], note: 13, pipe: "AIC M"),
    Plant(kind: .outOfBounds, change: [6: "DataCopy(stage, a[32], Nd2NzParams(1, 16, 32, 0, 32, 16, 1, 0));"], note: 6, pipe: "AIC MTE2"),
    Plant(kind: .misaligned, change: [4: "LocalTensor<int32_t> sums(TPosition::CO1, 64, 256);"], note: 13, pipe: "AIC M"),
    Plant(kind: .misaligned, change: [9: "LoadData(left[32], stage, LoadData2DParams(0, 1, 1, 0, 0, false, 0));", 2: "LocalTensor<int8_t> left(TPosition::A2, 0, 1024);"], note: 9, pipe: "AIC MTE1"),
    // Half a fractal that nobody loaded.
    Plant(kind: .undefined, change: [6: "DataCopy(stage, a, Nd2NzParams(1, 8, 32, 0, 32, 16, 1, 0));"], note: 19, pipe: "AIC FIX"),
    // No whole fractals, too many repeats, events that a core has not, a vector instruction, another kind of launch.
    Plant(kind: .limit, change: [13: "Mmad(sums, left, right, MmadParams(8, 16, 32, 0, false, true));"], note: 13, pipe: "AIC S"),
    Plant(kind: .limit, change: [9: "LoadData(left, stage, LoadData2DParams(0, 256, 0, 0, 0, false, 0));"], note: 9, pipe: "AIC S"),
    Plant(kind: .limit, change: [6: "DataCopy(stage, a, Nd2NzParams(1, 16, 32, 0, 65536, 16, 1, 0));"], note: 6, pipe: "AIC S"),
    Plant(kind: .limit, change: [11: "SetFlag<HardEvent::MTE2_V>(EVENT_ID0);"], note: 11, pipe: "AIC S"),
    Plant(kind: .limit, change: [20: "CrossCoreSetFlag<2, PIPE_FIX>(11);"], note: 20, pipe: "AIC S"),
    Plant(kind: .limit, change: [2: "LocalTensor<int8_t> left(TPosition::VECCALC, 0, 512);"], note: 2, pipe: "AIC S"),
    Plant(kind: .limit, change: [0: "KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_MIX_AIC_1_2); if (ASCEND_IS_AIC) {"], note: 0, pipe: "AIC S"),
    Plant(kind: .limit, change: [10: "LoadData(stage, stage[512], LoadData2DParams(0, 1, 1, 0, 0, false, 0));"], note: 10, pipe: "AIC S"),
  ]

  @Test(arguments: plants)
  func aPlantedFaultIsReportedWithItsLine(_ plant: Plant) throws {
    // Where the fault shows depends on who is ahead.
    var all: [PipeReport] = []
    for order in [PipeOrder.early, .late] {
      let reports = try run(plant.change, order: order).reports
      if reports.contains(where: { Self.fits($0, plant) }) { return }
      all += reports
    }
    Issue.record("\(plant): \(all)")
  }

  private static func fits(_ report: PipeReport, _ plant: Plant) -> Bool {
    report.kind == plant.kind && report.place.note == "Planted.swift:\(plant.note)" && report.pipe == plant.pipe
  }

  /// With two vector cores at its side, the cube core waits for both: with one that raises no flag it waits for ever.
  @Test func aCubeCoreWaitsForBothVectorCores() throws {
    let both = [0: "KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_MIX_AIC_1_2); if (ASCEND_IS_AIC) {"]
    let race = try run(both, vectorCores: 2).reports
    // Both write the same rows, in no order.
    #expect(race.contains { $0.kind == .hazard && $0.place.note == "Planted.swift:32" }, "\(race)")
    let change = both.merging([24: "if (GetSubBlockIdx() == 0) CrossCoreSetFlag<2, PIPE_MTE2>(5);"]) { $1 }
    let reports = try run(change, vectorCores: 2).reports
    #expect(reports.contains { $0.kind == .deadlock && $0.place.note == "Planted.swift:18" }, "\(reports)")
  }
}
