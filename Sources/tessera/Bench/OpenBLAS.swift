import DynamicLibrary
import Foundation

/// OpenBLAS, loaded at run time: a peer of matrix products.
final class OpenBLAS {
  /// Version, build options and the kernels that it chose.
  let description: String
  private typealias Multiply =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>,
      Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private typealias Text = @convention(c) () -> UnsafePointer<CChar>
  private let multiply: Multiply
  private let setThreads: @convention(c) (Int32) -> Void

  /// Throws where no library is installed. Settings of the environment that name kernels or cache sizes
  /// are taken away first: the library is measured as it chooses itself.
  init() throws {
    unsetenv("OPENBLAS_CORETYPE")
    unsetenv("OPENBLAS_L2_SIZE")
    let library = try DynamicLibrary(named: ["libopenblas.so.0", "libopenblas.so"])
    multiply = try library.symbol("cblas_sgemm", as: Multiply.self)
    setThreads = try library.symbol("openblas_set_num_threads", as: (@convention(c) (Int32) -> Void).self)
    let kernels = String(cString: try library.symbol("openblas_get_corename", as: Text.self)())
    let build = String(cString: try library.symbol("openblas_get_config", as: Text.self)())
    let version = build.split(separator: " ").prefix(2).joined(separator: " ")
    description = "\(version) with its \(kernels) kernels"
  }

  /// c = a b for square row-major matrices of `size`.
  func product(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, size: Int,
    threads: Int
  ) {
    setThreads(Int32(threads))
    let n = Int32(size)
    let (rowMajor, plain): (Int32, Int32) = (101, 111)
    multiply(rowMajor, plain, plain, n, n, n, 1, a, n, b, n, 0, c, n)
  }
}
