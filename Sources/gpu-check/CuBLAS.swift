import CUDADriver
import DynamicLibrary
import Foundation

/// cuBLAS's product of two matrices: what a user of the GPU has today, for comparison. Never used otherwise.
///
/// Enumerations and calling rules are those of cuBLASLt's public reference manual, version 12 and newer.
final class CuBLAS {
  /// What is multiplied; sums are of 32 bits.
  enum Kind: String, Codable, CaseIterable {
    /// E4M3 by E4M3, without scales, to bfloat16.
    case fp8
    /// bfloat16 by bfloat16, to bfloat16.
    case bf16
    /// Floats without TF32.
    case fp32

    fileprivate var bytes: Int { self == .fp8 ? 1 : self == .bf16 ? 2 : 4 }
    /// `cudaDataType` of the operands and of the product.
    fileprivate var operand: CInt { self == .fp8 ? 28 : self == .bf16 ? 14 : 0 }
    fileprivate var product: CInt { self == .fp32 ? 0 : 14 }
    fileprivate var productBytes: Int { self == .fp32 ? 4 : 2 }
  }

  /// `y[rows, columns] = x[rows, depth] · w[columns, depth]`, as a linear layer is.
  struct Shape: Codable, Hashable {
    let rows: Int
    let columns: Int
    let depth: Int
  }

  private let functions: Functions
  private let device: CUDADevice
  private var handle: OpaquePointer?
  /// Of the size that NVIDIA recommends for Hopper.
  private let workspace: CUDAMemory

  /// Throws where no cuBLASLt is, which `environment` may name as TESSERA_CUBLAS.
  init(on device: CUDADevice, environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    let names = environment["TESSERA_CUBLAS"].map { [$0] } ?? ["libcublasLt.so.13", "libcublasLt.so.12"]
    functions = try Functions(DynamicLibrary(named: names, searching: ["/usr/local/cuda/lib64"]))
    self.device = device
    workspace = try device.allocate(byteCount: Self.workspaceBytes)
    try Functions.check("cublasLtCreate", functions.create(&handle))
  }

  deinit { _ = functions.destroy(handle) }

  private static let workspaceBytes = 32 << 20

  /// Milliseconds of one product when `count` stand in a captured graph, operands of zeros on the device, in
  /// `copies` places.
  func milliseconds(_ kind: Kind, _ shape: Shape, count: Int, copies: Int) throws -> Float {
    let areas = try (0..<copies).map { _ in
      (
        x: try zeros(shape.rows * shape.depth * kind.bytes),
        w: try zeros(shape.columns * shape.depth * kind.bytes),
        y: try zeros(shape.rows * shape.columns * kind.productBytes)
      )
    }
    let product = try Product(functions, handle, kind, shape, workspaceBytes: workspace.byteCount)
    func run() throws {
      for number in 0..<count {
        let area = areas[number % copies]
        try product.enqueue(w: area.w, x: area.x, y: area.y, workspace: workspace, stream: device.streamHandle)
      }
    }
    let graph = try CUDAGraph(on: device, recording: run)
    // The graph knows addresses alone.
    return try withExtendedLifetime((areas, product)) { try graph.milliseconds() / Float(count) }
  }

  private func zeros(_ byteCount: Int) throws -> CUDAMemory {
    let memory = try device.allocate(byteCount: byteCount)
    try memory.fill(0)
    return memory
  }
}

/// A product that cuBLASLt has chosen an algorithm for. In its order of columns, `w` and `x` are stored depth
/// first: the left operand, transposed, is `w`, and the product has a column for each row of `y`.
private final class Product {
  private let functions: Functions
  private let handle: OpaquePointer?
  private var description: OpaquePointer?
  private var layouts: [OpaquePointer?] = []
  /// `cublasLtMatmulHeuristicResult_t`: the algorithm is its first 64 bytes, `state` is the status after 8 more.
  private var choice = [UInt64](repeating: 0, count: 12)

