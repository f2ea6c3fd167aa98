import DeviceModel
import Testing

/// Pipelines of asynchronous copies: groups, and bulk copies with mbarriers.
@Suite struct CopyTests {
  @Test(arguments: [1, 2, 5])
  func copyGroupsInTwoBuffers(_ steps: Int) throws {
    let text = try KernelText(
      """
      extern "C" __global__ void reverse(const float4 *x, float4 *y, int steps) {
        extern __shared__ __align__(16) unsigned char tessera_shared[];
        float4 *stage = (float4 *)tessera_shared;
        const int lane = threadIdx.x;
        tessera_copy_async_16(stage + lane, x + lane);
        tessera_copy_commit();
        for (int i = 0; i < steps; i++) {
          if (i + 1 < steps) tessera_copy_async_16(stage + (i + 1) % 2 * 32 + lane, x + (i + 1) * 32 + lane);
          tessera_copy_commit();
          tessera_copy_wait<1>();
          __syncwarp();
          y[i * 32 + lane] = stage[i % 2 * 32 + 31 - lane];
          __syncwarp();
        }
      }
      """, ["reverse"])
    let x = (0..<steps * 128).map(Float.init)
    let y = try text.run(
      [DeviceLaunch("reverse", grid: 1, block: 32, sharedBytes: 1024, [.buffer(0), .buffer(1), .integer(Int64(steps))])],
      [.input(x), .undefined(512 * steps)], result: 1
    ).values(Float.self)
    let expected: [Float] = (0..<steps * 128).map { at in
      let lane = at / 4 % 32
      return x[at / 128 * 128 + (31 - lane) * 4 + at % 4]
    }
    #expect(y == expected)
  }

  @Test func copiesOfEverySize() throws {
    let text = try KernelText(
      """
      extern "C" __global__ void gather(const unsigned char *x, unsigned *y) {
        extern __shared__ __align__(16) unsigned char tessera_shared[];
        unsigned char *mine = tessera_shared + threadIdx.x * 28;
        tessera_copy_async_4(mine, x + threadIdx.x * 16);
        tessera_copy_commit();
        tessera_copy_wait<0>();
        y[threadIdx.x] = *(unsigned *)mine;
        unsigned char *wide = tessera_shared + 1024 + threadIdx.x * 16;
        tessera_copy_async_8(wide, x + threadIdx.x * 8);
        tessera_copy_async_8(wide + 8, x + threadIdx.x * 16 + 8);
        tessera_copy_commit();
        tessera_copy_wait<0>();
        y[32 + threadIdx.x] = ((unsigned *)wide)[0] + ((unsigned *)wide)[3];
      }
      """, ["gather"])
    let x = (0..<128).map { UInt32($0 * 1_000_003) }
    let y = try text.run(
      [DeviceLaunch("gather", grid: 1, block: 32, sharedBytes: 1536, [.buffer(0), .buffer(1)])],
      [.input(x), .undefined(256)], result: 1
    ).values(UInt32.self)
    let narrow: [UInt32] = (0..<32).map { x[$0 * 4] }
    let wide: [UInt32] = (0..<32).map { x[$0 * 2] &+ x[$0 * 4 + 3] }
    #expect(y == narrow + wide)
  }

  /// One thread of a third warp brings data, two warps use it; each side waits for the other.
  @Test(arguments: [1, 2, 7])
  func bulkCopiesAndBarriers(_ steps: Int) throws {
    let text = try KernelText(PipelineText.source, ["pipeline"])
    let x = (0..<steps * 64).map(Float.init)
    let y = try text.run(
      [PipelineText.launch(steps)], [.input(x), .undefined(256 * steps)], result: 1
    ).values(Float.self)
    let expected: [Float] = (0..<steps * 64).map { at in x[at / 64 * 64 + 63 - at % 64] }
    #expect(y == expected)
  }
}

/// Producer and consumers over two stages.
enum PipelineText {
  static let source = """
    extern "C" __global__ void pipeline(const float *x, float *y, int steps) {
      extern __shared__ __align__(16) unsigned char tessera_shared[];
      __shared__ unsigned long long full[2], empty[2];
      float *stage = (float *)tessera_shared;
      const int t = threadIdx.x;
      if (t == 0)
        for (int i = 0; i < 2; i++) {
          tessera_barrier_init(&full[i], 1);
          tessera_barrier_init(&empty[i], 64);
        }
      __syncthreads();
      if (t == 64)
        for (int i = 0; i < steps; i++) {
          if (i >= 2) tessera_barrier_wait(&empty[i % 2], (i / 2 - 1) % 2);
          tessera_barrier_expect(&full[i % 2], 256);
          tessera_bulk_copy(stage + i % 2 * 64, x + i * 64, 256, &full[i % 2]);
        }
      if (t >= 64) return;
      for (int i = 0; i < steps; i++) {
        tessera_barrier_wait(&full[i % 2], i / 2 % 2);
        y[i * 64 + t] = stage[i % 2 * 64 + 63 - t];
        tessera_barrier_arrive(&empty[i % 2]);
      }
    }
    """

  static func launch(_ steps: Int) -> DeviceLaunch {
    DeviceLaunch("pipeline", grid: 1, block: 96, sharedBytes: 512, [.buffer(0), .buffer(1), .integer(Int64(steps))])
  }
}
