/// A GPU in use: its context, one stream in which everything happens in order, its memory and its kernels.
///
/// Not for several threads at once; the context is made current on the thread that calls.
public final class CUDADevice {
  public let driver: CUDADriver
  public let facts: CUDADriver.Facts
  let functions: CUDAFunctions
  let stream: OpaquePointer
  private let context: OpaquePointer

  /// The stream as the driver knows it, for libraries that put work into it.
  public var streamHandle: OpaquePointer { stream }

  /// Takes `cuda:number` into use. Throws where there is none, or the driver refuses.
  public init(_ number: Int, of driver: CUDADriver) throws(CUDAError) {
    self.driver = driver
    facts = try driver.facts(of: number)
    functions = driver.functions
    var context: OpaquePointer?
    try functions.check("cuDevicePrimaryCtxRetain", functions.retainContext(&context, CInt(number)))
    self.context = context!
    var stream: OpaquePointer?
    let isMade: Result<Void, CUDAError> = Result { () throws(CUDAError) in
      try driver.functions.check("cuCtxSetCurrent", driver.functions.setContext(context))
      try driver.functions.check("cuStreamCreate", driver.functions.createStream(&stream, Self.ownOrder))
    }
    if case .failure(let error) = isMade {
      _ = functions.releaseContext(CInt(number))
      throw error
    }
    self.stream = stream!
  }

  /// A stream that does not wait for the default one.
  private static let ownOrder: CUnsignedInt = 1

  deinit {
    _ = functions.setContext(context)
    _ = functions.destroyStream(stream)
    _ = functions.releaseContext(CInt(facts.number))
  }

  /// Makes the context this thread's: before every use on a thread that has not used it yet.
  public func makeCurrent() throws(CUDAError) {
    try functions.check("cuCtxSetCurrent", functions.setContext(context))
  }

  /// Waits for everything that was asked for. What failed since the last wait is thrown here.
  public func synchronise() throws(CUDAError) {
    try functions.check("cuStreamSynchronize", functions.synchroniseStream(stream))
  }

  /// Bytes that are free, and all of them.
  public func memory() throws(CUDAError) -> (free: Int, total: Int) {
    var (free, total) = (0, 0)
    try functions.check("cuMemGetInfo", functions.memoryInfo(&free, &total))
    return (free, total)
  }

  /// Memory of the device, its contents unknown.
  ///
  /// Managed memory can be read and written by the host at the same address whenever no kernel is under way;
  /// other memory by copies only. Throws `outOfMemory` with what was needed and what is free.
  public func allocate(byteCount: Int, isManaged: Bool = false) throws(CUDAError) -> CUDAMemory {
    var address: UInt64 = 0
    // The driver refuses to give nothing.
    let bytes = max(byteCount, 1)
    // Managed memory may be more than the device has; pages would then move in every step, which nobody wants.
    if isManaged {
      let (free, total) = try memory()
      guard bytes <= free else {
        throw .outOfMemory(needed: bytes, free: free, total: total, device: facts.name)
      }
    }
    let status =
      isManaged
      ? functions.allocateManaged(&address, bytes, Self.everyStream) : functions.allocate(&address, bytes)
    if status == CUDAFunctions.outOfMemory {
      let (free, total) = try memory()
      throw .outOfMemory(needed: bytes, free: free, total: total, device: facts.name)
    }
    try functions.check(isManaged ? "cuMemAllocManaged" : "cuMemAlloc", status)
    return CUDAMemory(address: address, byteCount: byteCount, isManaged: isManaged, of: self)
  }

  /// `CU_MEM_ATTACH_GLOBAL`: seen by kernels of every stream.
  private static let everyStream: CUnsignedInt = 1
}

/// A piece of a device's memory, free again when this object is gone.
public final class CUDAMemory {
  public let address: UInt64
  public let byteCount: Int
  public let isManaged: Bool
  private let device: CUDADevice

  fileprivate init(address: UInt64, byteCount: Int, isManaged: Bool, of device: CUDADevice) {
    self.address = address
    self.byteCount = byteCount
    self.isManaged = isManaged
    self.device = device
  }

  deinit { _ = device.functions.free(address) }

  /// Where the host finds managed memory.
  public var pointer: UnsafeMutableRawPointer? {
    isManaged ? UnsafeMutableRawPointer(bitPattern: UInt(address)) : nil
  }

  /// Copies to the beginning; the bytes may change when this returns.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(CUDAError) {
    precondition(bytes.count <= byteCount, "\(bytes.count) bytes do not fit into \(byteCount)")
    guard bytes.count > 0 else { return }
    let functions = device.functions
    try functions.check(
      "cuMemcpyHtoDAsync", functions.copyToDevice(address, bytes.baseAddress, bytes.count, device.stream))
    try device.synchronise()
  }

  /// Copies from the beginning, after everything that was asked for before.
  public func read(into bytes: UnsafeMutableRawBufferPointer) throws(CUDAError) {
    precondition(bytes.count <= byteCount, "\(byteCount) bytes are there, \(bytes.count) wanted")
    guard bytes.count > 0 else { return }
    let functions = device.functions
    try functions.check(
      "cuMemcpyDtoHAsync", functions.copyToHost(bytes.baseAddress, address, bytes.count, device.stream))
    try device.synchronise()
  }

  /// Sets every byte, in the stream's order.
  public func fill(_ byte: UInt8) throws(CUDAError) {
    guard byteCount > 0 else { return }
    try device.functions.check("cuMemsetD8Async", device.functions.fill(address, byte, byteCount, device.stream))
  }
}
