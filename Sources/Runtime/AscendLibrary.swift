import AscendDriver
import DeviceModel
import DynamicLibrary
import EmitAscend
import Foundation
import MachineIR

/// Kernels of Ascend C as CANN compiled them, ready to be launched.
struct AscendLibrary {
  /// A program's kernels; names of functions end in `suffix`.
  struct Text {
    let program: AscendProgram
    let suffix: String
  }

  /// An argument as the library takes it: what its kind is, the kernel knows.
  struct Argument {
    var memory: UnsafeMutableRawPointer? = nil
    var integer: Int64 = 0
    var float: Float = 0
  }

  /// The arguments of a call whose buffers are at addresses of the chip.
  static func arguments(of call: PipeLaunch, _ address: (Int) -> UnsafeMutableRawPointer?) -> [Argument] {
    call.arguments.map { argument in
      switch argument {
      case .buffer(let number): Argument(memory: address(number))
      case .integer(let value): Argument(integer: value)
      case .float(let value): Argument(float: value)
      }
    }
  }

  private typealias Launch = @convention(c) (
    UnsafePointer<CChar>, UInt32, UnsafeMutableRawPointer?, UnsafeRawPointer
  ) -> UInt32
  private let library: DynamicLibrary
  private let launch: Launch
  /// Whether no compiler had to run.
  let wasCached: Bool

  init(_ file: URL, wasCached: Bool) throws {
    library = try DynamicLibrary(named: [file.path])
    launch = try library.symbol("tessera_launch", as: Launch.self)
    self.wasCached = wasCached
  }

  /// Asks for a kernel. Throws what its launch answers.
  func launch(_ kernel: String, blocks: Int, _ arguments: [Argument], on device: AscendDevice) throws {
    let code = arguments.withUnsafeBytes { launch(kernel, UInt32(blocks), device.stream, $0.baseAddress!) }
    guard code == 0 else { throw RuntimeError("the launch of \(kernel) on ascend:\(device.number) ended with code \(code)") }
  }

  /// `launches.cpp`: the one function that the library is called by.
  static let launches = """
    #include "kernels.h"

    extern "C" uint32_t tessera_launch(
        const char *name, uint32_t blocks, aclrtStream stream, const Argument *arguments) {
      const auto found = kernels.find(name);
      return found == kernels.end() ? UINT32_MAX : found->second.launch(blocks, stream, arguments);
    }

    """
}

extension KernelCache {
  /// Compiles the kernels of several programs to one library, by CANN's CMake functions for Ascend C.
  func ascendLibrary(_ texts: [AscendLibrary.Text], chip: String) throws -> AscendLibrary {
    let sources = try texts.enumerated().map { ("\($0)_\($1.program.plan.program.name).cpp", try $1.program.source(suffix: $1.suffix)) }
    let build = EmitAscend.buildFile(
      project: "launches", kernels: sources.map(\.0), isShared: false, target: "add_library(launches SHARED launches.cpp)")
    let table = EmitAscend.launchTable(of: texts.map { ($0.program.kernels, $0.suffix) })
    let environment = ProcessInfo.processInfo.environment
    let cann = environment["ASCEND_HOME_PATH"] ?? ""
    let recipe = Recipe(
      ["ascend", build, table, AscendLibrary.launches, chip] + sources.map(\.1), suffix: "so",
      maker: .other(identity: "CANN \(cann)") { output in
        let folder = try TemporaryFolder()
        for (name, text) in sources + [
          ("CMakeLists.txt", build), ("kernels.h", table), ("launches.cpp", AscendLibrary.launches),
        ] {
          try text.write(to: folder.file(name), atomically: false, encoding: .utf8)
        }
        let place = folder.file("build").path
        for arguments in [
          ["-S", folder.file("").path, "-B", place, "-DSOC_VERSION=\(chip)"], ["--build", place, "--parallel"],
        ] {
          let result = try ChildProcess.run("/usr/bin/env", ["cmake"] + arguments, output: folder.file("messages"))
          guard result.status == 0 else {
            throw RuntimeError(
              "CANN did not compile kernels for \(chip): cmake \(arguments.joined(separator: " ")) ended with status "
                + "\(result.status)\n\(result.text.suffix(4000))")
          }
        }
        try FileManager.default.copyItem(at: folder.file("build/liblaunches.so"), to: output)
      })
    let object = try object(recipe)
    return try AscendLibrary(object.file, wasCached: object.wasCached)
  }
}

extension AscendDriver {
  /// The target of this machine's chips. Throws where they are of another architecture.
  func target() throws -> MachineDescription {
    // 910C is two dies of the same architecture.
    guard chip.hasPrefix("Ascend910B") || chip.hasPrefix("Ascend910_93") else {
      throw RuntimeError("AscendCL calls the chip \(chip); kernels are for Ascend910B and Ascend910_93 (910C)")
    }
    return .ascend910b
  }
}
