import Foundation
import Testing

/// A wrong element type does not compile: the type of a tile's elements is part of its Swift type.
@Suite struct ElementTypeTests {
  /// The body of a kernel that compiles with `good` in the marked place and not with `bad`.
  struct Case: Sendable, CustomTestStringConvertible {
    let line: String
    let good: String
    let bad: String
    var testDescription: String { line }
  }

  static let cases = [
    Case(line: "y[r] = @", good: "x[r]", bad: "x[r].cast(to: Float.self)"),
    Case(line: "y[r] = (x[r].cast(to: Float.self) + @).cast(to: BFloat16.self)",
      good: "gain[width]", bad: "count[width]"),
    Case(line: "_ = product(@, gain[width], contracting: width, .ordered(.sequential, .fused))",
      good: "x[r].cast(to: Float.self)", bad: "count[width]"),
    Case(line: "_ = count[width] & @", good: "count[width]", bad: "gain[width]"),
    Case(line: "_ = select(@, gain[width], gain[width])", good: "gain[width] .> 0", bad: "gain[width]"),
    Case(line: "k.assert(@, \"positive\")", good: "count[width] .> 0", bad: "count[width]"),
    Case(line: "_ = y[Position(@), width]", good: "count[width]", bad: "gain[width]"),
  ]

  @Test func theRightTypesCompile() throws {
    let message = try compile(Self.cases.map { ($0.line, $0.good) })
    #expect(message.isEmpty, "\(message)")
  }

  @Test(arguments: cases) func aWrongTypeDoesNot(_ wrong: Case) throws {
    let message = try compile([(wrong.line, wrong.bad)])
    #expect(message.contains("error: "), "\(wrong.line) compiles with \(wrong.bad)")
    #expect(!message.contains("no such module"), "\(message)")
  }

  /// What the Swift compiler says of a kernel with these lines.
  private func compile(_ lines: [(line: String, filling: String)]) throws -> String {
    let body = lines.map { $0.line.replacingOccurrences(of: "@", with: $0.filling) }
    let source = """
      import Tiles
      let width = Dimension("width", 8)
      let kernel = Kernel("typed") { k in
        let rows = k.dimension("rows", in: 0...8)
        let x = k.input("x", BFloat16.self, [rows, width])
        let gain = k.input("gain", Float.self, [width])
        let count = k.input("count", Int32.self, [width])
        let y = k.state("y", BFloat16.self, [rows, width])
        k.parallel(rows) { r in
          \(body.joined(separator: "\n    "))
        }
      }
      """
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("main.swift")
    try source.write(to: file, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "swiftc", "-typecheck", "-swift-version", "6", "-suppress-warnings", "-I", Self.modules, file.path,
    ]
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let message = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return String(decoding: message, as: UTF8.self)
  }

  /// The modules that this test was built beside.
  private static var modules: String {
    let binary = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    var folder = binary.deletingLastPathComponent()
    while folder.path != "/" {
      let candidate = folder.appendingPathComponent("Modules")
      if FileManager.default.fileExists(atPath: candidate.appendingPathComponent("Tiles.swiftmodule").path) {
        return candidate.path
      }
      folder.deleteLastPathComponent()
    }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../.build/debug/Modules").path
  }
}
