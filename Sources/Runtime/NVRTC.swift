import DynamicLibrary
import EmitCUDA
import Foundation
import MachineIR

/// NVIDIA's compiler of CUDA C++, a library that needs no GPU.
public final class NVRTC: Sendable {
  /// How to get it, for messages.
  public static let advice =
    "NVRTC is not here: run `Scripts/bootstrap test`, or set TESSERA_NVRTC to the path of libnvrtc.so of CUDA 13 "
    + "(pip install nvidia-cuda-nvrtc brings it)"

  private typealias Program = OpaquePointer
  private typealias Text = UnsafePointer<CChar>
  private let create:
    @Sendable @convention(c) (
      UnsafeMutablePointer<Program?>, Text, Text, CInt, UnsafePointer<Text?>?, UnsafePointer<Text?>?
    ) -> CInt
  private let compileProgram: @Sendable @convention(c) (Program?, CInt, UnsafePointer<Text?>) -> CInt
  private let codeSize: @Sendable @convention(c) (Program?, UnsafeMutablePointer<Int>) -> CInt
  private let code: @Sendable @convention(c) (Program?, UnsafeMutablePointer<CChar>) -> CInt
  private let logSize: @Sendable @convention(c) (Program?, UnsafeMutablePointer<Int>) -> CInt
  private let log: @Sendable @convention(c) (Program?, UnsafeMutablePointer<CChar>) -> CInt
  private let destroy: @Sendable @convention(c) (UnsafeMutablePointer<Program?>) -> CInt
  private let library: DynamicLibrary
  /// Such as `NVRTC 13.5`.
  public let version: String
  /// Where it was found.
  public var path: String { library.path }

  /// The compiler of this machine: `$TESSERA_NVRTC`, the project's `.tools`, the system's.
  public static let standard: Result<NVRTC, any Error> = Result { try NVRTC() }

  public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    do {
      library = try DynamicLibrary(
        at: "TESSERA_NVRTC", in: environment, orNamed: ["libnvrtc.so.13", "libnvrtc.so"],
        inPackage: "nvidia/cu13/lib")
    } catch {
      throw RuntimeError("\(Self.advice). \(error)")
    }
    create = try library.symbol("nvrtcCreateProgram", as: type(of: create))
    compileProgram = try library.symbol("nvrtcCompileProgram", as: type(of: compileProgram))
    codeSize = try library.symbol("nvrtcGetCUBINSize", as: type(of: codeSize))
    code = try library.symbol("nvrtcGetCUBIN", as: type(of: code))
    logSize = try library.symbol("nvrtcGetProgramLogSize", as: type(of: logSize))
    log = try library.symbol("nvrtcGetProgramLog", as: type(of: log))
    destroy = try library.symbol("nvrtcDestroyProgram", as: type(of: destroy))
    let number = try library.symbol(
      "nvrtcVersion",
      as: (@convention(c) (UnsafeMutablePointer<CInt>, UnsafeMutablePointer<CInt>) -> CInt).self)
    var (major, minor): (CInt, CInt) = (0, 0)
    guard number(&major, &minor) == 0, major >= 13 else {
      throw RuntimeError("\(library.path) is NVRTC \(major).\(minor); 13 or newer expected. \(Self.advice)")
    }
    version = "NVRTC \(major).\(minor)"
  }

  /// Options of one architecture: those of the contract, and a report of what the kernels use.
  static func options(for gpu: GPU) -> [String] {
    EmitCUDA.options + ["--gpu-architecture=\(gpu.architecture)", "--ptxas-options=-v"]
  }

  /// Machine code of a text, with the compiler's words about it.
  ///
  /// Throws with the compiler's own words where it refuses the text.
  public func compile(_ source: String, named name: String, for gpu: GPU) throws -> GPUCode {
    var program: Program?
    guard create(&program, source, "\(name).cu", 0, nil, nil) == 0 else {
      throw RuntimeError("\(version) makes no program of \(name)")
    }
    defer { _ = destroy(&program) }
    let options = Self.options(for: gpu).map { strdup($0) }
    defer { for option in options { free(option) } }
    let status = options.map { UnsafePointer($0) }.withUnsafeBufferPointer {
      compileProgram(program, CInt($0.count), $0.baseAddress!)
    }
    let words = try bytes(logSize, log, of: program, "messages").prefix { $0 != 0 }
    let text = String(decoding: words, as: UTF8.self)
    guard status == 0 else {
      throw RuntimeError("\(version) refuses \(name) for \(gpu.architecture):\n\(text.prefix(4000))")
    }
    return GPUCode(image: Data(try bytes(codeSize, code, of: program, "machine code")), log: text)
  }

  private func bytes(
    _ size: (Program?, UnsafeMutablePointer<Int>) -> CInt,
    _ copy: (Program?, UnsafeMutablePointer<CChar>) -> CInt,
    of program: Program?, _ what: String
  ) throws -> [UInt8] {
    var count = 0
    guard size(program, &count) == 0, count >= 0 else { throw RuntimeError("\(version) gives no \(what)") }
    var text = [CChar](repeating: 0, count: count + 1)
    guard copy(program, &text) == 0 else { throw RuntimeError("\(version) gives no \(what)") }
    return text.prefix(count).map { UInt8(bitPattern: $0) }
  }
}
