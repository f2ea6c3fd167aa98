import AscendDriver
import Foundation
import Operators
import Steps
import Testing
import TileIR
import Tiles

@testable import Runtime

/// Operators and steps on an Ascend chip, with a stand-in for AscendCL and CANN whose kernels the model of pipes carries
/// out: what is copied, bound and launched is what a chip would get.
@Suite("Launches through AscendCL", .enabled(if: CompiledLibrary.isPossible, "no clang on PATH"), .serialized)
struct AscendDeviceTests {
  /// Weights laid out anew, cube cores, arrays in main memory, states, few and no rows.
  @Test(arguments: ["rms_norm", "linear_fp8", "scatter", "quantise_s4"])
  func operatorsGiveTheReferencesBits(_ name: String) throws {
    let standIn = try AscendStandInDriver()
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let executable = try AscendExecutable(
      program, on: standIn.device(), cache: .standard, compile: standIn.compile)
    for extents in instance.shapes {
      let bitCase = try BitCase(instance, program, extents, .special)
      let found = try executable.run(bitCase.arguments, extents: bitCase.extents)
      for (output, expected) in bitCase.expected {
        #expect(found[output] == expected, "\(name) \(extents) \(output)")
      }
    }
  }

  @Test func checksThatFailAreToldWithTheirMessage() throws {
    let standIn = try AscendStandInDriver()
    let executable = try AscendExecutable(
      Self.evenRows(), on: standIn.device(), cache: .standard, compile: standIn.compile)
    let good = try executable.run(["x": .ints([3], [2, 4, 6])])
    #expect(good["y"]!.codes == [2, 4, 6])
    let error = #expect(throws: Diagnostic.self) { try executable.run(["x": .ints([3], [2, 5, 6])]) }
    #expect(error?.description.contains("rows are even") == true)
  }

  private static func evenRows() throws -> Program {
    let rows = TileIR.Dimension("rows", in: 0...64)
    return try Kernel("even") { k in
      let x = k.input("x", Int32.self, [rows])
      let y = k.output("y", Int32.self, [rows])
      k.parallel(rows) { p in k.assert(x[p] % 2 .== 0, "rows are even") }
      k.parallel(rows) { p in y[p] = x[p] }
    }.program()
  }

  /// States and outputs come back, weights go there once, inputs are new in every run; a launch alone is waited for.
  @Test func stepsGiveTheProcessorsBits() throws {
    let standIn = try AscendStandInDriver()
    let step = try ModelPackageTests.step()
    let device = Device(
      try AscendBackend(standIn.device(), .standard, compile: standIn.compile), machine: .ascend910b, pool: .shared)
    let (own, memory) = try ModelPackageTests.load(step, on: Device())
    let (there, others) = try ModelPackageTests.load(step, on: device)
    defer { withExtendedLifetime((memory, others)) {} }
    for (rows, start, isWatched) in [(5, 0, false), (9, 5, true), (0, 14, false), (3, 14, false)] {
      for executable in [own, there] {
        executable.set("rows", to: rows)
        executable.set("start", to: start)
        let x = executable.input("x").bindMemory(to: UInt16.self)
        for place in x.indices { x[place] = UInt16(0x3f80 + place * 7 % 200 + start) }
      }
      guard isWatched else {
        try own.run()
        try there.run()
        #expect(Array(own.output("y")) == Array(there.output("y")))
        continue
      }
      var (run, other) = (try own.begin(), try there.begin())
      while let launch = try run.advance(), let same = try other.advance() {
        #expect(launch.results == same.results, "\(launch.program.name)")
      }
    }
  }

