import DynamicLibrary

/// The functions of NVIDIA's driver that are used, by the names that its library exports. Every one answers with a
/// status, 0 for success.
///
/// - Source: the CUDA Driver API reference. Addresses on the device are `CUdeviceptr`, 64 bits wide; devices
///   are numbers; everything else is a handle.
struct CUDAFunctions: Sendable {
  typealias Status = CInt
  typealias Handle = OpaquePointer
  typealias Address = UInt64
  typealias Text = UnsafePointer<CChar>
  typealias Out<T> = UnsafeMutablePointer<T>

  let initialise: @Sendable @convention(c) (CUnsignedInt) -> Status
  let driverVersion: @Sendable @convention(c) (Out<CInt>) -> Status
  let errorName: @Sendable @convention(c) (Status, Out<Text?>) -> Status
  let errorText: @Sendable @convention(c) (Status, Out<Text?>) -> Status

  let deviceCount: @Sendable @convention(c) (Out<CInt>) -> Status
  let device: @Sendable @convention(c) (Out<CInt>, CInt) -> Status
  let deviceName: @Sendable @convention(c) (Out<CChar>, CInt, CInt) -> Status
  let deviceMemory: @Sendable @convention(c) (Out<Int>, CInt) -> Status
  let deviceAttribute: @Sendable @convention(c) (Out<CInt>, CInt, CInt) -> Status

  let retainContext: @Sendable @convention(c) (Out<Handle?>, CInt) -> Status
  let releaseContext: @Sendable @convention(c) (CInt) -> Status
  let setContext: @Sendable @convention(c) (Handle?) -> Status

  let memoryInfo: @Sendable @convention(c) (Out<Int>, Out<Int>) -> Status
  let allocateManaged: @Sendable @convention(c) (Out<Address>, Int, CUnsignedInt) -> Status
  let allocate: @Sendable @convention(c) (Out<Address>, Int) -> Status
  let free: @Sendable @convention(c) (Address) -> Status
  let copyToDevice: @Sendable @convention(c) (Address, UnsafeRawPointer?, Int, Handle?) -> Status
  let copyToHost: @Sendable @convention(c) (UnsafeMutableRawPointer?, Address, Int, Handle?) -> Status
  let fill: @Sendable @convention(c) (Address, UInt8, Int, Handle?) -> Status

