import DeviceModel
import Testing

/// Planted faults of synchronisation: each is reported, with both lines, whatever the order of threads.
@Suite struct HazardTests {
  /// Values change hands within warps, then across the block.
  private static let exchange = PlantedFault(
    """
    extern "C" __global__ void exchange(const float *x, float *y) {
      extern __shared__ __align__(16) unsigned char tessera_shared[];
      float *s = (float *)tessera_shared;
      const int t = threadIdx.x;
      // Exchange.swift:10
      s[t] = x[t];  // @write
      __syncwarp();  // @warp
      // Exchange.swift:12  turned
      const float v = s[t ^ 1];  // @read
      __syncthreads();  // @block
      s[t] = v;  // @again
      __syncthreads();  // @end
      y[t] = s[blockDim.x - 1 - t];  // @across
    }
    """, DeviceLaunch("exchange", grid: 1, block: 64, sharedBytes: 256, [.buffer(0), .buffer(1)]),
    [.floats(64), .undefined(256)])

  @Test func missingSyncwarp() throws {
    try Self.exchange.expect(
      .race, replacing: "__syncwarp();  // @warp", by: "", line: "write", other: "read",
      where: { report in
        report.memory == .shared && report.party.thread! ^ 1 == report.other!.thread!
          && Set([report.party.place!.note, report.other!.place!.note]) == ["Exchange.swift:10", "Exchange.swift:12"]
      })
  }

  @Test func missingSyncthreadsBetweenReadAndWrite() throws {
    try Self.exchange.expect(
      .race, replacing: "__syncthreads();  // @block", by: "", line: "read", other: "again",
      where: { $0.party.thread! / 32 == $0.other!.thread! / 32 })
  }

  @Test func aWarpsBarrierIsNotABlocks() throws {
    try Self.exchange.expect(
      .race, replacing: "__syncthreads();  // @end", by: "__syncwarp();", line: "again", other: "across",
      where: { $0.party.thread! / 32 != $0.other!.thread! / 32 })
  }

  @Test func aShuffleOrdersNoMemory() throws {
    try Self.exchange.expect(
      .race, replacing: "__syncwarp();  // @warp", by: "__shfl_sync(0xffffffff, t, 0);", line: "write", other: "read")
  }

  @Test func aBarrierOfHalfAWarp() throws {
    try Self.exchange.expect(
      .race, replacing: "__syncwarp();  // @warp", by: "__syncwarp(t % 2 ? 0xaaaaaaaa : 0x55555555);", line: "write",
      other: "read")
  }

  @Test func twoBlocksWriteOneElement() throws {
    let fault = PlantedFault(
      """
      extern "C" __global__ void fill(float *y, int n) {
        const int i = blockIdx.x * 64 + threadIdx.x;
        if (i < n) y[i] = 1.0f;  // @write
      }
      """, DeviceLaunch("fill", grid: 3, block: 64, [.buffer(0), .integer(150)]), [.undefined(600)])
    try fault.expect(
      .race, replacing: "blockIdx.x * 64", by: "blockIdx.x * 63", line: "write",
      where: { $0.memory == .buffer(0) && abs($0.party.block! - $0.other!.block!) == 1 && ($0.offset == 252 || $0.offset == 504) })
  }

  @Test func aBlockReadsWhatAnotherWrites() throws {
    let fault = PlantedFault(
      """
      extern "C" __global__ void pass(float *y) {
        const int i = blockIdx.x * 32 + threadIdx.x;
        y[i] = 1.0f;  // @write
        y[128 + i] = y[i];  // @read
      }
      """, DeviceLaunch("pass", grid: 4, block: 32, [.buffer(0)]), [.undefined(1024)])
    try fault.expect(.race, replacing: "= y[i]", by: "= y[i ^ 32]", line: "write", other: "read")
  }

  @Test func atomicsAndPlainWritesClash() throws {
    let fault = PlantedFault(
      """
      extern "C" __global__ void count(int *y) {
        atomicMax(y, (int)threadIdx.x);  // @atomic
      }
      """, DeviceLaunch("count", grid: 1, block: 32, [.status]), [])
    try fault.expect(
      .race, replacing: "atomicMax(y, (int)threadIdx.x);", by: "if (threadIdx.x == 3) *y = 3; else atomicMax(y, 1);",
      line: "atomic")
  }

  // MARK: Copies under way

  private static let staged = PlantedFault(
    """
    extern "C" __global__ void staged(const float *x, float *y) {
      extern __shared__ __align__(16) unsigned char tessera_shared[];
      float *s = (float *)tessera_shared;
      const int t = threadIdx.x;
      tessera_copy_async_4(s + t, x + t);  // @first
      tessera_copy_commit();
      tessera_copy_async_4(s + 32 + t, x + 32 + t);  // @second
      tessera_copy_commit();
      tessera_copy_wait<1>();  // @wait
      __syncwarp();  // @warp
      y[t] = s[t ^ 1];  // @read
      __syncwarp();
      tessera_copy_wait<0>();  // @end
      y[32 + t] = s[32 + t];
    }
    """, DeviceLaunch("staged", grid: 1, block: 32, sharedBytes: 256, [.buffer(0), .buffer(1)]),
    [.floats(64), .undefined(256)])

