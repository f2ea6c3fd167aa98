import DeviceModel
import Runtime
import Testing

/// Copies of several rows, as the model of pipes carries them out.
@Suite struct CopiedRowsTests {
  /// Copies rows of words in and out again.
  private func outcome(
    in copyIn: String, out copyOut: String, words: [UInt32], count: Int
  ) throws -> (reports: [PipeReport], words: [UInt32]) {
    let text = """
      #include "kernel_operator.h"
      using namespace AscendC;
      extern "C" __global__ __aicore__ void copies(GM_ADDR input_address, GM_ADDR output_address) {
        KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);
        GlobalTensor<float> input;
        input.SetGlobalBuffer((__gm__ float *)input_address);
        GlobalTensor<float> output;
        output.SetGlobalBuffer((__gm__ float *)output_address);
        LocalTensor<float> rows(TPosition::VECCALC, 0, 64);
        DataCopyPad(rows, input, DataCopyExtParams(\(copyIn)), DataCopyPadExtParams<float>(false, 0, 0, 0));
        SetFlag<HardEvent::MTE2_MTE3>(EVENT_ID0);
        WaitFlag<HardEvent::MTE2_MTE3>(EVENT_ID0);
        DataCopyPad(output, rows, DataCopyExtParams(\(copyOut)));
      }
      """
    let program = try KernelCache.standard.pipeProgram(of: text, kernels: ["copies"])
    var buffers = [DeviceBuffer(words.withUnsafeBytes { Array($0) }), .undefined(4 * count)]
    let outcome = try program.run([PipeLaunch("copies", blocks: 1, [.buffer(0), .buffer(1)])], buffers: &buffers)
    return (outcome.reports, buffers[1].bytes.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) })
  }

  /// Three rows of five words, ten apart; on chip a block lies between two, and they come out next to each other.
  @Test func rowsGoWhereTheirStridesSay() throws {
    let words = (0..<32).map { UInt32($0) }
    let (reports, found) = try outcome(in: "3, 20, 20, 1, 0", out: "3, 20, 1, 0, 0", words: words, count: 15)
    #expect(reports.isEmpty, "\(reports)")
    #expect(found == (0..<3).flatMap { row in (0..<5).map { UInt32(10 * row + $0) } })
  }

  /// What lies behind a row in its last block holds nothing, and a row behind the end is out of bounds.
  @Test func whatIsNoRowIsReported() throws {
    let words = (0..<32).map { UInt32($0) }
    let behind = try outcome(in: "3, 20, 20, 0, 0", out: "3, 24, 0, 0, 0", words: words, count: 18)
    #expect(behind.reports.map(\.kind) == [.undefined])
    let outside = try outcome(in: "4, 20, 20, 0, 0", out: "3, 20, 0, 0, 0", words: words, count: 15)
    #expect(outside.reports.map(\.kind).contains(.outOfBounds))
    let onChip = try outcome(in: "3, 20, 20, 3, 0", out: "3, 20, 0, 0, 0", words: words, count: 15)
    #expect(onChip.reports.map(\.kind) == [.outOfBounds])
    let many = try outcome(in: "4096, 4, 0, 0, 0", out: "3, 20, 0, 0, 0", words: words, count: 15)
    #expect(many.reports.map(\.kind) == [.limit])
  }
}