  init(
    _ functions: Functions, _ handle: OpaquePointer?, _ kind: CuBLAS.Kind, _ shape: CuBLAS.Shape, workspaceBytes: Int
  ) throws {
    self.functions = functions
    self.handle = handle
    let (computeFloat, float, transposed, transposesLeft): (CInt, CInt, CInt, CInt) = (68, 0, 1, 3)
    try Functions.check("cublasLtMatmulDescCreate", functions.createDescription(&description, computeFloat, float))
    var yes = transposed
    try Functions.check(
      "cublasLtMatmulDescSetAttribute",
      functions.describe(description, transposesLeft, &yes, MemoryLayout<CInt>.size))
    let (rows, columns, depth) = (UInt64(shape.rows), UInt64(shape.columns), UInt64(shape.depth))
    for (type, height, width) in [
      (kind.operand, depth, columns), (kind.operand, depth, rows), (kind.product, columns, rows),
    ] {
      var layout: OpaquePointer?
      try Functions.check(
        "cublasLtMatrixLayoutCreate", functions.createLayout(&layout, type, height, width, Int64(height)))
      layouts.append(layout)
    }
    var preference: OpaquePointer?
    try Functions.check("cublasLtMatmulPreferenceCreate", functions.createPreference(&preference))
    defer { _ = functions.destroyPreference(preference) }
    var bytes = UInt64(workspaceBytes)
    let mostWorkspace: CInt = 1
    try Functions.check(
      "cublasLtMatmulPreferenceSetAttribute",
      functions.prefer(preference, mostWorkspace, &bytes, MemoryLayout<UInt64>.size))
    var found: CInt = 0
    try Functions.check(
      "cublasLtMatmulAlgoGetHeuristic",
      functions.choose(
        handle, description, layouts[0], layouts[1], layouts[2], layouts[2], preference, 1, &choice, &found))
    guard found > 0 else {
      throw CheckFailure("cuBLAS has no \(kind.rawValue) product of \(shape.rows) x \(shape.columns) x \(shape.depth)")
    }
  }

  deinit {
    for layout in layouts { _ = functions.destroyLayout(layout) }
    _ = functions.destroyDescription(description)
  }

  func enqueue(w: CUDAMemory, x: CUDAMemory, y: CUDAMemory, workspace: CUDAMemory, stream: OpaquePointer) throws {
    var (one, zero): (Float, Float) = (1, 0)
    try Functions.check(
      "cublasLtMatmul",
      functions.multiply(
        handle, description, &one, w.address, layouts[0], x.address, layouts[1], &zero, y.address, layouts[2],
        y.address, layouts[2], &choice, workspace.address, workspace.byteCount, stream))
  }
}

/// The functions of cuBLASLt that are called; device pointers are addresses.
private struct Functions {
  typealias Handle = OpaquePointer?
  typealias Out = UnsafeMutablePointer<OpaquePointer?>
  let create: @convention(c) (Out) -> CInt
  let destroy: @convention(c) (Handle) -> CInt
  let createDescription: @convention(c) (Out, CInt, CInt) -> CInt
  let describe: @convention(c) (Handle, CInt, UnsafeRawPointer, Int) -> CInt
  let destroyDescription: @convention(c) (Handle) -> CInt
  let createLayout: @convention(c) (Out, CInt, UInt64, UInt64, Int64) -> CInt
  let destroyLayout: @convention(c) (Handle) -> CInt
  let createPreference: @convention(c) (Out) -> CInt
  let prefer: @convention(c) (Handle, CInt, UnsafeRawPointer, Int) -> CInt
  let destroyPreference: @convention(c) (Handle) -> CInt
  let choose:
    @convention(c) (
      Handle, Handle, Handle, Handle, Handle, Handle, Handle, CInt, UnsafeMutableRawPointer, UnsafeMutablePointer<CInt>
    ) -> CInt
  let multiply:
    @convention(c) (
      Handle, Handle, UnsafeRawPointer, UInt64, Handle, UInt64, Handle, UnsafeRawPointer, UInt64, Handle, UInt64, Handle,
      UnsafeRawPointer, UInt64, Int, OpaquePointer
    ) -> CInt

  init(_ library: DynamicLibrary) throws {
    func find<F>(_ name: String) throws -> F { try library.symbol("cublasLt" + name, as: F.self) }
    create = try find("Create")
    destroy = try find("Destroy")
    createDescription = try find("MatmulDescCreate")
    describe = try find("MatmulDescSetAttribute")
    destroyDescription = try find("MatmulDescDestroy")
    createLayout = try find("MatrixLayoutCreate")
    destroyLayout = try find("MatrixLayoutDestroy")
    createPreference = try find("MatmulPreferenceCreate")
    prefer = try find("MatmulPreferenceSetAttribute")
    destroyPreference = try find("MatmulPreferenceDestroy")
    choose = try find("MatmulAlgoGetHeuristic")
    multiply = try find("Matmul")
  }

  static func check(_ name: String, _ status: CInt) throws {
    guard status == 0 else { throw CheckFailure("\(name) returned \(status), 0 expected") }
  }
}
