import Runtime
import Testing
import TileIR

@testable import DeviceModel

/// The arithmetic that kernels' text names, against Swift's.
@Suite struct DeviceArithmeticTests {
  /// Ordinary numbers, subnormals, halves, infinities and NaN.
  private static let numbers: [Float] = [
    0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3.14159, 1e-3, 8388607.5, -8388609, 2.2e9, -2.2e9, 1e30, 3e38, 0x1p-140, 0x1p-149,
    .leastNormalMagnitude, .greatestFiniteMagnitude, .infinity, -.infinity, .nan, 0.1, 0.7, 33554430,
  ]

  @Test func floats() throws {
    let text = try KernelText(
      """
      extern "C" __global__ void operate(const float *x, float *y, int n) {
        const int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i >= n * n) return;
        const float a = x[i / n], b = x[i % n];
        float4 *row = (float4 *)(y + 8 * i);
        row[0] = make_float4(__fadd_rn(a, b), __fsub_rn(a, b), __fmul_rn(a, b), __fdiv_rn(a, b));
        row[1] = make_float4(__fmaf_rn(a, b, -x[3]), __fsqrt_rn(a), __int_as_float(__float2int_rn(a)),
                             __double2float_rn(__dadd_rn(__dmul_rn((double)a, (double)b), __ddiv_rn((double)a, 3.0))));
      }
      """, ["operate"])
    let x = Self.numbers
    let n = x.count
    let y = try text.run(
      [DeviceLaunch("operate", grid: (n * n + 63) / 64, block: 64, [.buffer(0), .buffer(1), .integer(Int64(n))])],
      [.input(x), .undefined(32 * n * n)], result: 1
    ).values(Float.self)
    func canonical(_ value: Float) -> UInt32 { value.isNaN ? 0x7FC0_0000 : value.bitPattern }
    for i in 0..<n * n {
      let (a, b) = (x[i / n], x[i % n])
      let rounded = a.isNaN ? 0 : Int32(clamping: Int64(max(-1e18, min(1e18, a.rounded(.toNearestOrEven)))))
      let expected = [
        a + b, a - b, a * b, a / b, Float(1).addingProduct(a, b), a.squareRoot(), Float(bitPattern: UInt32(bitPattern: rounded)),
        Float(Double(a) * Double(b) + Double(a) / 3),
      ]
      #expect(y[8 * i..<8 * i + 8].map(canonical) == expected.map(canonical), "\(a), \(b)")
    }
  }

  #if arch(x86_64)
  /// The oldest processors have no multiply-add that rounds once: the model's own does.
  @Test func multiplyAddWithoutTheInstruction() throws {
    let host = DeviceHost(options: ["--target=x86_64-linux-gnu", "-march=x86-64"], emulator: nil)
    let text = try KernelText(
      """
      extern "C" __global__ void operate(const double *x, double *y) {
        const int i = blockIdx.x * blockDim.x + threadIdx.x;
        y[2 * i] = __fma_rn(x[3 * i], x[3 * i + 1], x[3 * i + 2]);
        y[2 * i + 1] = __fmaf_rn((float)x[3 * i], (float)x[3 * i + 1], (float)x[3 * i + 2]);
      }
      """, ["operate"], Result { DeviceCompiler(clang: try Clang.find().path, host: host) })
    var random = SplitMix64(seed: 1)
    let count = 4096
    let x = (0..<3 * count).map { position -> Double in
      // Addends that meet the product's low end, cancel it, or are far from it.
      let exponent = Int(random.next() % 120) - 60
      let number = Double(Int64(bitPattern: random.next()) >> (random.next() % 60)) * 0x1p-60
      return position % 7 == 0 ? number : number * Double(sign: .plus, exponent: exponent, significand: 1)
    }
    let y = try text.run(
      [DeviceLaunch("operate", grid: count / 64, block: 64, [.buffer(0), .buffer(1)])],
      [.input(x), .undefined(16 * count)], result: 1
    ).values(Double.self)
    for i in 0..<count {
      let (a, b, c) = (x[3 * i], x[3 * i + 1], x[3 * i + 2])
      #expect(y[2 * i] == c.addingProduct(a, b), "\(a), \(b), \(c)")
      #expect(y[2 * i + 1] == Double(Float(c).addingProduct(Float(a), Float(b))), "\(a), \(b), \(c)")
    }
  }
  #endif

  @Test func bits() throws {
    let text = try KernelText(
      """
      extern "C" __global__ void operate(const unsigned *x, unsigned *y) {
        const unsigned a = x[threadIdx.x], b = x[threadIdx.x ^ 1];
        unsigned *row = y + 8 * threadIdx.x;
        row[0] = __byte_perm(a, b, 0x5273);
        row[1] = __popc(a);
        row[2] = __clz((int)a);
        row[3] = __ffs((int)a);
        row[4] = (unsigned)__dp4a((int)a, (int)b, 7);
        row[5] = __dp4a(a, b, 7u);
        row[6] = (unsigned)tessera_dot4_u8s8(-7, a, b);
        row[7] = (unsigned)max((int)a, (int)b) - min(a, b);
      }
      """, ["operate"])
    let x: [UInt32] = [0, 1, 0xFFFF_FFFF, 0x8000_0000, 0x0102_0304, 0x80FF_7F01, 0x1234_5678, 0x9ABC_DEF0]
    let y = try text.run(
      [DeviceLaunch("operate", grid: 1, block: 8, [.buffer(0), .buffer(1)])], [.input(x), .undefined(256)], result: 1
    ).values(UInt32.self)
    for i in x.indices {
      let (a, b) = (x[i], x[i ^ 1])
      func byte(_ word: UInt32, _ at: Int) -> UInt32 { word >> UInt32(8 * at) & 0xFF }
      func signed(_ byte: UInt32) -> Int32 { Int32(Int8(truncatingIfNeeded: byte)) }
      let permuted = byte(a, 3) | byte(b, 3) << 8 | byte(a, 2) << 16 | byte(b, 1) << 24
      func dot(_ start: Int32, _ product: (UInt32, UInt32) -> Int32) -> UInt32 {
        UInt32(bitPattern: (0..<4).reduce(start) { $0 &+ product(byte(a, $1), byte(b, $1)) })
      }
      let expected: [UInt32] = [
        permuted, UInt32(a.nonzeroBitCount), UInt32(a.leadingZeroBitCount),
        a == 0 ? 0 : UInt32(a.trailingZeroBitCount + 1), dot(7) { signed($0) * signed($1) },
        dot(7) { Int32($0 * $1) }, dot(-7) { Int32($0) * signed($1) },
        UInt32(bitPattern: max(Int32(bitPattern: a), Int32(bitPattern: b))) &- min(a, b),
      ]
      #expect(Array(y[8 * i..<8 * i + 8]) == expected, "\(a), \(b)")
    }
  }
}
