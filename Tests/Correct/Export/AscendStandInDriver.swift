import AscendDriver
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
    library = folder.file("libascendcl.so")
    let place = URL(fileURLWithPath: folder.file("acl"))
    let options = try AscendCLStandIn.write(to: place)
    try AscendCLStandIn.compile(
      options + [
        "-shared", "-fPIC", "-DCHIP=\"\(chip)\"", "-DDEVICES=\(devices)", "-DMEMORY=\(memory)ul",
        place.appendingPathComponent("stand_in.cpp").path, "-o", library,
      ])
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