  @Test func tooFewGroupsAreWaitedFor() throws {
    try Self.staged.expect(
      .readInFlight, replacing: "tessera_copy_wait<1>", by: "tessera_copy_wait<2>", line: "read", other: "first")
  }

  @Test func aWaitIsOnlyForOwnCopies() throws {
    try Self.staged.expect(.race, replacing: "__syncwarp();  // @warp", by: "", line: "read", other: "first") {
      $0.party.thread! ^ 1 == $0.other!.thread!
    }
  }

  @Test func aStageIsOverwrittenInFlight() throws {
    try Self.staged.expect(
      .overwriteInFlight, replacing: "tessera_copy_wait<1>();  // @wait",
      by: "s[32 + t] = 0;  // @over\n  tessera_copy_wait<1>();", line: "over", other: "second")
  }

  @Test func aCopyOverwritesWhatIsStillRead() throws {
    try Self.staged.expect(
      .race, replacing: "__syncwarp();\n  tessera_copy_wait<0>();  // @end",
      by: "tessera_copy_async_4(s + t, x + t);  // @late\n  tessera_copy_commit();\n  tessera_copy_wait<0>();",
      line: "read", other: "late")
  }

  @Test func aCopyIsNeverWaitedFor() throws {
    try Self.staged.expect(
      .neverWaited, replacing: "tessera_copy_wait<0>();  // @end\n  y[32 + t] = s[32 + t];", by: "", line: "second")
  }

  private static let pipeline = PlantedFault(
    """
    extern "C" __global__ void pipeline(const float *x, float *y, int steps) {
      extern __shared__ __align__(16) unsigned char tessera_shared[];
      __shared__ unsigned long long full[2], empty[2];
      float *s = (float *)tessera_shared;
      const int t = threadIdx.x;
      if (t == 0)
        for (int i = 0; i < 2; i++) {
          tessera_barrier_init(&full[i], 1);  // @init
          tessera_barrier_init(&empty[i], 32);
        }
      __syncthreads();  // @start
      if (t == 32)
        for (int i = 0; i < steps; i++) {
          if (i >= 2) tessera_barrier_wait(&empty[i % 2], (i / 2 - 1) % 2);  // @refill
          tessera_barrier_expect(&full[i % 2], 128);  // @expect
          tessera_bulk_copy(s + i % 2 * 32, x + i * 32, 128, &full[i % 2]);  // @copy
        }
      if (t >= 32) return;
      for (int i = 0; i < steps; i++) {
        tessera_barrier_wait(&full[i % 2], i / 2 % 2);  // @wait
        y[i * 32 + t] = s[i % 2 * 32 + t];  // @read
        tessera_barrier_arrive(&empty[i % 2]);  // @arrive
      }
    }
    """, DeviceLaunch("pipeline", grid: 1, block: 64, sharedBytes: 256, [.buffer(0), .buffer(1), .integer(4)]),
    [.floats(128), .undefined(512)])

  @Test func aPhaseThatNeverEnds() throws {
    try Self.pipeline.expect(
      .deadlock, replacing: "i / 2 % 2);  // @wait", by: "(i / 2 + (i > 2)) % 2);  // @wait", line: "wait")
    try Self.pipeline.expect(
      [.deadlock], replacing: "tessera_barrier_init(&empty[i], 32)", by: "tessera_barrier_init(&empty[i], 33)",
      lines: ["refill", "wait"])
    try Self.pipeline.expect(
      [.deadlock], replacing: "expect(&full[i % 2], 128)", by: "expect(&full[i % 2], 144)", lines: ["refill", "wait"])
  }

  /// The wait is for the other stage's copy: what is read may be under way, or there by chance.
  @Test(arguments: [0, 1, 3])
  func theWrongCopyIsWaitedFor(_ step: Int) throws {
    let wait = "tessera_barrier_wait(&full[i % 2], i / 2 % 2);"
    try Self.pipeline.expect(
      [.readInFlight, .race], replacing: wait + "  // @wait",
      by: "if (i != \(step)) \(wait) else tessera_barrier_wait(&full[(i + 1) % 2], (i + i % 2) / 2 % 2 ^ (i % 2));",
      lines: ["read", "copy"], isPair: true)
  }

  @Test func aStageIsRefilledWhileItIsRead() throws {
    try Self.pipeline.expect(
      .race, replacing: "tessera_barrier_init(&empty[i], 32)", by: "tessera_barrier_init(&empty[i], 31)", line: "read",
      other: "copy")
  }

  @Test func aBarrierWithoutABeginning() throws {
    try Self.pipeline.expect(
      [.barrierMisuse], replacing: "tessera_barrier_init(&full[i], 1);  // @init",
      by: "if (i) tessera_barrier_init(&full[i], 1);", lines: ["wait", "expect"])
  }

  @Test func aBarrierIsUsedBeforeOthersCanSeeIt() throws {
    try Self.pipeline.expect(
      [.race, .barrierMisuse], replacing: "__syncthreads();  // @start", by: "__syncwarp();",
      lines: ["init", "wait", "expect"])
  }
}
