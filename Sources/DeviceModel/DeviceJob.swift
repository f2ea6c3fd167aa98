import Foundation

/// The file that launches go to a program in, and come back in: words of 64 bits, as the engine's `job_head`
/// has them, then reports, then the buffers' contents.
struct DeviceJob {
  static let headWords = 20
  static let reportWords = 12
  static let reportLimit = 64
  private static let statusStride = 64
  private static let mostBuffers = 4000

  private let program: DeviceProgram
  private let launches: [DeviceLaunch]
  private var words: [Int64]
  private let reportPlace: Int
  /// Where each buffer's bytes and marks stand; the last buffer holds the status words.
  private let places: [(bytes: Range<Int>, defined: Int?)]

  init(
    _ program: DeviceProgram, _ launches: [DeviceLaunch], _ buffers: [DeviceBuffer], _ order: DeviceOrder,
    _ chip: DeviceChip, _ timeLimit: Int, _ workers: Int
  ) throws {
    self.program = program
    self.launches = launches
    guard buffers.count <= Self.mostBuffers else {
      throw DeviceModelError("\(buffers.count) buffers; the device model has room for \(Self.mostBuffers)")
    }
    var description: [Int64] = []
    for launch in launches {
      description += try Self.describe(launch, at: description.count, program, buffers, chip)
    }
    for position in Self.statusPlaces(launches) {
      description[position.word] = Int64(position.launch * Self.statusStride)
    }
    let launchWord = Self.headWords + 4 * (buffers.count + 1)
    reportPlace = 8 * (launchWord + description.count)
    var end = reportPlace + 8 * Self.reportWords * Self.reportLimit
    func take(_ count: Int) -> Range<Int> {
      let start = (end + 63) / 64 * 64
      end = start + count
      return start..<end
    }
    let status = DeviceBuffer(Self.statusBytes(launches.count), isWritten: true)
    places = (buffers + [status]).map { buffer in
      if buffer.scratchByteCount != nil { return (0..<0, nil) }
      let bytes = take(buffer.bytes.count)
      let hasMarks = buffer.isDefined != nil || (buffer.isWritten && program.isChecked)
      return (bytes, hasMarks ? take(buffer.bytes.count).lowerBound : nil)
    }
    let (orderNumber, seed) = order.words
    words = [
      Int64(buffers.count + 1), Int64(launches.count), Int64(launchWord), program.isChecked ? 1 : 0,
      orderNumber, seed, Int64(timeLimit), Int64(workers), Int64(chip.blockLength), Int64(chip.fractionBits),
      Int64(chip.leastExponent), Int64(chip.sharedBytes), Int64(reportPlace), Int64(Self.reportLimit), 0, 0,
      0, 0, 0, 0,
    ]
    for (buffer, place) in zip(buffers + [status], places) {
      words += [
        buffer.scratchByteCount == nil ? Int64(place.bytes.lowerBound) : -1, Int64(buffer.byteCount),
        buffer.isWritten ? 1 : 0, Int64(place.defined ?? -1),
      ]
    }
    words += description
  }

  private static func statusBytes(_ launches: Int) -> [UInt8] {
    [UInt8](repeating: 0, count: launches * statusStride)
  }

  /// Where status pointers' offsets stand in the description of launches.
  private static func statusPlaces(_ launches: [DeviceLaunch]) -> [(word: Int, launch: Int)] {
    var found: [(word: Int, launch: Int)] = []
    var word = 0
    for (number, launch) in launches.enumerated() {
      word += 5
      for argument in launch.arguments {
        if case .status = argument { found.append((word + 2, number)) }
        word += 3
      }
    }
    return found
  }

  private static func describe(
    _ launch: DeviceLaunch, at word: Int, _ program: DeviceProgram, _ buffers: [DeviceBuffer], _ chip: DeviceChip
  ) throws -> [Int64] {
    guard let number = program.kernels.firstIndex(of: launch.kernel) else {
      throw DeviceModelError("no kernel \(launch.kernel) among \(program.kernels.joined(separator: ", "))")
    }
    guard (1...1024).contains(launch.block), (0...0x7FFF_FFFF).contains(launch.grid) else {
      throw DeviceModelError("\(launch.kernel): a grid of \(launch.grid) blocks of \(launch.block) threads")
    }
    guard (0...chip.sharedBytes).contains(launch.sharedBytes) else {
      throw DeviceModelError(
        "\(launch.kernel): \(launch.sharedBytes) bytes of shared memory, of which a block has \(chip.sharedBytes)")
    }
    var words = [
      Int64(number), Int64(launch.grid), Int64(launch.block), Int64(launch.sharedBytes),
      Int64(launch.arguments.count),
    ]
    for argument in launch.arguments {
      switch argument {
      case .buffer(let number, let offset):
        guard buffers.indices.contains(number), (0...buffers[number].byteCount).contains(offset) else {
          throw DeviceModelError("\(launch.kernel): no byte \(offset) of a buffer \(number)")
        }
        words += [0, Int64(number), Int64(offset)]
      case .status: words += [0, Int64(buffers.count), 0]
      case .integer(let value): words += [1, value, 0]
      case .float(let value): words += [2, Int64(value.bitPattern), 0]
      }
    }
    return words
  }

