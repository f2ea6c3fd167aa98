import DeviceModel
import Testing

/// Planted faults of who meets whom.
@Suite struct ConvergenceTests {
  private static let meeting = PlantedFault(
    """
    extern "C" __global__ void meet(const float *x, float *y) {
      const int t = threadIdx.x;
      float v = x[t];
      v += __shfl_xor_sync(0xffffffff, v, 1);  // @first
      __syncthreads();  // @block
      v += __shfl_xor_sync(0xffffffff, v, 2);  // @second
      y[t] = v;
    }
    """, DeviceLaunch("meet", grid: 1, block: 64, [.buffer(0), .buffer(1)]), [.floats(64), .undefined(256)])

  @Test func twoBarriersOfABlock() throws {
    try Self.meeting.expect(
      .diverged, replacing: "__syncthreads();  // @block",
      by: "if (t < 32)\n    __syncthreads();  // @left\n  else\n    __syncthreads();  // @right", line: "left", other: "right")
  }

  @Test func aBarrierThatPartOfAWarpSkips() throws {
    try Self.meeting.expect(
      .diverged, replacing: "__syncthreads();  // @block", by: "if (t != 9) __syncthreads();  // @block", line: "block",
      other: "second")
  }

  @Test func aShuffleThatPartOfAWarpSkips() throws {
    try Self.meeting.expect(
      .diverged, replacing: "v += __shfl_xor_sync(0xffffffff, v, 1);  // @first",
      by: "if (t % 32 < 16) v += __shfl_xor_sync(0xffffffff, v, 1);  // @first", line: "first", other: "block")
  }

  @Test func twoShufflesOfAWarp() throws {
    try Self.meeting.expect(
      .diverged, replacing: "v += __shfl_xor_sync(0xffffffff, v, 1);  // @first",
      by: "if (t & 1)\n    v += __shfl_xor_sync(0xffffffff, v, 1);  // @left\n  else\n    v += __shfl_down_sync(0xffffffff, v, 1);  // @right",
      line: "left", other: "right")
  }

  @Test func aThreadHasEnded() throws {
    try Self.meeting.expect(
      .exitedEarly, replacing: "float v = x[t];", by: "if (t == 40) return;\n  float v = x[t];", line: "first",
      where: { $0.other?.thread == 40 })
    try Self.meeting.expect(
      .exitedEarly, replacing: "__syncthreads();  // @block", by: "if (t >= 32) return;\n  __syncthreads();  // @block",
      line: "block", where: { ($0.other?.thread ?? 0) >= 32 })
  }

  @Test func aThreadOutsideItsMask() throws {
    try Self.meeting.expect(
      .diverged, replacing: "0xffffffff, v, 1", by: "0x0000ffff, v, 1", line: "first", where: { $0.party.thread! % 32 >= 16 })
  }

  @Test func aShuffleFromAThreadThatTakesNoPart() throws {
    try Self.meeting.expect(
      .inactiveLane, replacing: "v += __shfl_xor_sync(0xffffffff, v, 1);  // @first",
      by: "if (t % 32 < 16) v += __shfl_xor_sync(0xffff, v, 16);  // @first", line: "first")
  }
}
