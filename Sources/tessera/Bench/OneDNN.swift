import DynamicLibrary
import Foundation

/// oneDNN on OpenMP, loaded at run time: a peer of fp32 and byte products.
final class OneDNN {
  /// Version and instruction set.
  let description: String
  private typealias Multiply =
    @convention(c) (
      CChar, CChar, Int, Int, Int, Float, UnsafePointer<Float>, Int, UnsafePointer<Float>, Int, Float,
      UnsafeMutablePointer<Float>, Int
    ) -> Int32
  private typealias MultiplyBytes =
    @convention(c) (
      CChar, CChar, CChar, Int, Int, Int, Float, UnsafePointer<UInt8>, Int, UInt8, UnsafePointer<Int8>, Int,
      Int8, Float, UnsafeMutablePointer<Int32>, Int, UnsafePointer<Int32>
    ) -> Int32
  private let multiply: Multiply
  private let multiplyBytes: MultiplyBytes
  private let setThreads: @convention(c) (Int32) -> Void

  /// Throws where no library is installed, or one that does not run on OpenMP.
  init() throws {
    let library = try DynamicLibrary(named: ["libdnnl.so.3", "libdnnl.so.2", "libdnnl.so"])
    multiply = try library.symbol("dnnl_sgemm", as: Multiply.self)
    multiplyBytes = try library.symbol("dnnl_gemm_u8s8s32", as: MultiplyBytes.self)
    // The library's own OpenMP, which this returns again, decides on how many threads it runs.
    let openMP = try DynamicLibrary(named: ["libgomp.so.1"])
    setThreads = try openMP.symbol("omp_set_num_threads", as: (@convention(c) (Int32) -> Void).self)
    // dnnl_version_t begins with three ints: major, minor, patch.
    let version = try library.symbol(
      "dnnl_version", as: (@convention(c) () -> UnsafePointer<Int32>).self)()
    let isa = try library.symbol(
      "dnnl_get_effective_cpu_isa", as: (@convention(c) () -> Int32).self)()
    description = "oneDNN \(version[0]).\(version[1]).\(version[2]) on \(Self.name(ofInstructionSet: isa))"
  }

  /// dnnl_cpu_isa_t as oneDNN 2.6 and later number it.
  private static func name(ofInstructionSet isa: Int32) -> String {
    switch isa {
    case 0x01: "SSE4.1"
    case 0x03: "AVX"
    case 0x07: "AVX2"
    case 0x27: "AVX-512"
    case 0x67: "AVX-512 with VNNI"
    case 0xE7: "AVX-512 with VNNI and BF16"
    default: "instruction set 0x\(String(isa, radix: 16))"
    }
  }

  /// c = a b for square row-major matrices of `size`. Throws what the library refuses.
  func product(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, size: Int,
    threads: Int
  ) throws {
    setThreads(Int32(threads))
    let plain = CChar(UInt8(ascii: "N"))
    try check(multiply(plain, plain, size, size, size, 1, a, size, b, size, 0, c, size))
  }

  /// c [rows, columns] = a [rows, inner] times the transpose of b [columns, inner], exact in int32.
  func byteProduct(
    _ a: UnsafePointer<UInt8>, _ b: UnsafePointer<Int8>, _ c: UnsafeMutablePointer<Int32>, rows: Int,
    inner: Int, columns: Int, threads: Int
  ) throws {
    setThreads(Int32(threads))
    let (plain, transposed) = (CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "T")))
    var offset: Int32 = 0
    try check(
      multiplyBytes(
        plain, transposed, CChar(UInt8(ascii: "F")), rows, columns, inner, 1, a, inner, 0, b, inner, 0, 0, c,
        columns, &offset))
  }

  private func check(_ status: Int32) throws {
    guard status == 0 else { throw Refusal("oneDNN refused a product with status \(status)") }
  }
}
