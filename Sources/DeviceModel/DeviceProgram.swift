import Foundation

/// Memory that kernels see: of any size, aligned to 256 bytes.
public struct DeviceBuffer: Sendable {
  public var bytes: [UInt8]
  /// Whether kernels may write it. What they wrote is here after a run.
  public var isWritten: Bool
  /// Which bytes hold something; nil: all do. Reading another is reported. After a checked run, for a buffer
  /// that is written: those from before and those that were written.
  public var isDefined: [Bool]?

  /// The size of memory that kernels alone use; nil for memory with contents.
  let scratchByteCount: Int?

  public init(_ bytes: [UInt8], isWritten: Bool = false, isDefined: [Bool]? = nil) {
    scratchByteCount = nil
    self.bytes = bytes
    self.isWritten = isWritten
    self.isDefined = isDefined
  }

  /// Undefined bytes for kernels to write and read, of which nothing comes back; `bytes` stays empty.
  public static func scratch(_ byteCount: Int) -> DeviceBuffer { DeviceBuffer(scratch: byteCount) }

  private init(scratch byteCount: Int) {
    scratchByteCount = byteCount
    bytes = []
    isWritten = true
    isDefined = nil
  }

  public var byteCount: Int { scratchByteCount ?? bytes.count }

  /// A buffer of undefined bytes for kernels to write: an output.
  public static func undefined(_ byteCount: Int) -> DeviceBuffer {
    DeviceBuffer(
      [UInt8](repeating: 0, count: byteCount), isWritten: true,
      isDefined: [Bool](repeating: false, count: byteCount))
  }
}

/// A kernel and what it is launched with: a one-dimensional grid of one-dimensional blocks.
public struct DeviceLaunch: Sendable {
  public enum Argument: Sendable {
    /// A pointer into the buffer of this number.
    case buffer(Int, offset: Int = 0)
    /// An integer parameter of any width.
    case integer(Int64)
    case float(Float)
    /// A pointer to the launch's own status word, an `int` that is 0 before.
    case status
  }

  public var kernel: String
  /// Blocks; none is a launch without effect.
  public var grid: Int
  /// Threads a block, 1 to 1024.
  public var block: Int
  /// Bytes of `tessera_shared`.
  public var sharedBytes: Int
  /// In the order of the kernel's parameters.
  public var arguments: [Argument]

  public init(_ kernel: String, grid: Int, block: Int, sharedBytes: Int = 0, _ arguments: [Argument]) {
    self.kernel = kernel
    self.grid = grid
    self.block = block
    self.sharedBytes = sharedBytes
    self.arguments = arguments
  }
}

/// In which order threads of a warp, warps of a block and blocks of a grid go on wherever a chip could choose.
public enum DeviceOrder: Sendable, Hashable, CustomStringConvertible {
  case ascending
  case descending
  case shuffled(seed: UInt32)

  /// As the engine numbers orders, and the seed.
  var words: (order: Int64, seed: Int64) {
    switch self {
    case .ascending: (0, 0)
    case .descending: (1, 0)
    case .shuffled(let seed): (2, Int64(seed))
    }
  }

  public var description: String {
    switch self {
    case .ascending: "ascending"
    case .descending: "descending"
    case .shuffled(let seed): "shuffled by \(seed)"
    }
  }
}

/// What differs between chips in what the model computes.
public struct DeviceChip: Sendable {
  /// Products of halves that a matrix unit adds at once: 4, 8 or 16.
  public var blockLength: Int
  /// Bits below the largest exponent of a block that a term keeps, 20 to 28.
  public var fractionBits: Int
  /// The least exponent that terms are aligned to.
  public var leastExponent: Int
  /// Shared memory that a block can have.
  public var sharedBytes: Int

  /// A100.
  public static let sm80 = DeviceChip(
    blockLength: 8, fractionBits: 24, leastExponent: -132, sharedBytes: 163 << 10)
  /// H100, H200.
  public static let sm90 = DeviceChip(
    blockLength: 16, fractionBits: 25, leastExponent: -133, sharedBytes: 227 << 10)
}

