import DeviceModel
import Testing

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