  /// Writes the file, with the contents of the buffers that the job was made with.
  func write(_ buffers: [DeviceBuffer], to file: URL) throws {
    do {
      try Data().write(to: file)
      let handle = try FileHandle(forWritingTo: file)
      defer { try? handle.close() }
      try handle.write(contentsOf: words.withUnsafeBytes { Data($0) })
      let status = DeviceBuffer(Self.statusBytes(launches.count), isWritten: true)
      for (buffer, place) in zip(buffers + [status], places) where buffer.scratchByteCount == nil {
        try handle.seek(toOffset: UInt64(place.bytes.lowerBound))
        try handle.write(contentsOf: buffer.bytes)
        guard let defined = place.defined else { continue }
        try handle.seek(toOffset: UInt64(defined))
        // A truth value is a byte of 0 or 1.
        let marks = buffer.isDefined ?? [Bool](repeating: true, count: buffer.bytes.count)
        try handle.write(contentsOf: marks.withUnsafeBytes { Data($0) })
      }
    } catch {
      throw DeviceModelError(
        "cannot write \(file.path): \(error.localizedDescription). "
          + "Free space there or set TMPDIR to a folder that can be written.")
    }
  }

  /// What a program left in the file.
  struct Answer {
    private let job: DeviceJob
    private let bytes: Data

    init(_ job: DeviceJob, _ file: URL) throws {
      self.job = job
      bytes = try Data(contentsOf: file, options: .alwaysMapped)
    }

    private func word(_ place: Int) -> Int64 {
      bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Int64.self) }
    }
    private func report(_ number: Int) -> [Int64] {
      (0..<DeviceJob.reportWords).map { word(job.reportPlace + 8 * (DeviceJob.reportWords * number + $0)) }
    }
    private var reportCount: Int { Int(word(8 * 15)) }

    var finished: Int { Int(word(8 * 14)) }
    var statuses: [Int32] {
      let start = job.places.last!.bytes.lowerBound
      return job.launches.indices.map { Int32(truncatingIfNeeded: word(start + statusStride * $0)) }
    }

    /// All places in the program that reports name, without repetition.
    var lines: [UInt64] {
      Set((0..<reportCount).flatMap { report($0)[9...10] }.filter { $0 != 0 }.map { UInt64($0) }).sorted()
    }

    /// Where a launch does not fit its kernel's parameters.
    var mismatch: DeviceModelError? {
      for number in 0..<reportCount where report(number)[0] == DeviceReport.mismatchKind {
        let launch = job.launches[Int(report(number)[1])]
        let position = Int(report(number)[11])
        return DeviceModelError(
          position < 0
            ? "\(launch.kernel) has another number of parameters than \(launch.arguments.count)"
            : "\(launch.kernel): argument \(position) is of another kind than its parameter")
      }
      return nil
    }

    func reports(_ places: LineTable) -> [DeviceReport] {
      (0..<reportCount).compactMap { number in
        let words = report(number)
        return DeviceReport(words, kernel: job.launches[Int(words[1])].kernel, places)
      }
    }

    func copyBack(to buffers: inout [DeviceBuffer]) {
      for number in buffers.indices
      where buffers[number].isWritten && buffers[number].scratchByteCount == nil {
        let place = job.places[number]
        // The place of nothing may lie behind the file's end.
        guard !place.bytes.isEmpty else { continue }
        buffers[number].bytes = [UInt8](bytes[place.bytes])
        guard let defined = place.defined, job.program.isChecked else { continue }
        let count = place.bytes.count
        buffers[number].isDefined = bytes[defined..<defined + count].withUnsafeBytes { marks in
          guard let base = marks.baseAddress, memchr(base, 0, count) != nil else { return nil }
          return [Bool](unsafeUninitializedCapacity: count) { truths, done in
            // A mark is 0 or 1, as a truth value is.
            memcpy(truths.baseAddress!, base, count)
            done = count
          }
        }
      }
    }
  }
}
