import Foundation

/// The file that launches go to a program of pipes in, and come back in: words of 64 bits, as the engine's
/// `pipe_head` has them, then reports, then the buffers' contents.
final class PipeJob {
  private static let headWords = 12
  private static let reportWords = 10
  private static let reportLimit = 64

  /// Where a buffer has no bytes in the file; and no marks, since nothing of it is there before.
  private static let isScratch = -2

  private let launches: [PipeLaunch]
  private let reportPlace: Int
  private var places: [(bytes: Range<Int>, defined: Int)] = []
  private let file: Int32

  /// Writes the file at `place`.
  init(
    _ program: PipeProgram, _ launches: [PipeLaunch], _ buffers: [DeviceBuffer], _ order: PipeOrder, _ capacity: Int,
    _ timeLimit: Int, at place: URL
  ) throws {
    self.launches = launches
    guard buffers.count <= 256 else {
      throw DeviceModelError("\(buffers.count) buffers; the model of pipes has room for 256")
    }
    var description: [Int64] = []
    for launch in launches {
      guard let number = program.kernels.firstIndex(of: launch.kernel) else {
        throw DeviceModelError("no kernel \(launch.kernel) among \(program.kernels.joined(separator: ", "))")
      }
      description += [Int64(number), Int64(launch.blocks), Int64(launch.arguments.count), Int64(launch.vectorCoresOfCube)]
      for argument in launch.arguments {
        switch argument {
        case .buffer(let number):
          guard buffers.indices.contains(number) else {
            throw DeviceModelError("\(launch.kernel): no buffer \(number)")
          }
          description += [0, Int64(number), 0]
        case .integer(let value): description += [1, value, 0]
        case .float(let value): description += [2, Int64(value.bitPattern), 0]
        }
      }
    }
    let launchWord = Self.headWords + 4 * buffers.count
    reportPlace = 8 * (launchWord + description.count)
    var end = reportPlace + 8 * Self.reportWords * Self.reportLimit
    func take(_ count: Int) -> Range<Int> {
      let start = (end + 63) / 64 * 64
      end = start + count
      return start..<end
    }
    for buffer in buffers {
      guard buffer.scratchByteCount == nil else {
        places.append((-1 ..< -1, Self.isScratch))
        continue
      }
      let own = take(buffer.byteCount)
      places.append((own, buffer.isDefined == nil ? -1 : take(buffer.byteCount).lowerBound))
    }
    let (orderNumber, seed) = order.words
    var words = [
      Int64(buffers.count), Int64(launches.count), Int64(8 * launchWord / 8), orderNumber, seed, Int64(capacity),
      Int64(timeLimit), Int64(reportPlace), Int64(Self.reportLimit), 0, 0, 0,
    ]
    for (buffer, place) in zip(buffers, places) {
      words += [
        Int64(place.bytes.lowerBound), Int64(buffer.byteCount), buffer.isWritten ? 1 : 0, Int64(place.defined),
      ]
    }
    words += description
    file = open(place.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    do {
      guard file >= 0, ftruncate(file, end) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
      try words.withUnsafeBytes { try write($0, at: 0) }
      for (buffer, place) in zip(buffers, places) where !place.bytes.isEmpty {
        try buffer.bytes.withUnsafeBytes { try write($0, at: place.bytes.lowerBound) }
        guard let isDefined = buffer.isDefined else { continue }
        try isDefined.map { $0 ? UInt8.max : 0 }.withUnsafeBytes { try write($0, at: place.defined) }
      }
    } catch {
      throw DeviceModelError(
        "cannot write \(place.path): \(error.localizedDescription). "
          + "Free space there or set TMPDIR to a folder that can be written.")
    }
  }

  deinit { if file >= 0 { close(file) } }

  private func write(_ bytes: UnsafeRawBufferPointer, at place: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(file, bytes.baseAddress! + done, bytes.count - done, place + done)
      guard count > 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
      done += count
    }
  }

  private func read(_ place: Range<Int>) throws -> [UInt8] {
    let bytes = [UInt8](unsafeUninitializedCapacity: place.count) { memory, done in
      while done < place.count {
        let count = pread(file, memory.baseAddress! + done, place.count - done, place.lowerBound + done)
        guard count > 0 else { break }
        done += count
      }
    }
    guard bytes.count == place.count else { throw DeviceModelError("the answer of a run of the device model is cut off") }
    return bytes
  }

  /// What a program left in the file.
  func outcome(_ source: String, to buffers: inout [DeviceBuffer]) throws -> PipeOutcome {
    func numbers(at place: Int, _ count: Int) throws -> [Int] {
      try read(place..<place + 8 * count).withUnsafeBytes { $0.bindMemory(to: Int64.self).map { Int($0) } }
    }
    let answer = try numbers(at: 8 * 9, 2)
    let count = answer[1]
    let notes = SourceNotes(count > 0 ? source : "")
    let reports = try (0..<count).compactMap { number -> PipeReport? in
      let words = try numbers(at: reportPlace + 8 * Self.reportWords * number, Self.reportWords)
      return PipeReport(words, kernel: launches[words[1]].kernel, notes)
    }
    for number in buffers.indices where buffers[number].isWritten && buffers[number].scratchByteCount == nil {
      let place = places[number]
      buffers[number].bytes = try read(place.bytes)
      if place.defined >= 0 {
        let marks = try read(place.defined..<place.defined + place.bytes.count)
        buffers[number].isDefined = marks.map { $0 != 0 }
      }
    }
    return PipeOutcome(reports: reports, finished: answer[0])
  }
}

/// The source lines that a text's comments name.
struct SourceNotes {
  /// For each line of the text, counted from 1, what the nearest comment above it names.
  private var notes: [String?] = [nil]

  init(_ text: String) {
    var note: String?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let words = line.drop { $0 == " " }
      if words.hasPrefix("extern") { note = nil }
      if words.hasPrefix("// "), let first = words.dropFirst(3).split(separator: " ").first, first.contains(".swift:") {
        note = String(first)
      }
      notes.append(note)
    }
  }

  func note(at line: Int) -> String? { notes.indices.contains(line) ? notes[line] : nil }
}
