import Foundation

/// The file that launches go to a program of pipes in, and come back in: words of 64 bits, as the engine's
/// `pipe_head` has them, then reports, then the buffers' contents.
struct PipeJob {
  private static let headWords = 12
  private static let reportWords = 10
  private static let reportLimit = 64

  private let launches: [PipeLaunch]
  private let reportPlace: Int
  private var places: [(bytes: Range<Int>, defined: Int?)] = []
  private(set) var bytes: Data

  init(
    _ program: PipeProgram, _ launches: [PipeLaunch], _ buffers: [DeviceBuffer], _ order: PipeOrder, _ capacity: Int,
    _ timeLimit: Int
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
      let own = take(buffer.byteCount)
      // Memory of kernels alone holds nothing before.
      let hasMarks = buffer.isDefined != nil || buffer.scratchByteCount != nil
      places.append((own, hasMarks ? take(buffer.byteCount).lowerBound : nil))
    }
    let (orderNumber, seed) = order.words
    var words = [
      Int64(buffers.count), Int64(launches.count), Int64(8 * launchWord / 8), orderNumber, seed, Int64(capacity),
      Int64(timeLimit), Int64(reportPlace), Int64(Self.reportLimit), 0, 0, 0,
    ]
    for (buffer, place) in zip(buffers, places) {
      words += [
        Int64(place.bytes.lowerBound), Int64(buffer.byteCount), buffer.isWritten ? 1 : 0, Int64(place.defined ?? -1),
      ]
    }
    words += description
    bytes = Data(count: end)
    words.withUnsafeBytes { bytes.replaceSubrange(0..<$0.count, with: $0) }
    for (buffer, place) in zip(buffers, places) {
      if buffer.scratchByteCount == nil { bytes.replaceSubrange(place.bytes, with: buffer.bytes) }
      if let defined = place.defined, let marks = buffer.isDefined {
        bytes.replaceSubrange(defined..<defined + marks.count, with: marks.map { $0 ? UInt8.max : 0 })
      }
    }
  }

  /// What a program left in the file.
  func outcome(of answer: Data, _ source: String, to buffers: inout [DeviceBuffer]) -> PipeOutcome {
    func word(_ place: Int) -> Int {
      Int(answer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: Int64.self) })
    }
    let count = word(8 * 10)
    let notes = SourceNotes(count > 0 ? source : "")
    let reports = (0..<count).compactMap { number -> PipeReport? in
      let words = (0..<Self.reportWords).map { word(reportPlace + 8 * (Self.reportWords * number + $0)) }
      return PipeReport(words, kernel: launches[words[1]].kernel, notes)
    }
    for number in buffers.indices where buffers[number].isWritten && buffers[number].scratchByteCount == nil {
      let place = places[number]
      buffers[number].bytes = [UInt8](answer[place.bytes])
      if let defined = place.defined {
        buffers[number].isDefined = answer[defined..<defined + place.bytes.count].map { $0 != 0 }
      }
    }
    return PipeOutcome(reports: reports, finished: word(8 * 9))
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
