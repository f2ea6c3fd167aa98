import Foundation
import Operators
import Runtime
import Tiles

extension Benchmark {
  /// Products of matrices, in multiply-adds counted twice.
  static let products: [Benchmark] =
    [1024, 2048].map { size in
      Benchmark("matmul fp32 fused \(size)") { try fusedProduct(size, $0) }
    } + [
      product("matmul fp32 unfused 1024", rows: 1024, inner: 1024, columns: 1024) {
        matmul(inner: 1024, columns: 1024, .ordered(.chained(512), .unfused))
      },
      product("matmul bf16 fixedPoint(21) 512", rows: 512, inner: 4096, columns: 1024) {
        matmul(
          BFloat16.self, inner: 4096, columns: 1024, .fixedPoint(bits: 21, block: 128),
          transposedRight: true, result: BFloat16.self)
      },
      product(
        "linear_fp4 1024 x 4096 x 4096", rows: 1024, inner: 4096, columns: 4096, .figure(atLeast: 100),
        hasBytePeer: true
      ) { linearFP4(inputs: 4096, outputs: 4096) },
      product(
        "linear_fp8 1024 x 4096 x 4096", rows: 1024, inner: 4096, columns: 4096, .figure(atLeast: 50),
        hasBytePeer: true
      ) { linearFP8(inputs: 4096, outputs: 4096) },
    ]

  /// The square fp32 product against OpenBLAS and oneDNN on one thread and on two, and its own scaling.
  private static func fusedProduct(_ size: Int, _ session: BenchSession) throws -> [BenchRow] {
    let run = try OperatorRun(
      OperatorInstance("\(size) fp32", ["rows": size]) { matmul(inner: size, columns: size) },
      schedule: session.schedule)
    let (a, b) = (run.memory(0, as: Float.self), run.memory(1, as: Float.self))
    let theirs = (0..<size * size).map { _ in Float.nan }
    let work = 2 * Double(size) * Double(size) * Double(size) / 1e9
    func ours(_ threads: Int) -> Contender {
      Contender(threadsText(threads), work: work) { try run.launch(threads: threads) }
    }
    return try withUnsafeBuffer(theirs) { c in
      var rows: [BenchRow] = []
      for threads in session.threadCounts {
        var contenders = [ours(threads)]
        if let blas = session.openBLAS {
          contenders.append(Contender("OpenBLAS", work: work) { blas.product(a, b, c, size: size, threads: threads) })
        }
        if let dnn = session.oneDNN {
          contenders.append(Contender("oneDNN", work: work) { try dnn.product(a, b, c, size: size, threads: threads) })
        }
        try run.launch(threads: threads)
        for peer in contenders.dropFirst() {
          try peer.run()
          try checkAgreement(run.memory(2, as: Float.self), c, count: size * size, with: peer.name)
        }
        let figures = try session.contest(threads: threads).figures(contenders)
        rows.append(
          BenchRow(
            "matmul fp32 fused \(size), \(threadsText(threads))", unit: "Gop/s", ours: figures[0],
            peers: Array(figures.dropFirst()), threads == 1 ? .ratio(atLeast: 0.85) : nil))
      }
      if session.threadCounts.contains(2) {
        let figures = try session.contest(threads: 2).figures([ours(2), ours(1)])
        rows.append(
          BenchRow(
            "matmul fp32 fused \(size), 2 threads over 1", unit: "Gop/s", ours: figures[0],
            peers: [figures[1]], .ratio(atLeast: 1.7)))
      }
      return rows
    }
  }

  /// A product that no peer has in the same arithmetic, on one thread, where it has to reach
  /// `requirement`, and on two. With `hasBytePeer` the plain product of bytes by oneDNN stands beside it,
  /// to inform: it has no scales and no blocks.
  private static func product(
    _ name: String, rows: Int, inner: Int, columns: Int, _ requirement: Requirement? = nil,
    hasBytePeer: Bool = false, kernel: @escaping @Sendable () -> Kernel
  ) -> Benchmark {
    Benchmark(name) { session in
      let run = try OperatorRun(
        OperatorInstance(name, ["rows": rows], kernel), schedule: session.schedule)
      let work = 2 * Double(rows) * Double(inner) * Double(columns) / 1e9
      let bytes = try hasBytePeer ? ByteMatrices(rows: rows, inner: inner, columns: columns) : nil
      return try session.threadCounts.map { threads in
        var contenders = [
          Contender(threadsText(threads), work: work) { try run.launch(threads: threads) }
        ]
        if let bytes, let dnn = session.oneDNN {
          contenders.append(
            Contender("oneDNN u8 x s8", work: work) { try bytes.multiply(by: dnn, threads: threads) })
        }
        let figures = try session.contest(threads: threads).figures(contenders)
        return BenchRow(
          "\(name), \(threadsText(threads))", unit: "Gop/s", ours: figures[0],
          peers: Array(figures.dropFirst()), threads == 1 ? requirement : nil)
      }
    }
  }

  private static func withUnsafeBuffer<Result>(
    _ values: [Float], _ body: (UnsafeMutablePointer<Float>) throws -> Result
  ) rethrows -> Result {
    var values = values
    return try values.withUnsafeMutableBufferPointer { try body($0.baseAddress!) }
  }

  /// Throws where a peer's product is not ours up to rounding: it would have been called wrongly.
  private static func checkAgreement(
    _ ours: UnsafePointer<Float>, _ theirs: UnsafePointer<Float>, count: Int, with peer: String
  ) throws {
    var (largest, difference): (Float, Float) = (0, 0)
    for position in 0..<count {
      largest = max(largest, abs(ours[position]))
      difference = max(difference, abs(ours[position] - theirs[position]))
    }
    guard difference <= 1e-4 * largest else {
      throw Refusal("\(peer) computes another product: difference \(difference), largest element \(largest)")
    }
  }
}

/// Operands and result of a product of bytes.
private final class ByteMatrices {
  private let (rows, inner, columns): (Int, Int, Int)
  private let (a, b, c): (AlignedMemory, AlignedMemory, AlignedMemory)

  init(rows: Int, inner: Int, columns: Int) throws {
    (self.rows, self.inner, self.columns) = (rows, inner, columns)
    a = try AlignedMemory(byteCount: rows * inner)
    b = try AlignedMemory(byteCount: columns * inner)
    c = try AlignedMemory(byteCount: 4 * rows * columns)
    memset(a.pointer, 3, a.byteCount)
    memset(b.pointer, 5, b.byteCount)
  }

  func multiply(by library: OneDNN, threads: Int) throws {
    try library.byteProduct(
      a.pointer.assumingMemoryBound(to: UInt8.self), b.pointer.assumingMemoryBound(to: Int8.self),
      c.pointer.assumingMemoryBound(to: Int32.self), rows: rows, inner: inner, columns: columns,
      threads: threads)
  }
}
