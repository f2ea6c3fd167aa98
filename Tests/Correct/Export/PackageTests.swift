import Export
import Foundation
import MachineIR
import Operators
import Runtime
import Testing
import TileIR
import Tiles

/// Packages for CANN, built and run without it: the exported host program launches the exported kernels, and
/// finds the expected bits, or the place where they are others.
@Suite("A package for a machine with CANN", .serialized) struct PackageTests {
  /// A package of the first small instance of an operator, or of a program of its own.
  private static func write(_ name: String, kind: InputKind = .ordinary, to folder: URL) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let extents = instance.shapes.first ?? [:]
    let arguments = program.arguments(try instance.randomArguments(extents: extents, kind: kind, seed: 3))
    let package = try AscendPackage(
      program, arguments, extents: program.bound(extents), title: "\(name) \"\(instance.name)\"",
      command: "test")
    try PackageFolder(folder.path).write(package.files)
  }

  /// With products on cube cores, a weight laid out anew, elements of 4 bits, states and codes of checks
  /// among them.
  static let names = ["swiglu", "rms_norm", "linear_fp8", "quantise_s4", "scatter"]

  @Test(arguments: names) func findsTheExpectedBits(_ name: String) throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try Self.write(name, kind: .special, to: place)
    let outcome = try AscendCLStandIn(place).check()
    #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)\(outcome.output)")
    #expect(outcome.output.hasPrefix("\(name) \"") && outcome.output.contains(" on a stand-in, device 0\n"))
    #expect(outcome.output.contains(": all bits of ") && outcome.output.hasSuffix("\nall bits agree\n"))
  }

  @Test func saysWhereBitsDifferFirstAndWhatIsMissing() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try Self.write("rms_norm", to: place)
    let built = try AscendCLStandIn(place)
    let file = place.appendingPathComponent("data/y.expected.bin")
    let expected = try Data(contentsOf: file)

    // Element [1, 7] of 300 columns of bfloat16, and one behind it.
    var other = expected
    other[2 * 307] ^= 1
    other[2 * 900 + 1] ^= 0x80
    try other.write(to: file)
    let code = UInt16(expected[614]) | UInt16(expected[615]) << 8
    let (right, wrong) = (String(code, radix: 16), String(code ^ 1, radix: 16))
    func padded(_ digits: String) -> String { String(repeating: "0", count: 4 - digits.count) + digits }
    let differing = try built.check()
    #expect(differing.status == 1)
    #expect(
      differing.output.contains(
        "y: 2 of 1500 elements differ, first [1, 7]: 0x\(padded(wrong)) expected, 0x\(padded(right)) found\nbits differ\n"
      ),
      "\(differing.output)")

    try expected.dropLast().write(to: file)
    let short = try built.check()
    #expect(short.status == 2)
    #expect(short.errors == "./data/y.expected.bin: 3000 bytes expected, 2999 found\n")
    try expected.write(to: file)

    #expect(try built.check(["1"]).errors == "aclrtSetDevice(1) ended with code 100000: no device 1\n")
    #expect(try built.check(["0", "nowhere"]).errors.hasPrefix("nowhere/data/x.bin cannot be opened"))
    let usage = try built.check(["first"])
    #expect(usage.status == 2 && usage.errors.hasPrefix("usage: "))
    #expect(try built.check(["0", place.path]).status == 0)
  }

  /// A kernel that writes nothing must be seen, whatever the expected bits are.
  @Test func seesElementsThatNoKernelWrites() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try Self.write("swiglu", to: place)
    let main = place.appendingPathComponent("main.cpp")
    let text = try String(contentsOf: main, encoding: .utf8)
    // The number of cells is the last that a kernel is given.
    let idle = text.replacing(/\/\* cells \*\/ \d+/, with: "/* cells */ 0")
    #expect(idle != text)
    try Data(idle.utf8).write(to: main)
    let outcome = try AscendCLStandIn(place).check()
    let counts = try #require(outcome.output.firstMatch(of: /(\d+) of (\d+) elements differ/))
    #expect(outcome.status == 1 && counts.output.1 == counts.output.2)
  }

  /// A check that passes is silent; one that fails is told with the operator's message.
  @Test func tellsChecksThatFail() throws {
    let rows = TileIR.Dimension("rows", in: 0...64)
    let picked = TileIR.Dimension("picked", in: 0...64)
    let program = try Kernel("even") { k in
      let x = k.input("x", Int32.self, [rows])
      let choice = k.input("choice", Int32.self, [picked], .coordinate(of: rows))
      let y = k.output("y", Int32.self, [picked])
      k.parallel(picked) { p in k.assert(x[Position(choice[p])] % 2 .== 0, "rows are even") }
      k.parallel(picked) { p in y[p] = x[Position(choice[p])] }
    }.program()
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    let package = try AscendPackage(
      program, ["x": .ints([5], [2, 1, 4, 1, 6]), "choice": .ints([3], [0, 2, 4])], extents: [:], title: "even", command: "test")
    try PackageFolder(place.path).write(package.files)
    let built = try AscendCLStandIn(place)
    let passing = try built.check()
    #expect(passing.status == 0 && passing.output.hasSuffix("\nall bits agree\n"), "\(passing)")
    let file = place.appendingPathComponent("data/x.bin")
    var counts = try Data(contentsOf: file)
    counts[4 * 2] = 5
    try counts.write(to: file)
    let failing = try built.check()
    #expect(failing.status == 1 && failing.output.hasSuffix("\nbits differ\n"))
    #expect(
      failing.output.contains(/vector core \d+: check 1 failed, and none is expected to: .*: rows are even\n/))
  }

  /// AscendCL's own declarations, which the wheel of torch-npu carries.
  static let headers: URL? = ProjectPython.package("torch_npu/include/third_party/acl/inc")

  @Test(
    "is accepted by AscendCL's own headers", .enabled(if: headers != nil, "no torch-npu in .tools/python"),
    arguments: ["linear_fp8", "scatter"])
  func isAcceptedByTheHeadersOfAscendCL(_ name: String) throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try Self.write(name, to: place)
    let headers = try #require(Self.headers)
    #expect(try AscendCLStandIn.typeCheck(place, headers: headers) == "")
  }

  @Test(.enabled(if: headers != nil, "no torch-npu in .tools/python"))
  func probesAreAcceptedByTheHeadersOfAscendCL() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try PackageFolder(place.path).write(AscendPackage.probes().files)
    let headers = try #require(Self.headers)
    #expect(try AscendCLStandIn.typeCheck(place, headers: headers) == "")
  }

  @Test func namesEveryFileInItsSums() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try Self.write("swiglu", to: place)
    let sums = try String(contentsOf: place.appendingPathComponent("SHA256SUMS"), encoding: .utf8)
    let listed = try sums.split(separator: "\n").map { line in
      let parts = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
      let bytes = try Data(contentsOf: place.appendingPathComponent(parts[1]))
      #expect(ContentHash.digest(bytes) == parts[0], "\(parts[1])")
      return parts[1]
    }
    let found = try FileManager.default.subpathsOfDirectory(atPath: place.path).filter {
      $0 != "data" && $0 != "SHA256SUMS"
    }
    #expect(Set(listed) == Set(found))
    let readme = try String(contentsOf: place.appendingPathComponent("README.md"), encoding: .utf8)
    for name in listed where name != "README.md" { #expect(readme.contains("`\(name)`"), "\(name)") }
  }

  @Test func takesTheNamesThatALaunchHasAndNoOthers() throws {
    let folder = try TemporaryFolder()
    // A folder with something in it, a file, and a folder that is not there.
    try FileManager.default.createDirectory(
      atPath: folder.file("full/inner"), withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: folder.file("file")))
    for (name, found) in [
      ("full", "one with inner found"), ("file", "a file found"), ("none/package", "is none"),
    ] {
      #expect { try PackageFolder(folder.file(name)) } throws: { "\($0)".contains(found) }
    }
    #expect(folder.names == ["file", "full"])
    // An empty one is taken; what comes between the first look and the last is not lost.
    try FileManager.default.createDirectory(atPath: folder.file("empty"), withIntermediateDirectories: true)
    let empty = try PackageFolder(folder.file("empty"))
    try Data([1]).write(to: URL(fileURLWithPath: folder.file("empty/late")))
    #expect(throws: ExportError.self) { try empty.write([]) }
    try FileManager.default.removeItem(atPath: folder.file("empty/late"))
    try Self.write("swiglu", to: URL(fileURLWithPath: folder.file("empty")))
    #expect(folder.names == ["empty", "file", "full"])
  }
}
