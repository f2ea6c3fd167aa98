import DeviceModel
import Foundation
import Runtime
import Testing

/// A right text of kernels, and what it is launched on.
struct PlantedFault {
  /// The right text. Comments such as `// @a` name lines.
  let source: String
  let launch: DeviceLaunch
  let buffers: [DeviceBuffer]

  init(_ source: String, _ launch: DeviceLaunch, _ buffers: [DeviceBuffer]) {
    self.source = source
    self.launch = launch
    self.buffers = buffers
  }

  static let compiler = Result { DeviceCompiler(clang: try Clang.find().path) }
  static let orders: [DeviceOrder] = [.ascending, .descending, .shuffled(seed: 1), .shuffled(seed: 2)]

  /// What `body` makes of a program of the text.
  static func compiled<Result>(
    _ source: String, _ kernel: String, isChecked: Bool = true, _ body: (DeviceProgram) throws -> Result
  ) throws -> Result {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(compiler.get().compile([DeviceText(source, kernels: [kernel])], isChecked: isChecked, to: file))
  }

  /// The reports on a text in one order.
  static func reports(
    on source: String, _ launch: DeviceLaunch, _ buffers: [DeviceBuffer], order: DeviceOrder = .ascending,
    isChecked: Bool = true, timeLimit: Int = 60
  ) throws -> [DeviceReport] {
    try compiled(source, launch.kernel, isChecked: isChecked) { program in
      var memory = buffers
      return try program.run([launch], buffers: &memory, order: order, timeLimit: timeLimit).reports
    }
  }

  /// Expects nothing of the right text and, in every order, a report of one of `kinds` on the broken one: about
  /// lines named `lines`, or just these two where two clash, in either order.
  func expect(
    _ kinds: Set<DeviceReport.Kind>, replacing right: String, by wrong: String, lines names: [String],
    isPair: Bool = false, where holds: (DeviceReport) -> Bool = { _ in true },
    at location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let broken = source.replacingOccurrences(of: right, with: wrong)
    try #require(broken != source, sourceLocation: location)
    let texts = broken.split(separator: "\n", omittingEmptySubsequences: false)
    let lines = try names.map { name in
      1 + (try #require(texts.firstIndex { $0.hasSuffix("@" + name) }, "@\(name)", sourceLocation: location))
    }
    for (text, isRight) in [(source, true), (broken, false)] {
      try Self.compiled(text, launch.kernel) { program in
        for order in Self.orders {
          var memory = buffers
          let found = try program.run([launch], buffers: &memory, order: order, timeLimit: 60).reports
          let isFound = found.contains { report in
            let places = Set([report.party.place?.line, report.other?.place?.line].compactMap { $0 })
            return kinds.contains(report.kind) && holds(report)
              && (isPair ? places == Set(lines) : !places.isEmpty && places.isSubset(of: lines))
          }
          #expect(isFound != isRight && found.isEmpty == isRight, "\(order): \(found)", sourceLocation: location)
        }
      }
    }
  }

  /// One kind, and one line or two that clash.
  func expect(
    _ kind: DeviceReport.Kind, replacing right: String, by wrong: String, line: String, other: String? = nil,
    where holds: (DeviceReport) -> Bool = { _ in true }, at location: Testing.SourceLocation = #_sourceLocation
  ) throws {
    try expect(
      [kind], replacing: right, by: wrong, lines: [line] + (other.map { [$0] } ?? []), isPair: other != nil,
      where: holds, at: location)
  }
}

extension DeviceBuffer {
  static func floats(_ count: Int) -> DeviceBuffer {
    DeviceBuffer((0..<count).map { Float($0) }.withUnsafeBytes { Array($0) })
  }
}