/// What launches came to.
public struct DeviceOutcome: Sendable {
  /// What is wrong with the text, the gravest last: a run ends at a fault after which nothing could be believed.
  public let reports: [DeviceReport]
  /// How many launches were carried out to their end.
  public let finished: Int
  /// The status word of each launch.
  public let statuses: [Int32]
}

/// The text of kernels, compiled as one.
public struct DeviceText: Sendable {
  public let source: String
  /// The names of the kernels that launches will name, `extern "C"` in the text; one at least, and no other text of
  /// the program has a kernel of that name.
  public let kernels: [String]

  public init(_ source: String, kernels: [String]) {
    precondition(!kernels.isEmpty, "a text without kernels")
    self.source = source
    self.kernels = kernels
  }

  /// The file that the compiler sees the text in, so that lines are those of the text.
  var file: String { "\(kernels[0]).cu" }
}

/// Kernels compiled for the device model.
public struct DeviceProgram: Sendable {
  /// The executable.
  public let file: URL
  public let texts: [DeviceText]
  /// The names that launches may use.
  public let kernels: [String]
  /// Whether accesses to memory are watched.
  public let isChecked: Bool
  /// The path of clang; what names lines stands beside it.
  public let clang: String
  public let host: DeviceHost

  /// A program that `DeviceCompiler.compile` made before from the same arguments.
  public init(file: URL, texts: [DeviceText], isChecked: Bool, clang: String, host: DeviceHost = .this) {
    self.file = file
    self.texts = texts
    kernels = texts.flatMap(\.kernels)
    self.isChecked = isChecked
    self.clang = clang
    self.host = host
  }

  /// Runs launches one after the other, in a process of its own, and brings back what they wrote.
  ///
  /// - Parameters:
  ///   - buffers: what arguments number from 0; at most 4000.
  ///   - timeLimit: seconds after which a run is reported as endless; 0 is none.
  ///   - workers: how many processes share the blocks of a grid, where nothing is checked.
  /// - Throws: `DeviceModelError` for launches that no text could make sense of (a kernel of no such name, an
  ///   argument of another kind than the parameter, a buffer that is not there, too much shared memory) and
  ///   where the process could not do its work. Faults of the text are reports, not errors.
  public func run(
    _ launches: [DeviceLaunch], buffers: inout [DeviceBuffer], order: DeviceOrder = .ascending,
    chip: DeviceChip = .sm90, timeLimit: Int = 300, workers: Int = 1
  ) throws -> DeviceOutcome {
    let job = try DeviceJob(self, launches, buffers, order, chip, timeLimit, workers)
    let folder = try ScratchFolder()
    let file = folder.file("job")
    try job.write(buffers, to: file)
    let result = try Command.run(
      host.emulator ?? self.file.path, host.emulator == nil ? [] : [self.file.path], input: file.path,
      output: folder.file("messages"))
    guard result.status == 0 else { throw Self.failure(result.status, result.text) }
    let answer = try DeviceJob.Answer(job, file)
    if let mismatch = answer.mismatch { throw mismatch }
    let places = try LineTable(self, answer.lines, in: folder)
    answer.copyBack(to: &buffers)
    return DeviceOutcome(
      reports: answer.reports(places), finished: answer.finished, statuses: answer.statuses)
  }

  static func failure(_ status: Int32, _ text: String) -> DeviceModelError {
    switch status {
    case 3:
      return DeviceModelError("the device model found too little memory for buffers and what it notes of them")
    case 5:
      return DeviceModelError("the device model follows at most 65536 asynchronous copies of a block at once")
    default:
      let end = status < 0 ? "signal \(-status)" : "status \(status)"
      return DeviceModelError("the device model itself ended with \(end): \(text.prefix(500))")
    }
  }
}
