import DeviceModel
import Testing

/// Threads, warps and blocks in the device model, against plain loops.
@Suite struct WarpTests {
  @Test func blocksAndThreadsHaveTheirNumbers() throws {
    let text = try KernelText(
      """
      extern "C" __global__ void __launch_bounds__(64) add(
          const float *__restrict__ a, const float *__restrict__ b, float *__restrict__ y, long long n, float c) {
        const long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i] = __fadd_rn(__fmul_rn(a[i], c), b[i]);
      }
      extern "C" __global__ void walk(float *y, long long n, int *status) {
        // Warps over cells, as printed kernels do.
        for (long long i = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; i < n; i += gridDim.x * (blockDim.x / 32))
          if (threadIdx.x % 32 == 0) {
            y[i] = y[i] + 1;
            atomicMax(status, (int)i);
          }
      }
      """, ["add", "walk"])
    let a: [Float] = (0..<150).map { Float($0) * 0.1 }
    let b: [Float] = (0..<150).map { 1 / Float($0 + 1) }
    let launches: [DeviceLaunch] = [
      DeviceLaunch("add", grid: 3, block: 64, [.buffer(0), .buffer(1), .buffer(2), .integer(150), .float(3)]),
      DeviceLaunch("add", grid: 0, block: 64, [.buffer(0), .buffer(1), .buffer(2), .integer(0), .float(3)]),
      DeviceLaunch("walk", grid: 5, block: 96, [.buffer(2, offset: 4), .integer(149), .status]),
    ]
    let y = try text.run(launches, [.input(a), .input(b), .undefined(600)], result: 2).values(Float.self)
    let expected: [Float] = (0..<150).map { at in
      let sum = a[at] * 3 + b[at]
      return at > 0 ? sum + 1 : sum
    }
    #expect(y == expected)
    var memory: [DeviceBuffer] = [.input(a), .input(b), .undefined(600)]
    let outcome = try text.programs[0].run(launches, buffers: &memory)
    #expect(outcome.statuses == [0, 0, 148])
  }

  @Test func shufflesAndVotes() throws {
    let text = try KernelText(
      """
      extern "C" __global__ void lanes(const int *x, int *y) {
        const int lane = threadIdx.x % 32;
        const unsigned all = 0xffffffff;
        const int v = x[threadIdx.x];
        int *row = y + threadIdx.x * 16;
        row[0] = __shfl_sync(all, v, 5);
        row[1] = __shfl_sync(all, v, lane + 9, 8);
        row[2] = __shfl_up_sync(all, v, 3);
        row[3] = __shfl_up_sync(all, v, 2, 4);
        row[4] = __shfl_down_sync(all, v, 3);
        row[5] = __shfl_down_sync(all, v, 6, 16);
        row[6] = __shfl_xor_sync(all, v, 21);
        row[7] = __shfl_xor_sync(all, v, 12, 8);
        row[8] = (int)__ballot_sync(all, v % 3 == 0);
        row[9] = __all_sync(all, v >= 0);
        row[10] = __any_sync(all, v == 77);
        row[11] = (int)__double_as_longlong(__shfl_xor_sync(all, (double)v, 1));
        row[12] = (int)(__shfl_xor_sync(all, (long long)v << 40, 1) >> 38);
        row[13] = __float_as_int(__shfl_xor_sync(all, (float)v, 1));
        row[14] = lane < 16 ? __shfl_xor_sync(0xffff, v, 7) : __shfl_xor_sync(0xffff0000, v, 9);
        row[15] = (int)__shfl_down_sync(all, (unsigned)v, 1u);
      }
      """, ["lanes"])
    let x = (0..<64).map { Int32($0 * $0 % 97) }
    let y = try text.run(
      [DeviceLaunch("lanes", grid: 1, block: 64, [.buffer(0), .buffer(1)])], [.input(x), .undefined(64 * 64)], result: 1
    ).values(Int32.self)
    for thread in 0..<64 {
      let lane = thread % 32
      let warp = thread - lane
      func at(_ lane: Int) -> Int32 { x[warp + lane] }
      let votes = (0..<32).reduce(UInt32(0)) { $0 | (at($1) % 3 == 0 ? 1 << UInt32($1) : 0) }
      let other = at(lane ^ 1)
      var expected: [Int32] = [at(5), at(lane & ~7 | (lane + 9) & 7), at(lane < 3 ? lane : lane - 3)]
      expected.append(at(lane % 4 < 2 ? lane : lane - 2))
      expected.append(at(lane + 3 > 31 ? lane : lane + 3))
      expected.append(at(lane % 16 + 6 > 15 ? lane : lane + 6))
      expected.append(at(lane ^ 21))
      expected.append(at(lane ^ 12 < (lane & ~7) + 8 ? lane ^ 12 : lane))
      expected.append(Int32(bitPattern: votes))
      expected += [1, (0..<32).contains { at($0) == 77 } ? 1 : 0]
      expected.append(Int32(truncatingIfNeeded: Double(other).bitPattern))
      expected += [other << 2, Int32(bitPattern: Float(other).bitPattern)]
      expected.append(at(lane < 16 ? lane ^ 7 : lane ^ 9))
      expected.append(at(lane == 31 ? 31 : lane + 1))
      #expect(Array(y[thread * 16..<thread * 16 + 16]) == expected, "thread \(thread)")
    }
  }

