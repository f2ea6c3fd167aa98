import AscendDriver
import DynamicLibrary
import EmitAscend
import Foundation
import Testing

@testable import Runtime

/// AscendCL's stand-in as a library that is opened at run time, and kernels compiled for it in CANN's place.
final class AscendStandInDriver {
  private let folder: TemporaryFolder
  private let library: String
  private var count = 0
  let driver: AscendDriver

  init(chip: String = "Ascend910B1", devices: Int = 1, memory: Int = 1 << 34) throws {
    folder = try TemporaryFolder()
    // A copy has a state of its own.
    library = folder.file("libascendcl.so")
    try FileManager.default.copyItem(atPath: AscendCLStandIn.library.get(), toPath: library)
    typealias Be = @convention(c) (UnsafePointer<CChar>, Int32, Int) -> Void
    try DynamicLibrary(named: [library]).symbol("stand_in_be", as: Be.self)(chip, Int32(devices), memory)
    driver = try AscendDriver(environment: ["TESSERA_ASCENDCL": library])
  }

  /// What CANN's CMake functions do.
  func compile(_ texts: [AscendLibrary.Text]) throws -> AscendLibrary {
    count += 1
    let place = URL(fileURLWithPath: folder.file("kernels\(count)"))
    let text = AscendCLStandIn.joined(try texts.map { try $0.program.source(suffix: $0.suffix) })
    let options = try AscendCLStandIn.write(text, to: place)
    try Data(EmitAscend.launchTable(of: texts.map { ($0.program.kernels, $0.suffix) }).utf8)
      .write(to: place.appendingPathComponent("kernels.h"))
    let launches = place.appendingPathComponent("launches.cpp")
    try Data(AscendLibrary.launches.utf8).write(to: launches)
    let output = place.appendingPathComponent("liblaunches.so")
    try AscendCLStandIn.compile(options + ["-shared", "-fPIC", launches.path, library, "-o", output.path])
    return try AscendLibrary(output, wasCached: false)
  }

  func device() throws -> AscendDevice { try AscendDevice(0, of: driver) }
}
