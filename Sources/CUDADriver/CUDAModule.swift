/// Machine code on a device, with the kernels in it. It stays there as long as this object.
public final class CUDAModule {
  private let device: CUDADevice
  private let module: OpaquePointer

  /// Loads machine code for the device's architecture. Throws what the driver says of code that it does not take.
  public init(_ image: UnsafeRawBufferPointer, on device: CUDADevice) throws(CUDAError) {
    precondition(image.count > 0, "an image has bytes")
    self.device = device
    var module: OpaquePointer?
    try device.functions.check("cuModuleLoadData", device.functions.loadModule(&module, image.baseAddress!))
    self.module = module!
  }

  deinit { _ = device.functions.unloadModule(module) }

  /// The kernel of this name. Throws what the driver says where there is none.
  public func kernel(_ name: String) throws(CUDAError) -> CUDAKernel {
    var function: OpaquePointer?
    let status = device.functions.function(&function, module, name)
    try device.functions.check("cuModuleGetFunction \(name)", status)
    return CUDAKernel(name: name, function: function!, of: self, on: device)
  }
}

/// A kernel that can be launched.
public final class CUDAKernel {
  public let name: String
  private let function: OpaquePointer
  private let module: CUDAModule
  private let device: CUDADevice
  private var sharedBytes = 0

  fileprivate init(name: String, function: OpaquePointer, of module: CUDAModule, on device: CUDADevice) {
    self.name = name
    self.function = function
    self.module = module
    self.device = device
  }

  /// Blocks that a multiprocessor holds at once.
  public func residentBlocks(threads: Int, sharedBytes: Int) throws(CUDAError) -> Int {
    try allow(sharedBytes)
    var count: CInt = 0
    try device.functions.check(
      "cuOccupancyMaxActiveBlocksPerMultiprocessor \(name)",
      device.functions.residentBlocks(&count, function, CInt(threads), sharedBytes))
    return Int(count)
  }

  /// Asks for a grid of `blocks` blocks with `threads` threads each; it is done in the stream's order.
  ///
  /// `arguments` holds each argument's bytes, at the alignment of its type, at the offsets given in
  /// order. Throws what the driver says, which may be of something that was asked for before.
  public func launch(
    blocks: Int, threads: Int, sharedBytes: Int, arguments: UnsafeMutableRawPointer, at offsets: [Int]
  ) throws(CUDAError) {
    guard blocks > 0 else { return }
    try allow(sharedBytes)
    let (functions, function, stream) = (device.functions, function, device.stream)
    let status = withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: offsets.count) { pointers in
      for (position, offset) in offsets.enumerated() {
        pointers.initializeElement(at: position, to: arguments + offset)
      }
      return functions.launch(
        function, CUnsignedInt(blocks), 1, 1, CUnsignedInt(threads), 1, 1, CUnsignedInt(sharedBytes), stream,
        pointers.baseAddress, nil)
    }
    try functions.check("cuLaunchKernel \(name)", status)
  }

  /// A launch may use 48 KiB of shared memory; for more, the kernel has to be told.
  private func allow(_ bytes: Int) throws(CUDAError) {
    guard bytes > sharedBytes, bytes > 48 << 10 else { return }
    try device.functions.check(
      "cuFuncSetAttribute \(name)",
      device.functions.setFunctionAttribute(function, Self.largestDynamicShared, CInt(bytes)))
    sharedBytes = bytes
  }

  /// `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`
  private static let largestDynamicShared: CInt = 8
}
