import ElementaryOracle
import Foundation
import Reference
import Testing
import TileIR

/// The table of measured errors in Documentation/elementary-functions.md: one line a function with the
/// input of the worst error, found over all inputs, which a change of a body must not leave behind.
@Suite struct ElementaryTableTests {
  struct Line {
    let name: String
    let operations: Int?
    let ulps: Double?
    let x, y: UInt32
  }

  static let lines: [Line] = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Documentation/elementary-functions.md")
    let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { line in
      // | `exp` | 33 | 0.912884 | -5.162509 `0xC0A53346` | 0.0057273116 `0x3BBBAC2C` | yes |
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 6, let x = bits(cells[3]), let y = bits(cells[4]) else { return nil }
      return Line(
        name: cells[0].trimmingCharacters(in: ["`"]), operations: Int(cells[1]), ulps: Double(cells[2]),
        x: x, y: y)
    }
  }()

  private static func bits(_ cell: String) -> UInt32? {
    cell.split(separator: "`").last.flatMap { $0.hasPrefix("0x") ? UInt32($0.dropFirst(2), radix: 16) : nil }
  }

  @Test func everyFunctionHasALine() {
    #expect(Self.lines.map(\.name) == ScalarFunction.elementary.map(\.name))
  }

  @Test(arguments: ElementaryPromise.all.map(\.function.name))
  func theLineIsWhatTheBodyGives(_ name: String) throws {
    let line = try #require(Self.lines.first { $0.name == name })
    let promise = try #require(ElementaryPromise.named(name))
    #expect(line.operations == promise.function.operationCount)
    #expect(ScalarInterpreter(promise.function)([line.x]) == line.y)
    let (x, y) = (Float(bitPattern: line.x), Float(bitPattern: line.y))
    let ulps = try #require(line.ulps)
    #expect(ulps < 1)
    #expect((UlpError.of(y, against: promise.approximate(Double(x))) - ulps).magnitude < 2e-6)
    if let library = try? MPFR() {
      let exact = try ExactFunction(promise, library)
      #expect((exact.error(of: y, at: x) - ulps).magnitude < 1e-6)
      // Below 1 ulp the result is one of the two floats around the exact value.
      let nearest = exact.nearest(x)
      #expect(y == nearest || y == nearest.nextUp || y == nearest.nextDown)
    }
  }
}
