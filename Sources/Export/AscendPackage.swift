import Foundation
import MachineIR
import Reference
import Runtime
import TileIR

/// A launch of an operator as a folder that a machine with an Ascend chip and CANN builds and runs: kernels,
/// a host program, inputs, and the bits that the reference interpreter returns for them.
public struct AscendPackage {
  public struct File: Sendable {
    /// Below the package's folder.
    public let path: String
    public let bytes: [UInt8]

    init(_ path: String, _ bytes: [UInt8]) {
      self.path = path
      self.bytes = bytes
    }
    init(_ path: String, _ text: String) { self.init(path, Array(text.utf8)) }
  }
  public let files: [File]

  /// Lowers, proves and prints the operator, and has the reference say what the launch returns.
  ///
  /// - Parameters:
  ///   - title: what the launch is called, on one line.
  ///   - command: what a person types to have the same package again.
  /// - Throws: what lowering, proofs, the check of arguments and the reference say.
  public init(
    _ program: Program, for machine: MachineDescription = .ascend910b, _ arguments: [String: Argument],
    extents: [TileIR.Dimension: Int], title: String, command: String, cache: KernelCache = .standard
  ) throws {
    let ascend = try AscendProgram(program, for: machine, cache: cache)
    guard let npu = machine.npu else { preconditionFailure("an Ascend program is of an Ascend chip") }
    let given = try HostArguments(program, arguments, extents: extents)
    let launch = try ascend.launch(given, extents: extents, cores: AscendCores(of: npu))
    let expected = try Reference.run(program, arguments, extents: extents)
    let host = HostProgram(launch, program, title: title, expected: expected)
    var data: [File] = []
    for (number, buffer) in launch.buffers.enumerated() {
      guard case .parameter(let position) = buffer.purpose else { continue }
      let parameter = program.parameters[position]
      if parameter.role != .output { data.append(File(host.file(of: number), buffer.contents.bytes)) }
      if let tensor = expected[parameter.name] {
        data.append(File(host.expectedFile(of: number), tensor.bytes))
      }
    }
    let texts = [
      File("CMakeLists.txt", Self.buildFile(kernels: ["kernels.cpp"])), File("device.h", Self.deviceHeader),
      File("main.cpp", host.print()),
      File("kernels.cpp", ascend.source),
    ]
    let described = Description(
      title: title, command: command, machine: machine, program, launch, host, expected)
    self.init([File("README.md", described.text)] + texts + data)
  }

  /// Adds what `sha256sum --check` reads.
  init(_ files: [File]) {
    self.files = files + [File("SHA256SUMS", files.map(Self.sum).joined())]
  }

  /// A file's line of SHA256SUMS.
  static func sum(_ file: File) -> String { "\(ContentHash.digest(file.bytes))  \(file.path)\n" }
}