  /// Two levels of sums: shuffles within warps, shared memory between them.
  @Test(arguments: [32, 96, 256, 1024])
  func sumOfABlock(_ threads: Int) throws {
    let text = try KernelText(
      """
      extern "C" __global__ void sum(const float *x, float *y) {
        __shared__ float parts[32];
        float v = x[blockIdx.x * blockDim.x + threadIdx.x];
        for (int h = 16; h > 0; h /= 2) v = __fadd_rn(v, __shfl_xor_sync(0xffffffff, v, h));
        if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = v;
        __syncthreads();
        if (threadIdx.x >= 32) return;
        v = threadIdx.x < blockDim.x / 32 ? parts[threadIdx.x] : 0.0f;
        for (int h = 16; h > 0; h /= 2) v = __fadd_rn(v, __shfl_down_sync(0xffffffff, v, h));
        if (threadIdx.x == 0) y[blockIdx.x] = v;
      }
      """, ["sum"])
    let x = (0..<3 * threads).map { Float($0 % 61) }
    let y = try text.run(
      [DeviceLaunch("sum", grid: 3, block: threads, [.buffer(0), .buffer(1)])], [.input(x), .undefined(12)], result: 1
    ).values(Float.self)
    let expected: [Float] = (0..<3).map { block in x[block * threads..<(block + 1) * threads].reduce(0, +) }
    #expect(y == expected)
  }

  /// Parts of a warp meet; what one of them learnt goes on through another.
  @Test func orderGoesFromBarrierToBarrier() throws {
    let text = try KernelText(
      """
      extern "C" __global__ void relay(const int *x, int *y) {
        extern __shared__ __align__(16) unsigned char tessera_shared[];
        int *s = (int *)tessera_shared;
        const unsigned lane = threadIdx.x;
        if (lane < 8) s[lane] = x[lane];
        if (lane < 16) __syncwarp(0xffff);
        if (lane >= 8) __syncwarp(0xffffff00);
        if (lane >= 24) y[lane - 24] = s[lane - 24];
      }
      """, ["relay"])
    let x = (0..<8).map { Int32($0 + 100) }
    let y = try text.run(
      [DeviceLaunch("relay", grid: 1, block: 32, sharedBytes: 32, [.buffer(0), .buffer(1)])],
      [.input(x), .undefined(32)], result: 1)
    #expect(y.values(Int32.self) == x)
  }

  @Test func atomicsOfBlocksMeet() throws {
    let text = try KernelText(
      """
      extern "C" __global__ void count(int *y) {
        atomicAdd(&y[0], 1);
        atomicMax(&y[1], (int)(blockIdx.x * 64 + threadIdx.x) - 1000);
        atomicMin(&y[2], (int)(blockIdx.x * 64 + threadIdx.x) - 1000);
        atomicOr(&y[3], 1 << threadIdx.x % 32);
        if (atomicCAS(&y[4], 0, 7) == 0) atomicExch(&y[5], 9);
      }
      """, ["count"])
    let start = DeviceBuffer([UInt8](of: [Int32](repeating: 0, count: 6)), isWritten: true)
    let y = try text.run([DeviceLaunch("count", grid: 4, block: 64, [.buffer(0)])], [start], result: 0)
    #expect(y.values(Int32.self) == [256, 0, -1000, -1, 7, 9])
  }
}
