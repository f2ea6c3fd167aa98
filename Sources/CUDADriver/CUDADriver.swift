import DynamicLibrary
import Foundation

/// NVIDIA's driver on this machine, opened at run time, and the GPUs that it knows.
public final class CUDADriver: Sendable {
  /// What machine code of NVRTC 13 needs: a driver refuses code of a newer major version than its own.
  public static let leastVersion = 13000

  /// Where it was found.
  public let path: String
  /// The newest CUDA that it is made for: 1000 times the major number and 10 times the minor one.
  public let version: Int
  /// As people write it, such as `13.2`.
  public var versionText: String { CUDAError.version(version) }
  /// In the driver's order, which is the numbers of `cuda:0`, `cuda:1` and so on.
  public let devices: [Facts]
  let functions: CUDAFunctions
  private let library: DynamicLibrary

  /// What a GPU is.
  public struct Facts: Sendable, Equatable {
    public let number: Int
    public let name: String
    /// The compute capability, such as 9 and 0.
    public let capability: Capability
    public let multiprocessors: Int
    public let memoryBytes: Int
    /// The most shared memory of a block, asked for at a launch.
    public let sharedBytesPerBlock: Int
    /// Clocks in kHz as the driver states them, and the width of the memory's bus in bits.
    public let clock: Int
    public let memoryClock: Int
    public let busBits: Int
    /// Whether the host may read and write managed memory while kernels run.
    public let managesConcurrently: Bool
  }

  public struct Capability: Sendable, Hashable, CustomStringConvertible {
    public let major: Int
    public let minor: Int
    public init(_ major: Int, _ minor: Int) {
      self.major = major
      self.minor = minor
    }
    public var description: String { "\(major).\(minor)" }
  }

  /// This machine's driver, opened the first time that it is asked for.
  public static let standard: Result<CUDADriver, CUDAError> = Result { () throws(CUDAError) in
    try CUDADriver(environment: ProcessInfo.processInfo.environment)
  }

  /// Opens the library that TESSERA_CUDA names in `environment`, else the system's, and asks for its devices.
  ///
  /// Throws `CUDAError` where there is no driver, it is too old, or it has no device.
  public init(environment: [String: String]) throws(CUDAError) {
    let library: DynamicLibrary
    do {
      if let path = environment["TESSERA_CUDA"] {
        library = try DynamicLibrary(named: [path])
      } else {
        library = try DynamicLibrary(named: ["libcuda.so.1", "libcuda.so"])
      }
      functions = try CUDAFunctions(library)
    } catch {
      throw .noDriver(error)
    }
    self.library = library
    path = library.path
    // The version is asked first: it needs no device, and an old driver is the better explanation of what else fails.
    var number: CInt = 0
    try functions.check("cuDriverGetVersion", functions.driverVersion(&number))
    version = Int(number)
    guard version >= Self.leastVersion else {
      throw .oldDriver(found: version, needed: Self.leastVersion, library: path)
    }
    let status = functions.initialise(0)
    if status == CUDAFunctions.noDevice { throw .noDevice(library: path) }
    try functions.check("cuInit", status)
    var count: CInt = 0
    try functions.check("cuDeviceGetCount", functions.deviceCount(&count))
    guard count > 0 else { throw .noDevice(library: path) }
    var devices: [Facts] = []
    for number in 0..<count { devices.append(try Self.facts(of: number, functions)) }
    self.devices = devices
  }

  /// What is known of the device `cuda:number`. Throws where there is none.
  public func facts(of number: Int) throws(CUDAError) -> Facts {
    guard devices.indices.contains(number) else { throw .noSuchDevice(number, count: devices.count) }
    return devices[number]
  }

  private static func facts(of number: CInt, _ functions: CUDAFunctions) throws(CUDAError) -> Facts {
    var device: CInt = 0
    try functions.check("cuDeviceGet", functions.device(&device, number))
    var name = [CChar](repeating: 0, count: 256)
    try functions.check("cuDeviceGetName", functions.deviceName(&name, CInt(name.count), device))
    var memory = 0
    try functions.check("cuDeviceTotalMem", functions.deviceMemory(&memory, device))
    func attribute(_ code: CInt) throws(CUDAError) -> Int {
      var value: CInt = 0
      try functions.check("cuDeviceGetAttribute", functions.deviceAttribute(&value, code, device))
      return Int(value)
    }
    // The codes are those of `CUdevice_attribute`.
    return Facts(
      number: Int(number), name: String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self),
      capability: Capability(try attribute(75), try attribute(76)), multiprocessors: try attribute(16),
      memoryBytes: memory, sharedBytesPerBlock: try attribute(97), clock: try attribute(13),
      memoryClock: try attribute(36), busBits: try attribute(37), managesConcurrently: try attribute(89) != 0)
  }
}

extension CUDAFunctions {
  static let outOfMemory: Status = 2
  static let noDevice: Status = 100

  /// Throws what the driver says where `status` is not success.
  func check(_ function: String, _ status: Status) throws(CUDAError) {
    guard status != 0 else { return }
    var name: Text?
    var text: Text?
    _ = errorName(status, &name)
    _ = errorText(status, &text)
    throw .call(
      function: function, name: name.map { String(cString: $0) } ?? "status \(status)",
      text: text.map { String(cString: $0) } ?? "the driver has no words for it")
  }
}