  let loadModule: @Sendable @convention(c) (Out<Handle?>, UnsafeRawPointer) -> Status
  let unloadModule: @Sendable @convention(c) (Handle?) -> Status
  let function: @Sendable @convention(c) (Out<Handle?>, Handle?, Text) -> Status
  let setFunctionAttribute: @Sendable @convention(c) (Handle?, CInt, CInt) -> Status
  let residentBlocks: @Sendable @convention(c) (Out<CInt>, Handle?, CInt, Int) -> Status
  let launch:
    @Sendable @convention(c) (
      Handle?, CUnsignedInt, CUnsignedInt, CUnsignedInt, CUnsignedInt, CUnsignedInt, CUnsignedInt, CUnsignedInt,
      Handle?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Status

  let createStream: @Sendable @convention(c) (Out<Handle?>, CUnsignedInt) -> Status
  let destroyStream: @Sendable @convention(c) (Handle?) -> Status
  let synchroniseStream: @Sendable @convention(c) (Handle?) -> Status
  let beginCapture: @Sendable @convention(c) (Handle?, CInt) -> Status
  let endCapture: @Sendable @convention(c) (Handle?, Out<Handle?>) -> Status

  let createEvent: @Sendable @convention(c) (Out<Handle?>, CUnsignedInt) -> Status
  let destroyEvent: @Sendable @convention(c) (Handle?) -> Status
  let recordEvent: @Sendable @convention(c) (Handle?, Handle?) -> Status
  let synchroniseEvent: @Sendable @convention(c) (Handle?) -> Status
  let elapsedTime: @Sendable @convention(c) (Out<Float>, Handle?, Handle?) -> Status

  let instantiateGraph: @Sendable @convention(c) (Out<Handle?>, Handle?, UInt64) -> Status
  let launchGraph: @Sendable @convention(c) (Handle?, Handle?) -> Status
  let destroyGraph: @Sendable @convention(c) (Handle?) -> Status
  let destroyGraphInstance: @Sendable @convention(c) (Handle?) -> Status

  init(_ library: DynamicLibrary) throws(DynamicLibraryError) {
    initialise = try library.symbol("cuInit", as: type(of: initialise))
    driverVersion = try library.symbol("cuDriverGetVersion", as: type(of: driverVersion))
    errorName = try library.symbol("cuGetErrorName", as: type(of: errorName))
    errorText = try library.symbol("cuGetErrorString", as: type(of: errorText))
    deviceCount = try library.symbol("cuDeviceGetCount", as: type(of: deviceCount))
    device = try library.symbol("cuDeviceGet", as: type(of: device))
    deviceName = try library.symbol("cuDeviceGetName", as: type(of: deviceName))
    deviceMemory = try library.symbol("cuDeviceTotalMem_v2", as: type(of: deviceMemory))
    deviceAttribute = try library.symbol("cuDeviceGetAttribute", as: type(of: deviceAttribute))
    retainContext = try library.symbol("cuDevicePrimaryCtxRetain", as: type(of: retainContext))
    releaseContext = try library.symbol("cuDevicePrimaryCtxRelease_v2", as: type(of: releaseContext))
    setContext = try library.symbol("cuCtxSetCurrent", as: type(of: setContext))
    memoryInfo = try library.symbol("cuMemGetInfo_v2", as: type(of: memoryInfo))
    allocateManaged = try library.symbol("cuMemAllocManaged", as: type(of: allocateManaged))
    allocate = try library.symbol("cuMemAlloc_v2", as: type(of: allocate))
    free = try library.symbol("cuMemFree_v2", as: type(of: free))
    copyToDevice = try library.symbol("cuMemcpyHtoDAsync_v2", as: type(of: copyToDevice))
    copyToHost = try library.symbol("cuMemcpyDtoHAsync_v2", as: type(of: copyToHost))
    fill = try library.symbol("cuMemsetD8Async", as: type(of: fill))
    loadModule = try library.symbol("cuModuleLoadData", as: type(of: loadModule))
    unloadModule = try library.symbol("cuModuleUnload", as: type(of: unloadModule))
    function = try library.symbol("cuModuleGetFunction", as: type(of: function))
    setFunctionAttribute = try library.symbol("cuFuncSetAttribute", as: type(of: setFunctionAttribute))
    residentBlocks = try library.symbol(
      "cuOccupancyMaxActiveBlocksPerMultiprocessor", as: type(of: residentBlocks))
    launch = try library.symbol("cuLaunchKernel", as: type(of: launch))
    createStream = try library.symbol("cuStreamCreate", as: type(of: createStream))
    destroyStream = try library.symbol("cuStreamDestroy_v2", as: type(of: destroyStream))
    synchroniseStream = try library.symbol("cuStreamSynchronize", as: type(of: synchroniseStream))
    beginCapture = try library.symbol("cuStreamBeginCapture_v2", as: type(of: beginCapture))
    endCapture = try library.symbol("cuStreamEndCapture", as: type(of: endCapture))
    createEvent = try library.symbol("cuEventCreate", as: type(of: createEvent))
    destroyEvent = try library.symbol("cuEventDestroy_v2", as: type(of: destroyEvent))
    recordEvent = try library.symbol("cuEventRecord", as: type(of: recordEvent))
    synchroniseEvent = try library.symbol("cuEventSynchronize", as: type(of: synchroniseEvent))
    elapsedTime = try library.symbol("cuEventElapsedTime", as: type(of: elapsedTime))
    instantiateGraph = try library.symbol("cuGraphInstantiateWithFlags", as: type(of: instantiateGraph))
    launchGraph = try library.symbol("cuGraphLaunch", as: type(of: launchGraph))
    destroyGraph = try library.symbol("cuGraphDestroy", as: type(of: destroyGraph))
    destroyGraphInstance = try library.symbol("cuGraphExecDestroy", as: type(of: destroyGraphInstance))
  }
}
