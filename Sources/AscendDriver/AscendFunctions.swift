import DynamicLibrary

/// The functions of AscendCL that are used, by the names that its library exports. Those that can fail answer with a
/// code, 0 for success.
///
/// - Source: the AscendCL reference; the tests compare with the declarations that the wheel of torch-npu carries.
struct AscendFunctions: Sendable {
  typealias Code = CInt
  typealias Pointer = UnsafeMutableRawPointer
  typealias Text = UnsafePointer<CChar>
  typealias Out<T> = UnsafeMutablePointer<T>

  let initialise: @Sendable @convention(c) (Text?) -> Code
  let recentMessage: @Sendable @convention(c) () -> Text?
  let chipName: @Sendable @convention(c) () -> Text?
  let deviceCount: @Sendable @convention(c) (Out<CUnsignedInt>) -> Code
  let setDevice: @Sendable @convention(c) (CInt) -> Code
  let createStream: @Sendable @convention(c) (Out<Pointer?>) -> Code
  let destroyStream: @Sendable @convention(c) (Pointer?) -> Code
  let synchroniseStream: @Sendable @convention(c) (Pointer?) -> Code
  let memoryInfo: @Sendable @convention(c) (CInt, Out<Int>, Out<Int>) -> Code
  let allocate: @Sendable @convention(c) (Out<Pointer?>, Int, CInt) -> Code
  let free: @Sendable @convention(c) (Pointer?) -> Code
  let copy: @Sendable @convention(c) (Pointer?, Int, UnsafeRawPointer?, Int, CInt) -> Code

  init(_ library: DynamicLibrary) throws(DynamicLibraryError) {
    func function<T>(_ name: String, _: T.Type = T.self) throws(DynamicLibraryError) -> T {
      try library.symbol(name, as: T.self)
    }
    initialise = try function("aclInit")
    recentMessage = try function("aclGetRecentErrMsg")
    chipName = try function("aclrtGetSocName")
    deviceCount = try function("aclrtGetDeviceCount")
    setDevice = try function("aclrtSetDevice")
    createStream = try function("aclrtCreateStream")
    destroyStream = try function("aclrtDestroyStream")
    synchroniseStream = try function("aclrtSynchronizeStream")
    memoryInfo = try function("aclrtGetMemInfo")
    allocate = try function("aclrtMalloc")
    free = try function("aclrtFree")
    copy = try function("aclrtMemcpy")
  }

  /// Codes and constants of AscendCL's headers.
  static let isInitialised: Code = 100002
  static let outOfMemory: Code = 207001
  static let highBandwidthMemory: CInt = 1
  static let hugePagesFirst: CInt = 0
  static let toDevice: CInt = 1
  static let toHost: CInt = 2

  /// Throws what AscendCL says where `code` is not success.
  func check(_ function: String, _ code: Code) throws(AscendError) {
    guard code != 0 else { return }
    throw .call(function: function, code: Int(code), text: recentMessage().map { String(cString: $0) } ?? "")
  }
}
