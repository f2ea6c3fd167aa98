import DeviceModel
import Foundation
import Runtime
import Testing

/// A text of CUDA kernels, compiled for the device model, with checks and without.
final class KernelText: Sendable {
  static let compiler = Result { DeviceCompiler(clang: try Clang.find().path) }
  static let orders: [DeviceOrder] = [.ascending, .descending, .shuffled(seed: 1), .shuffled(seed: 2)]

  let programs: [DeviceProgram]
  private let folder: URL

  init(_ source: String, _ kernels: [String], _ compiler: Result<DeviceCompiler, any Error> = compiler) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.folder = folder
    let compiler = try compiler.get()
    programs = try [true, false].map { isChecked in
      try compiler.compile(
        [DeviceText(source, kernels: kernels)], isChecked: isChecked, to: folder.appendingPathComponent("\(isChecked)"))
    }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Runs launches in every order, checked and unchecked, in one process and in several: none may have anything to report, and all leave
  /// the same in `result`, which comes back.
  func run(
    _ launches: [DeviceLaunch], _ buffers: [DeviceBuffer], result: Int, chip: DeviceChip = .sm90,
    at location: Testing.SourceLocation = #_sourceLocation
  ) throws -> [UInt8] {
    var found: [[UInt8]] = []
    for program in programs {
      for order in Self.orders {
        var memory = buffers
        let outcome = try program.run(launches, buffers: &memory, order: order, chip: chip)
        #expect(outcome.finished == launches.count, sourceLocation: location)
        for report in outcome.reports { Issue.record("\(order): \(report)", sourceLocation: location) }
        #expect(memory[result].isDefined == nil || !program.isChecked, sourceLocation: location)
        found.append(memory[result].bytes)
      }
    }
    var shared = buffers
    let outcome = try programs[1].run(launches, buffers: &shared, chip: chip, workers: 3)
    #expect(outcome.reports.isEmpty && outcome.finished == launches.count, sourceLocation: location)
    found.append(shared[result].bytes)
    #expect(Set(found).count == 1, "orders or checks show in the results", sourceLocation: location)
    return found[0]
  }
}

extension [UInt8] {
  init<Value>(of values: [Value]) { self = values.withUnsafeBytes { Array($0) } }

  func values<Value: BitwiseCopyable>(_ type: Value.Type) -> [Value] {
    withUnsafeBytes { bytes in
      (0..<count / MemoryLayout<Value>.stride).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.stride, as: Value.self)
      }
    }
  }
}

extension DeviceBuffer {
  static func input<Value>(_ values: [Value]) -> DeviceBuffer { DeviceBuffer([UInt8](of: values)) }
}
