import CBenchKernels
import Testing

/// The loops that memory is measured with do what they say, on ragged sizes and for any number of threads.
@Suite struct BenchKernelTests {
  @Test(arguments: [1, 2, 3, 64, 1000])
  func readingSeesEveryLine(threads: Int32) {
    let words = 8 * 37
    withUnsafeTemporaryAllocation(byteCount: 8 * words, alignment: 64) { bytes in
      let lines = bytes.bindMemory(to: UInt64.self)
      for word in 0..<words { lines[word] = UInt64(word) &* 0x9E37_79B9_7F4A_7C15 }
      let expected = lines.reduce(0, ^)
      #expect(bench_read(bytes.baseAddress!, Int64(8 * words), threads) == expected)
    }
  }

  @Test(arguments: [1, 2, 3, 64])
  func triad(threads: Int32) {
    let count = 1003
    withUnsafeTemporaryAllocation(byteCount: 3 * 4096, alignment: 64) { bytes in
      let floats = bytes.bindMemory(to: Float.self)
      let (a, b, c) = (floats.baseAddress!, floats.baseAddress! + 1024, floats.baseAddress! + 2048)
      for i in 0..<1024 { (a[i], b[i], c[i]) = (-1, Float(i), Float(2 * i)) }
      bench_triad(a, b, c, 3, Int64(count), threads)
      #expect((0..<count).allSatisfy { a[$0] == Float(7 * $0) })
      #expect((count..<1024).allSatisfy { a[$0] == -1 })
    }
  }

  @Test(arguments: [1, 2, 3, 64])
  func copying(threads: Int32) {
    let from = (0..<1001).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    var to = [UInt8](repeating: 0, count: 1001)
    bench_copy(&to, from, 1001, threads)
    #expect(to == from)
  }
}
