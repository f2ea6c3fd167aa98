import Foundation

/// Lines of the text by addresses in the program.
struct LineTable {
  private var places: [UInt64: DeviceReport.Place] = [:]

  /// Asks `llvm-symbolizer`, which stands beside clang, once for all addresses. They are those behind calls.
  init(_ program: DeviceProgram, _ addresses: [UInt64], in folder: ScratchFolder) throws {
    guard !addresses.isEmpty else { return }
    let beside = URL(fileURLWithPath: program.clang).deletingLastPathComponent()
    let real = URL(fileURLWithPath: program.clang).resolvingSymlinksInPath().deletingLastPathComponent()
    guard
      let symbolizer = [beside, real].map({ $0.appendingPathComponent("llvm-symbolizer").path })
        .first(where: FileManager.default.isExecutableFile(atPath:))
    else {
      throw DeviceModelError(
        "the device model has \(addresses.count) lines to name and no llvm-symbolizer beside \(program.clang): "
          + "it comes with the Swift toolchain and with Debian's package llvm.")
    }
    let result = try Command.run(
      symbolizer,
      ["--obj=\(program.file.path)", "--output-style=JSON"] + addresses.map { "0x" + String($0 - 1, radix: 16) },
      output: folder.file("lines"))
    let answers = try JSONDecoder().decode([Answer].self, from: Data(result.text.utf8))
    let texts = Dictionary(uniqueKeysWithValues: program.texts.map { ($0.file, $0) })
    for (address, answer) in zip(addresses, answers) {
      let frames = answer.Symbol.compactMap { frame in
        texts[URL(fileURLWithPath: frame.FileName).lastPathComponent].map { (text: $0, line: frame.Line) }
      }.filter { $0.line > 0 }
      guard let last = frames.last else { continue }
      let note = Self.notes(in: last.text.source).last { $0.line <= last.line }?.note
      places[address] = DeviceReport.Place(lines: frames.map(\.line), note: note)
    }
  }

  subscript(_ address: Int64) -> DeviceReport.Place? { places[UInt64(bitPattern: address)] }

  private struct Answer: Decodable {
    struct Frame: Decodable {
      let FileName: String
      let Line: Int
    }
    let Symbol: [Frame]
  }

  /// Comments that begin with a file and a line.
  private static func notes(in source: String) -> [(line: Int, note: String)] {
    source.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { number, text in
      text.firstMatch(of: /\/\/ (\S+:[0-9]+)/).map { (number + 1, String($0.1)) }
    }
  }
}
