/// An Ascend chip in use: one stream in which everything happens in order, and its memory.
///
/// Not for several threads at once; the device is made current on the thread that calls.
public final class AscendDevice {
  public let driver: AscendDriver
  public let number: Int
  /// As AscendCL knows it, for launches of kernels.
  public let stream: UnsafeMutableRawPointer
  var functions: AscendFunctions { driver.functions }

  /// Takes `ascend:number` into use. Throws where there is none, or AscendCL refuses.
  public init(_ number: Int, of driver: AscendDriver) throws(AscendError) {
    guard 0..<driver.deviceCount ~= number else { throw .noSuchDevice(number, count: driver.deviceCount) }
    self.driver = driver
    self.number = number
    try driver.functions.check("aclrtSetDevice", driver.functions.setDevice(CInt(number)))
    var stream: UnsafeMutableRawPointer?
    try driver.functions.check("aclrtCreateStream", driver.functions.createStream(&stream))
    self.stream = stream!
  }

  deinit {
    _ = functions.setDevice(CInt(number))
    _ = functions.destroyStream(stream)
  }

  /// Makes the device this thread's: before every use on a thread that has not used it yet.
  public func makeCurrent() throws(AscendError) {
    try functions.check("aclrtSetDevice", functions.setDevice(CInt(number)))
  }

  /// Waits for everything that was asked for.
  public func synchronise() throws(AscendError) {
    try functions.check("aclrtSynchronizeStream", functions.synchroniseStream(stream))
  }

  /// Memory of the device, its contents unknown. Throws `outOfMemory` with what was needed and what is free.
  public func allocate(byteCount: Int) throws(AscendError) -> AscendMemory {
    var address: UnsafeMutableRawPointer?
    // Copies between memories take whole blocks of 32 bytes.
    let bytes = (max(byteCount, 1) + 31) / 32 * 32
    let code = functions.allocate(&address, bytes, AscendFunctions.hugePagesFirst)
    if code == AscendFunctions.outOfMemory {
      var (free, total) = (0, 0)
      try functions.check("aclrtGetMemInfo", functions.memoryInfo(AscendFunctions.highBandwidthMemory, &free, &total))
      throw .outOfMemory(needed: bytes, free: free, total: total, device: "ascend:\(number)")
    }
    try functions.check("aclrtMalloc of \(bytes) bytes", code)
    return AscendMemory(address!, byteCount: byteCount, of: self)
  }
}

/// A piece of a chip's memory, given back with its owner.
public final class AscendMemory {
  public let address: UnsafeMutableRawPointer
  public let byteCount: Int
  private let device: AscendDevice

  init(_ address: UnsafeMutableRawPointer, byteCount: Int, of device: AscendDevice) {
    self.address = address
    self.byteCount = byteCount
    self.device = device
  }

  deinit { _ = device.functions.free(address) }

  /// Copies as many bytes as the memory has from the host.
  public func fill(from host: UnsafeRawPointer) throws(AscendError) {
    guard byteCount > 0 else { return }
    try device.functions.check(
      "aclrtMemcpy to the device",
      device.functions.copy(address, byteCount, host, byteCount, AscendFunctions.toDevice))
  }

  /// Copies as many bytes as the memory has to the host. What is under way must be done.
  public func read(to host: UnsafeMutableRawPointer) throws(AscendError) {
    guard byteCount > 0 else { return }
    try device.functions.check(
      "aclrtMemcpy from the device",
      device.functions.copy(host, byteCount, address, byteCount, AscendFunctions.toHost))
  }
}