  @Test func aFailedCheckInAStepNamesItsOperator() throws {
    let standIn = try AscendStandInDriver()
    let device = Device(
      try AscendBackend(standIn.device(), .standard, compile: standIn.compile), machine: .ascend910b, pool: .shared)
    let builder = StepBuilder("checked")
    let rows = builder.number("rows", in: 0...64)
    builder.launch(
      try Self.evenRows(), ["x": builder.input("x", .int32, [rows])], into: ["y": builder.output("y", .int32, [rows])])
    let executable = try StepExecutable(builder.finish(), on: device) { _ in preconditionFailure("no weights") }
    executable.set("rows", to: 2)
    executable.input("x").bindMemory(to: Int32.self)[1] = 3
    let error = #expect(throws: Diagnostic.self) { try executable.run() }
    #expect(error?.description.contains("rows are even") == true)
    #expect(throws: Diagnostic.self) {
      var run = try executable.begin()
      _ = try run.advance()
    }
    executable.input("x").bindMemory(to: Int32.self)[1] = 8
    try executable.run()
    #expect(Array(executable.output("y").bindMemory(to: Int32.self).prefix(2)) == [0, 8])
  }

  @Test func whatIsNotThereIsNamed() throws {
    let path = "/nonexistent/libascendcl.so"
    let missing = #expect(throws: AscendError.self) { try AscendDriver(environment: ["TESSERA_ASCENDCL": path]) }
    #expect(missing?.description.hasPrefix("AscendCL is not here: no library opened: looked for \(path)") == true)
    let none = #expect(throws: AscendError.self) { try AscendStandInDriver(devices: 0) }
    #expect(none?.description.contains("finds no Ascend chip") == true)
    let standIn = try AscendStandInDriver(memory: 1 << 16)
    let other = #expect(throws: AscendError.self) { try AscendDevice(3, of: standIn.driver) }
    #expect(other == .noSuchDevice(3, count: 1))
    #expect(other?.description == "no device ascend:3: only ascend:0 is here")
    let device = try standIn.device()
    let first = try device.allocate(byteCount: 1000)
    let full = #expect(throws: AscendError.self) { try device.allocate(byteCount: 1 << 17) }
    #expect(full == .outOfMemory(needed: 1 << 17, free: (1 << 16) - 1024, total: 1 << 16, device: "ascend:0"))
    withExtendedLifetime(first) {}
    let older = try AscendStandInDriver(chip: "Ascend310P3")
    let error = #expect(throws: RuntimeError.self) {
      try AscendExecutable(Self.evenRows(), on: older.device(), cache: .standard, compile: older.compile)
    }
    #expect(error?.description.contains("Ascend310P3") == true)
  }

  /// Without CANN its compiler's absence is told in cmake's words, or that there is no cmake.
  @Test func withoutCANNTheMessageNamesIt() throws {
    let program = try AscendProgram(Self.evenRows())
    let error = #expect(throws: RuntimeError.self) {
      try KernelCache.standard.ascendLibrary([.init(program: program, suffix: "")], chip: "Ascend910B1")
    }
    #expect(error?.description.hasPrefix("CANN did not compile kernels for Ascend910B1: cmake -S ") == true)
  }

  /// The functions are declared in AscendCL's headers as they are called here.
  @Test(.enabled(if: PackageTests.headers != nil, "no torch-npu in .tools/python"))
  func functionsAreThoseOfTheHeaders() throws {
    let folder = try TemporaryFolder()
    let file = URL(fileURLWithPath: folder.file("functions.cpp"))
    let text = """
      #include "acl/acl.h"
      aclError (*a)(const char *) = aclInit;
      const char *(*b)() = aclGetRecentErrMsg;
      const char *(*c)() = aclrtGetSocName;
      aclError (*d)(uint32_t *) = aclrtGetDeviceCount;
      aclError (*e)(int32_t) = aclrtSetDevice;
      aclError (*f)(aclrtStream *) = aclrtCreateStream;
      aclError (*g)(aclrtStream) = aclrtDestroyStream;
      aclError (*h)(aclrtStream) = aclrtSynchronizeStream;
      aclError (*i)(aclrtMemAttr, size_t *, size_t *) = aclrtGetMemInfo;
      aclError (*j)(void **, size_t, aclrtMemMallocPolicy) = aclrtMalloc;
      aclError (*k)(void *) = aclrtFree;
      aclError (*l)(void *, size_t, const void *, size_t, aclrtMemcpyKind) = aclrtMemcpy;
      static_assert(sizeof(aclError) == 4 && sizeof(aclrtStream) == 8 && sizeof(aclrtMemAttr) == 4);
      static_assert(ACL_HBM_MEM == 1 && ACL_MEM_MALLOC_HUGE_FIRST == 0 && ACL_MEMCPY_HOST_TO_DEVICE == 1);
      static_assert(ACL_MEMCPY_DEVICE_TO_HOST == 2 && ACL_ERROR_REPEAT_INITIALIZE == 100002);

      """
    try Data(text.utf8).write(to: file)
    try AscendCLStandIn.compile(["-std=c++17", "-fsyntax-only", "-isystem", PackageTests.headers!.path, file.path])
  }
}
