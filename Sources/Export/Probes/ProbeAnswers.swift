import DeviceModel
import JSON
import Runtime

/// What a chip, or the model of one, answered to probes.
public struct ProbeAnswers: Sendable {
  public let chip: String
  /// The words that each probe left, by its name.
  public let words: [String: [UInt32]]

  init(chip: String, words: [String: [UInt32]]) {
    self.chip = chip
    self.words = words
  }

  // MARK: The device model

  /// Runs every probe of what is supposed in the device model, which does what is supposed.
  ///
  /// Throws what the compiler says, and where the model has something to report of a kernel.
  public static func modelled(
    order: PipeOrder = .early, cache: KernelCache = .standard
  ) throws -> ProbeAnswers {
    let program = try cache.pipeProgram(of: supposedSource, kernels: Probe.supposed.map(\.kernel))
    return ProbeAnswers(
      chip: "ascend-model", words: try answers(to: Probe.supposed, of: program, order: order))
  }

  /// The kernels of probes of what is supposed, and of those that only measure.
  static let supposedSource = Probe.source(Probe.supposed, "What Tessera supposes of an Ascend chip, asked.")
  static let measuredSource = Probe.source(Probe.measured, "What nothing of Tessera leans on, measured.")

  /// The answers of a program that has the kernels of `probes`.
  static func answers(
    to probes: [Probe], of program: PipeProgram, order: PipeOrder
  ) throws -> [String: [UInt32]] {
    var buffers: [DeviceBuffer] = []
    var launches: [PipeLaunch] = []
    for probe in probes {
      launches.append(
        PipeLaunch(
          probe.kernel, blocks: 1, [.buffer(buffers.count), .buffer(buffers.count + 1)],
          vectorCoresOfCube: probe.vectorCoresOfCube))
      buffers.append(DeviceBuffer(probe.given))
      buffers.append(
        DeviceBuffer([UInt8](repeating: Probe.untouched, count: 4 * probe.count), isWritten: true))
    }
    let outcome = try program.run(launches, buffers: &buffers, order: order)
    guard outcome.reports.isEmpty else {
      throw PipeHazards(program: "the probes", order: order, reports: outcome.reports)
    }
    var words: [String: [UInt32]] = [:]
    for (number, probe) in probes.enumerated() {
      let bytes = buffers[2 * number + 1].bytes
      words[probe.name] = stride(from: 0, to: bytes.count, by: 4).map { at in
        (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
      }
    }
    return words
  }

  // MARK: Files

  /// The first line of a file says that it is one.
  static let format = "tessera ascend probes 1"

  /// As a host program writes it: a string for each probe, words of 8 hexadecimal digits.
  public var json: String {
    let lines = Probe.all.compactMap { probe in
      words[probe.name].map { "    \(probe.name.jsonLiteral): \(Self.text($0).jsonLiteral)" }
    }
    return """
      {
        "format": \(Self.format.jsonLiteral),
        "chip": \(chip.jsonLiteral),
        "answers": {
      \(lines.joined(separator: ",\n"))
        }
      }

      """
  }

  static func text(_ words: [UInt32]) -> String { words.map(digits).joined(separator: " ") }
  static func digits(_ word: UInt32) -> String {
    let digits = String(word, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// Reads a file that a package of probes wrote: every key once, no other, every answer whole.
  ///
  /// Throws `ProbeError`, which names the key, what was expected and what was found.
  public init(file: String, _ bytes: [UInt8]) throws {
    var format: String?
    var chip: String?
    var words: [String: [UInt32]]?
    do {
      var reader = JSONReader(bytes)
      try reader.object { reader, key in
        switch key {
        case "format":
          let found = try reader.string()
          guard found == Self.format else {
            throw ProbeError(file, key, "\"\(Self.format)\"", "\"\(found.shown(atMost: 80))\"")
          }
          format = found
        case "chip": chip = try reader.string()
        case "answers": words = try Self.answers(in: &reader, file)
        default: throw ProbeError(file, key.shown(atMost: 80), "format, chip or answers", "another key")
        }
      }
      try reader.end()
    } catch let error as JSONError {
      throw ProbeError(file, nil, "JSON that a package of probes writes", "\(error)")
    }
    for (key, isThere) in [("format", format != nil), ("chip", chip != nil), ("answers", words != nil)]
    where !isThere {
      throw ProbeError(file, key, "a value", "none")
    }
    self.chip = chip!
    self.words = words!
  }

  private static func answers(in reader: inout JSONReader, _ file: String) throws -> [String: [UInt32]] {
    var words: [String: [UInt32]] = [:]
    try reader.object { reader, key in
      guard let probe = Probe.all.first(where: { $0.name == key }) else {
        throw ProbeError(
          file, "answers.\(key.shown(atMost: 80))", "one of \(Probe.all.map(\.name).joined(separator: ", "))",
          "another key")
      }
      let parts = try reader.string().split(separator: " ", omittingEmptySubsequences: false)
      words[key] = try parts.map { part in
        let isHexadecimal =
          part.utf8.count == 8
          && part.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
              || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
          }
        guard isHexadecimal, let word = UInt32(part, radix: 16) else {
          throw ProbeError(
            file, "answers.\(key)", "words of 8 hexadecimal digits", "\"\(String(part).shown(atMost: 40))\"")
        }
        return word
      }
      guard words[key]!.count == probe.count else {
        throw ProbeError(file, "answers.\(key)", "\(probe.count) words", "\(words[key]!.count)")
      }
    }
    if let missing = Probe.all.first(where: { words[$0.name] == nil }) {
      throw ProbeError(file, "answers.\(missing.name)", "\(missing.count) words", "none")
    }
    return words
  }
}

/// A file of answers that is none: the key, what was expected there, and what was found.
public struct ProbeError: Error, CustomStringConvertible {
  public let description: String
  init(_ file: String, _ key: String?, _ expected: String, _ found: String) {
    description = "\(file): \(key.map { "\($0): " } ?? "")\(expected) expected, \(found) found"
  }
}
