import DynamicLibrary
import Foundation

/// AscendCL on this machine, opened at run time, and the chips that it knows.
public final class AscendDriver: Sendable {
  /// Where it was found.
  public let path: String
  /// What AscendCL calls the chips, such as `Ascend910B1`.
  public let chip: String
  public let deviceCount: Int
  let functions: AscendFunctions
  private let library: DynamicLibrary

  /// This machine's, opened the first time that it is asked for.
  public static let standard: Result<AscendDriver, AscendError> = Result { () throws(AscendError) in
    try AscendDriver(environment: ProcessInfo.processInfo.environment)
  }

  /// Opens the library that TESSERA_ASCENDCL names in `environment`, else CANN's.
  ///
  /// Throws `AscendError` where it is not here, or has no device.
  public convenience init(environment: [String: String]) throws(AscendError) {
    let library: DynamicLibrary
    do {
      if let path = environment["TESSERA_ASCENDCL"] {
        library = try DynamicLibrary(named: [path])
      } else {
        library = try DynamicLibrary(named: ["libascendcl.so"], searching: Self.folders(environment))
      }
    } catch {
      throw .noLibrary(error)
    }
    try self.init(library)
  }

  private init(_ library: DynamicLibrary) throws(AscendError) {
    self.library = library
    path = library.path
    do { functions = try AscendFunctions(library) } catch { throw .noLibrary(error) }
    let code = functions.initialise(nil)
    if code != AscendFunctions.isInitialised { try functions.check("aclInit", code) }
    var count: CUnsignedInt = 0
    try functions.check("aclrtGetDeviceCount", functions.deviceCount(&count))
    guard count > 0 else { throw .noDevice(library: path) }
    deviceCount = Int(count)
    // The name is that of the device in use.
    try functions.check("aclrtSetDevice", functions.setDevice(0))
    chip = functions.chipName().map { String(cString: $0) } ?? ""
  }

  /// Where CANN keeps its libraries.
  private static func folders(_ environment: [String: String]) -> [String] {
    (["ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"].compactMap { environment[$0] }
      + ["/usr/local/Ascend/ascend-toolkit/latest"]).map { "\($0)/lib64" }
  }
}
