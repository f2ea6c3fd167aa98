import Foundation
import MachineIR
import TileIR

/// The file that launches go to an emulated program in, and come back in: words of 64 bits, little-endian,
/// as `EmulatedMain` reads them, with the buffers' contents behind.
struct EmulatedJob {
  private var launches: [[Int64]] = []
  /// For each launch, which buffers come back: parameters or workspaces and where their bytes stand.
  private var results: [[(source: BufferSource, place: Range<Int>)]] = []
  private var contents: [UInt8] = []

  /// What a launch does with a buffer: only one that it changes or reads has contents before.
  private enum Use: Int64 {
    case read, change, write
  }

  /// Where contents begin in the file, known only when all launches are there: the offsets in `launches`
  /// count from it until then.
  private var headerBytes: Int {
    8 * (3 + 2 * launches.count + launches.reduce(0) { $0 + $1.count })
  }

  /// Adds a launch whose arguments are checked; `numberOf` are the numbers of the plan's kernels in the
  /// program.
  mutating func add(
    _ host: HostPlan, kernels numberOf: [Int], _ arguments: [LaunchArgument], _ numbers: LaunchNumbers
  ) throws {
    var words: [Int64] = []
    var back: [(source: BufferSource, place: Range<Int>)] = []
    var positions: [BufferSource: Int64] = [:]
    let side = Int64(launches.count % 2)

    func describe(_ source: BufferSource, at place: Int?, _ byteCount: Int, _ use: Use) {
      positions[source] = Int64(positions.count)
      // Neighbouring buffers lie at opposite ends of their pages.
      let begins = (side + positions[source]!) % 2
      words += [Int64(place ?? -1), Int64(byteCount), use.rawValue, begins]
    }
    for (position, argument) in arguments.enumerated() {
      guard case .buffer(let view) = argument else { continue }
      let use: Use =
        switch host.plan.program.parameters[position].role {
        case .output: .write
        case .state: .change
        case .input, .weight, .scalar: .read
        }
      let span = numbers.memory[position]
      let place = append(use == .write ? nil : view.pointer, span.count)
      describe(.parameter(position), at: place.lowerBound, span.count, use)
      if use != .read { back.append((.parameter(position), place)) }
    }
    for (position, size) in host.workspaceSizes.enumerated() {
      let byteCount = (size.value(numbers) + 63) / 64 * 64
      guard host.plan.workspaces[position].prints != nil else {
        describe(.workspace(position), at: nil, byteCount, .write)
        continue
      }
      let place = append(nil, byteCount)
      describe(.workspace(position), at: place.lowerBound, byteCount, .change)
      back.append((.workspace(position), place))
    }
    let kernels = try (host.preparations + host.kernels(numbers)).filter { $0.cells.value(numbers) > 0 }
    for kernel in kernels {
      words += run(kernel, numberOf[kernel.number], arguments, numbers, positions, isReversed: side == 1)
    }
    launches.append([Int64(positions.count), Int64(kernels.count)] + words)
    results.append(back)
  }

  private func run(
    _ kernel: HostKernel, _ number: Int, _ arguments: [LaunchArgument], _ numbers: LaunchNumbers,
    _ positions: [BufferSource: Int64], isReversed: Bool
  ) -> [Int64] {
    var integers: [Int64] = []
    let scratchBytes = kernel.appendIntegers(numbers, to: &integers)
    var floats: [UInt32] = kernel.floats.map {
      if case .float(let value) = arguments[$0] { value.bitPattern } else { 0 }
    }
    var words = [
      Int64(number), Int64(kernel.cells.value(numbers)), isReversed ? 1 : 0, Int64(scratchBytes),
      Int64(kernel.buffers.count), Int64(integers.count), Int64(floats.count),
    ]
    words += kernel.buffers.map { positions[$0]! } + integers
    if floats.count % 2 == 1 { floats.append(0) }
    for pair in stride(from: 0, to: floats.count, by: 2) {
      words.append(Int64(bitPattern: UInt64(floats[pair]) | UInt64(floats[pair + 1]) << 32))
    }
    return words
  }

  /// Appends bytes, or zeros, on a boundary of 64.
  private mutating func append(_ source: UnsafeRawPointer?, _ byteCount: Int) -> Range<Int> {
    contents += [UInt8](repeating: 0, count: (64 - contents.count % 64) % 64)
    let start = contents.count
    if let source {
      contents += UnsafeRawBufferPointer(start: source, count: byteCount)
    } else {
      contents += [UInt8](repeating: 0, count: byteCount)
    }
    return start..<contents.count
  }

  /// Writes the file.
  func write(to file: URL) throws {
    let contentStart = (headerBytes + 63) / 64 * 64
    var words: [Int64] = [Int64(launches.count), 0, 0]
    var description = 3 + 2 * launches.count
    for launch in launches {
      words += [0, Int64(8 * description)]
      description += launch.count
    }
    for launch in launches {
      var moved = launch
      for buffer in 0..<Int(launch[0]) where moved[2 + 4 * buffer] >= 0 {
        moved[2 + 4 * buffer] += Int64(contentStart)
      }
      words += moved
    }
    var bytes = words.withUnsafeBytes { Data($0) }
    bytes.append(Data(count: contentStart - bytes.count))
    bytes.append(contentsOf: contents)
    try bytes.write(to: file)
  }

  /// What a program left in the file.
  struct Answer {
    private let bytes: Data
    fileprivate init(_ bytes: Data) { self.bytes = bytes }

    fileprivate func word(_ number: Int) -> Int64 {
      bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8 * number, as: Int64.self) }
    }
    /// How many launches were begun.
    var begun: Int { Int(word(2)) }
    func status(of launch: Int) -> Int32 { Int32(word(3 + 2 * launch)) }
    fileprivate func contents(_ place: Range<Int>) -> Data { bytes[place] }
  }

  static func answer(in file: URL) throws -> Answer { Answer(try Data(contentsOf: file)) }

  /// Tells a program that is started again where to go on.
  static func goOn(at launch: Int, in file: URL) throws {
    let handle = try FileHandle(forUpdating: file)
    defer { try? handle.close() }
    try handle.seek(toOffset: 8)
    try handle.write(contentsOf: withUnsafeBytes(of: Int64(launch)) { Data($0) })
  }

  /// Copies what a launch wrote back into its buffers; calls `workspace` with the workspaces that are
  /// to be printed.
  func copyBack(
    _ answer: Answer, launch: Int, to arguments: [LaunchArgument],
    workspace: (Int, UnsafeRawPointer) -> Void
  ) {
    let start = (headerBytes + 63) / 64 * 64
    for (source, place) in results[launch] where !place.isEmpty {
      answer.contents(start + place.lowerBound..<start + place.upperBound).withUnsafeBytes { bytes in
        switch source {
        case .workspace(let position): workspace(position, bytes.baseAddress!)
        case .parameter(let position):
          guard case .buffer(let view) = arguments[position], let pointer = view.pointer else { return }
          // Between the rows may lie what is another's.
          view.visitRows { byte, count in
            (pointer + byte).copyMemory(from: bytes.baseAddress! + byte, byteCount: count)
          }
        }
      }
    }
  }
}
