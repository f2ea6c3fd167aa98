import CUDADriver
import Foundation
import MachineIR
import Operators
import Runtime
import Schedules
import Testing

@testable import gpu_check

/// The folder that a GPU is checked with: what is packed is what is run, and what is wrong is named.
@Suite(
  "A folder that checks a GPU", .enabled(if: CompiledLibrary.isPossible && Compiler.isHere, "no clang or NVRTC"),
  .serialized)
struct GPUCheckTests {
  private static func packed() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    try Pack.parse([folder.path, "--operators", "softmax"]).run()
    return folder
  }

  @Test("holds what it needs, and names what differs or is missing")
  func packAndRun() throws {
    let folder = try Self.packed()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect { try Pack.parse([folder.path]).run() } throws: { "\($0)".contains("exists already") }

    let standIn = try StandInDriver(memory: 1 << 30)
    try StandInKernels.join(standIn)
    // One small instance: the stand-in knows kernels by their names.
    for instance in try #require(OperatorLibrary.named("softmax")).instances where instance.isSmall {
      try StandInKernels.add(Lowering.plan(instance.kernel().program(), for: .sm90a))
    }
    let gpu = try CUDADevice(0, of: standIn.driver())
    var lines: [String] = []
    let report = try PackedChecks(folder).run(on: gpu, isTimed: false) { lines.append($0) }
    #expect(report.isEqual && !report.checks.isEmpty && lines == ["checking softmax"])
    #expect(report.table().hasSuffix("\(report.checks.count) of \(report.checks.count) launches return the reference's bits"))

    // One hash that no output has, and machine code that is gone.
    let file = folder.appendingPathComponent(CheckIndex.name)
    var index = try PackedChecks(folder).index
    let first = index.checks[0]
    index.checks[0] = .init(
      operator: first.operator, instance: first.instance, extents: first.extents, kind: first.kind,
      hashes: first.hashes.mapValues { String($0.reversed()) })
    try JSONEncoder().encode(index).write(to: file)
    let other = try PackedChecks(folder).run(on: gpu, isTimed: false) { _ in }
    #expect(!other.isEqual && other.checks[0].differing == ["y"])
    #expect(other.table().contains("other bits in y"))
    try FileManager.default.removeItem(at: folder.appendingPathComponent("kernels"))
    let bare = try PackedChecks(folder).run(on: gpu, isTimed: false) { _ in }
    #expect(bare.checks.allSatisfy { $0.error?.contains("machine code of softmax is expected") == true })
  }

  @Test("a folder that is none, an index that is none and an operator that is none are refused by name")
  func refusals() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    #expect { try PackedChecks(folder) } throws: { "\($0)".contains("a folder that `gpu-check pack` wrote is expected") }
    #expect { try Pack.parse([folder.path, "--operators", "nothing"]).run() } throws: {
      "\($0)".contains("no operator nothing")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("{".utf8).write(to: folder.appendingPathComponent(CheckIndex.name))
    #expect { try PackedChecks(folder) } throws: { "\($0)".contains("is no index of `gpu-check pack`") }
  }
}
