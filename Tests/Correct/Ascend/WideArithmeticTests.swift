import CFamily
import EmitAscend
import Foundation
import Runtime
import Testing

/// Binary64 in software, as the scalar unit of an Ascend chip gets it, against the processor's own: the text is
/// compiled by itself and both compute millions of operands, halfway cases, subnormals, infinities and NaN among them.
@Suite struct WideArithmeticTests {
  @Test func everyFunctionGivesTheProcessorsBits() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wide-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source = folder.appendingPathComponent("wide.cpp")
    try "\(Self.head)\n\(WideArithmetic.text)\n\(Self.comparison)".write(to: source, atomically: true, encoding: .utf8)
    let program = folder.appendingPathComponent("wide")
    let compiled = try run(
      Clang.find().path,
      ["-std=c++17", "-O2", "-fwrapv", "-ffp-contract=off", "-o", program.path, source.path, "-lm"])
    try #require(compiled.status == 0, "\(compiled.text)")
    let compared = try run(program.path, [])
    #expect(compared.status == 0, "\(compared.text)")
    #expect(compared.text.contains("compared 4000000 pairs and 1000000 sums"))
  }

  private func run(_ path: String, _ arguments: [String]) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  private static let head = """
    #include <cmath>
    #include <cstdint>
    #include <cstdio>
    #include <cstring>
    #define __aicore__
    """

  private static let comparison = #"""
    static double number(int64_t bits) { double x; memcpy(&x, &bits, 8); return x; }
    static float number(int32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
    static int64_t bits(double x) {
      int64_t own; memcpy(&own, &x, 8);
      return std::isnan(x) ? 0x7ff8000000000000 : own;
    }
    static int32_t bits(float x) {
      int32_t own; memcpy(&own, &x, 4);
      return std::isnan(x) ? 0x7fc00000 : own;
    }
    static uint64_t state = 88172645463325252;
    static uint64_t draw() {
      state ^= state << 13; state ^= state >> 7; state ^= state << 17;
      return state;
    }
    static long failures = 0;
    template <class T> static void expect(const char *what, T found, T wanted, int64_t a, int64_t b) {
      if (found != wanted && failures++ < 10)
        printf("%s of %lx and %lx is %lx, not %lx\n", what, (long)a, (long)b, (long)found, (long)wanted);
    }
    // Numbers of every kind: any bits, subnormals, near 1, whole, float-like, near the least floats, special, powers.
    static int64_t drawn() {
      const int64_t x = (int64_t)draw(), fraction = x & (int64_t)0x800fffffffffffff;
      const int64_t special[] = {0, INT64_MIN, bits((double)INFINITY), bits(-(double)INFINITY), bits((double)NAN), 1, INT64_MIN + 1, bits(1.0),
                                 bits(-1.0), 0x7fefffffffffffff, 0x0010000000000000, bits(6755399441055744.0)};
      switch (draw() % 8) {
      case 0: return x;
      case 1: return fraction;
      case 2: return fraction | (int64_t)(991 + draw() % 64) << 52;
      case 3: return bits((double)x);
      case 4: return bits((double)(int32_t)x * pow(2, (int)(draw() % 300) - 150));
      case 5: return (fraction & ~0x1fffffffll) | (int64_t)(873 + draw() % 300) << 52 | (int64_t)(draw() % 2) << 28;
      case 6: return special[draw() % 12];
      default: return (x & INT64_MIN) | (int64_t)(draw() % 2047) << 52 | 1ll << (draw() % 52);
      }
    }
    // The sum of whole numbers of 2^base, rounded by hand: a binary32's bits.
    static int32_t rounded(__int128 sum, int base) {
      const bool is_negative = sum < 0;
      unsigned __int128 m = is_negative ? -(unsigned __int128)sum : (unsigned __int128)sum;
      if (m == 0) return 0;
      int top = 127;
      while (!(m >> top & 1)) top--;
      // The place of the last bit: 24 below the highest, and never below 2^-149.
      int last = base + top - 23;
      if (last < -149) last = -149;
      const int cut = last - base;
      unsigned __int128 kept = cut <= 0 ? m << -cut : cut > 127 ? 0 : m >> cut;
      if (cut > 0 && cut <= 127) {
        const unsigned __int128 rest = m & (((unsigned __int128)1 << cut) - 1), half = (unsigned __int128)1 << (cut - 1);
        if (rest > half || (rest == half && kept & 1)) kept++;
      }
      const float size = (float)ldexp((double)(uint64_t)kept, last);
      return bits(is_negative ? -size : size);
    }
    int main() {
      for (long i = 0; i < 4000000; i++) {
        const int64_t a = drawn();
        int64_t b = draw() % 8 == 0 ? a ^ INT64_MIN : drawn();
        if (draw() % 8 == 0) b += (int64_t)(draw() % 5) - 2;
        const double x = number(a), y = number(b);
        expect("sum", add_wide(a, b), bits(x + y), a, b);
        expect("product", multiply_wide(a, b), bits(x * y), a, b);
        expect("float", float_of_wide(a), bits((float)x), a, b);
        expect("widened float", wide_of_float((int32_t)a), bits((double)number((int32_t)a)), a, b);
        expect("integer", wide_of_integer(a), bits((double)a), a, b);
        expect("less", wide_less(a, b), x < y, a, b);
        expect("at most", wide_at_most(a, b), x <= y, a, b);
        expect("equal", wide_equal(a, b), x == y, a, b);
      }
      for (long i = 0; i < 1000000; i++) {
        // About the least floats in half of them; ever so often a term is the opposite of the one before.
        const int base = i % 2 ? -149 - (int)(draw() % 60) : (int)(draw() % 1000) - 900;
        int64_t terms[4];
        __int128 sum = 0;
        for (int k = 0; k < 4; k++) {
          const int shift = (int)(draw() % 60);
          int64_t whole = (int64_t)(draw() >> (11 + draw() % 40)) * (draw() % 2 ? 1 : -1);
          double term = ldexp((double)whole, base + shift);
          if (ldexp(term, -base - shift) != (double)whole) whole = 0, term = 0;
          terms[k] = bits(term);
          sum += (__int128)whole << shift;
          if (k > 0 && draw() % 6 == 0) {
            sum -= (__int128)whole << shift;
            terms[k] = 0;
          }
        }
        expect("sum of four", rounded_sum(terms[0], terms[1], terms[2], terms[3]), rounded(sum, base), terms[0], terms[1]);
      }
      const int64_t nan = bits((double)NAN), large = bits(0x1p1023), least = 1;
      expect("sum with NaN", rounded_sum(nan, large), (int32_t)0x7fc00000, nan, large);
      expect("far sum", rounded_sum(large, least, (int64_t)(large | INT64_MIN)), 0, large, least);
      expect("beyond the largest", rounded_sum(large, large), bits(INFINITY * 1.0f), large, large);
      // Midway between two floats, and a little beside it.
      const int64_t midway = bits(1 + 0x1p-24), little = bits(0x1p-1000);
      expect("midway", rounded_sum(midway, (int64_t)0), bits(1.0f), midway, 0);
      expect("above midway", rounded_sum(midway, little), bits(1 + 0x1p-23f), midway, little);
      expect("below midway", rounded_sum(bits(1 + 3 * 0x1p-24), (int64_t)(little | INT64_MIN)), bits(1 + 0x1p-23f), midway, little);
      printf("compared 4000000 pairs and 1000000 sums, %ld failures\n", failures);
      return failures != 0;
    }
    """#
}
