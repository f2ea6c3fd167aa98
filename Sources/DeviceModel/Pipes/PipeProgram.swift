import Foundation

/// Compiles the text of Ascend C kernels for vector cores, unchanged, to programs that run them on this processor.
///
/// What a text may use of Ascend C is listed in `Documentation/ascend.md`; the header that it includes is the
/// model's own.
public struct PipeCompiler: Sendable {
  /// The path of clang.
  public let clang: String
  public let host: DeviceHost

  public init(clang: String, host: DeviceHost = .this) {
    self.clang = clang
    self.host = host
  }

  /// All that decides the program besides the compiler and the engine: for the name of a cached one.
  public static func recipe(_ source: String, kernels: [String], host: DeviceHost = .this) -> [String] {
    [ModelText.pipeHeader, ModelText.pipeUnit(kernels: kernels), source] + textOptions + host.options
  }

  /// The same of the engine's object.
  public static func engineRecipe(host: DeviceHost = .this) -> [String] {
    [ModelText.pipeEngineUnit] + engineOptions + host.options
  }

  /// Compiles the engine, which all programs have in common, to an object at `output`. It takes a second or two.
  public func compileEngine(to output: URL) throws {
    let folder = try ScratchFolder()
    let unit = try folder.write(ModelText.pipeEngineUnit, as: "engine.cpp")
    try run(Self.engineOptions + host.options + ["-c", unit.path, "-o", output.path], in: folder)
  }

  /// Compiles `source` to an executable at `output`, with the engine's object. `kernels` are the names that launches
  /// will use, `extern "C"`.
  ///
  /// Throws `DeviceModelError` with clang's own words where it refuses the text.
  public func compile(_ source: String, kernels: [String], engine: URL, to output: URL) throws -> PipeProgram {
    let folder = try ScratchFolder()
    try folder.write(ModelText.pipeHeader, as: "kernel_operator.h")
    try folder.write(source, as: ModelText.pipeKernelFile)
    let unit = try folder.write(ModelText.pipeUnit(kernels: kernels), as: "unit.cpp")
    try run(
      Self.textOptions + host.options
        + ["-I", folder.url.path, "-nostdlib", "-static", "-fuse-ld=lld", "-o", output.path, unit.path, engine.path],
      in: folder)
    return PipeProgram(file: output, source: source, kernels: kernels, host: host)
  }

  private func run(_ arguments: [String], in folder: ScratchFolder) throws {
    let result = try Command.run(clang, arguments, output: folder.file("messages"))
    guard result.status == 0 else {
      throw DeviceModelError("\(clang) refused a text for the device model:\n\(result.text.prefix(4000))")
    }
  }

  /// Numbers as the contract wants them; nothing that would need a library.
  private static let options = [
    "-std=c++17", "-ffreestanding", "-nostdinc", "-fno-pic", "-fno-stack-protector", "-fno-exceptions",
    "-fno-rtti", "-fno-threadsafe-statics", "-ffp-contract=off", "-fno-math-errno", "-fwrapv", "-fno-strict-aliasing",
    "-w",
  ]
  /// Kernels themselves are not optimised (`__global__`): what they call is.
  private static let textOptions = options + ["-O1"]
  private static let engineOptions = options + ["-O2"]
}

/// When pipes go on, wherever a chip could choose.
public enum PipeOrder: Sendable, Hashable, CustomStringConvertible {
  /// Each instruction as soon as it can.
  case early
  /// Each as late as it can: when something waits for it.
  case late
  case shuffled(seed: UInt32)

  var words: (order: Int64, seed: Int64) {
    switch self {
    case .early: (0, 0)
    case .late: (1, 0)
    case .shuffled(let seed): (2, Int64(seed))
    }
  }

  public var description: String {
    switch self {
    case .early: "early"
    case .late: "late"
    case .shuffled(let seed): "shuffled by \(seed)"
    }
  }
}

/// A kernel and what it is launched with, on blocks of one vector core each, or of a cube core with one or two.
public struct PipeLaunch: Sendable {
  public enum Argument: Sendable {
    /// A pointer to the buffer of this number.
    case buffer(Int)
    case integer(Int64)
    case float(Float)
  }
  public var kernel: String
  public var blocks: Int
  /// In the order of the kernel's parameters.
  public var arguments: [Argument]

  /// Vector cores at the side of each block's cube core: 1 or 2; 0 for vector cores alone.
  public var vectorCoresOfCube: Int

  public init(_ kernel: String, blocks: Int, _ arguments: [Argument], vectorCoresOfCube: Int = 0) {
    self.kernel = kernel
    self.blocks = blocks
    self.arguments = arguments
    self.vectorCoresOfCube = vectorCoresOfCube
  }
}

/// What launches came to.
public struct PipeOutcome: Sendable {
  /// What is wrong with the text.
  public let reports: [PipeReport]
  /// How many launches were carried out to their end.
  public let finished: Int
}

/// Kernels compiled for the model of pipes.
public struct PipeProgram: Sendable {
  /// The executable.
  public let file: URL
  public let source: String
  public let kernels: [String]
  public let host: DeviceHost

  /// A program that `PipeCompiler.compile` made before from the same arguments.
  public init(file: URL, source: String, kernels: [String], host: DeviceHost = .this) {
    self.file = file
    self.source = source
    self.kernels = kernels
    self.host = host
  }

  /// Runs launches one after the other, in a process of its own, and brings back what they wrote to `buffers`.
  ///
  /// - Parameters:
  ///   - capacity: bytes of the unified buffer.
  ///   - timeLimit: seconds after which a run is reported as endless; 0 is none.
  public func run(
    _ launches: [PipeLaunch], buffers: inout [DeviceBuffer], order: PipeOrder = .early, capacity: Int = 192 << 10,
    timeLimit: Int = 300
  ) throws -> PipeOutcome {
    let folder = try ScratchFolder()
    let file = folder.file("job")
    let job = try PipeJob(self, launches, buffers, order, capacity, timeLimit, at: file)
    let result = try Command.run(
      host.emulator ?? self.file.path, host.emulator == nil ? [] : [self.file.path], input: file.path,
      output: folder.file("messages"))
    guard result.status == 0 else {
      throw DeviceModelError(
        result.status == 5
          ? "a kernel has another number of parameters than its launch"
          : "the device model itself ended with \(result.status): \(result.text.prefix(500))")
    }
    return try job.outcome(source, to: &buffers)
  }
}
