import Export
import Foundation
import Operators
import Runtime
import Steps
import Testing
import TileIR

/// Runs of a step as a package for CANN, built and run without it.
@Suite("A package of a model's runs", .serialized) struct ModelPackageTests {
  private static let (width, rank, span) = (32, 10, 7)

  /// A norm, a product on cube cores with a weight that is laid out anew, and rows into a ring.
  static func step() throws -> Step {
    let builder = StepBuilder("three launches")
    let rows = builder.number("rows", in: 0...9)
    let start = builder.number("start", in: 0...1000)
    let normed = builder.scope("norm") {
      builder.launch(
        try! rmsNorm(width: width).program(),
        [
          "x": builder.input("x", .bfloat16, [rows, Size(width)]),
          "gain": builder.weight("gain", .float32, [Size(width)]),
        ])
    }
    let product = try builder.scope("product") {
      builder.launch(
        try outputGroups(groups: 1, inputs: width, rank: rank).program(),
        ["o": normed["y"], "wo_a": builder.weight("w", .bfloat16, [1, Size(rank), Size(width)])],
        into: ["z": builder.output("y", .bfloat16, [rows, Size(rank)])])
    }
    builder.launch(
      try scatter(span: span, width: rank).program(),
      ["x": product["z"], "ring": builder.state("ring", .bfloat16, [Size(span), Size(rank)])], numbers: ["start": start])
    return try builder.finish()
  }

  static func load(_ step: Step, on device: Device) throws -> (StepExecutable, AnyObject) {
    let weights = try TensorMemory([
      "gain": HostTensor(.float32, [width], numbers: (0..<width).map { 1 + Float($0 % 5) / 8 }),
      "w": HostTensor(.bfloat16, [1, rank, width], numbers: (0..<rank * width).map { Float($0 * 37 % 101 - 50) / 16 }),
    ])
    let states = try DeviceMemory(step.buffers.filter { $0.kind == .state }, on: device)
    let executable = try StepExecutable(step, on: device) {
      try $0.kind == .state ? states.view(of: $0) : weights.view($0)
    }
    return (executable, [weights, states] as AnyObject)
  }

  /// A package of two runs; `change` may alter what is expected of a launch.
  private static func write(
    to place: URL, change: (Int, inout [String: HostTensor]) -> Void = { _, _ in }
  ) throws {
    let step = try step()
    let recorder = try AscendRecorder()
    let (own, memory) = try load(step, on: Device())
    let (noted, others) = try load(step, on: recorder.device)
    defer { withExtendedLifetime((memory, others)) {} }
    try PackageFolder(place.path).write { add in
      var package = try ModelPackage(of: recorder, title: "three launches", write: add)
      var number = 0
      for (name, rows, start) in [("a first run", 5, 0), ("a second run", 3, 5)] {
        for executable in [own, noted] {
          executable.set("rows", to: rows)
          executable.set("start", to: start)
          let x = executable.input("x").bindMemory(to: UInt16.self)
          for place in x.indices { x[place] = UInt16(0x3f80 + place * 7 % 200 + start) }
        }
        var (run, other) = (try own.begin(), try noted.begin())
        package.begin(name, other)
        while let launch = try run.advance(), let same = try other.advance() {
          var expected = launch.results
          change(number, &expected)
          try package.note(same, expected: expected)
          number += 1
        }
        try package.end()
      }
      try package.finish(.ascend910b, command: "test")
    }
  }

  @Test func findsTheExpectedBits() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try Self.write(to: place)
    let outcome = try AscendCLStandIn(place).check()
    #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)\(outcome.output)")
    #expect(
      outcome.output == """
        three launches on a stand-in, device 0
        weights: 1 launch, 0 results, 0 differ
        a_first_run: 3 launches, 3 results, 0 differ
        a_second_run: 3 launches, 3 results, 0 differ
        all bits agree

        """)
  }

  /// What differs is named by run, launch and element, and is no fault of the launches behind it.
  @Test func namesTheLaunchThatDiffers() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    var (right, wrong): (UInt8, UInt8) = (0, 0)
    try Self.write(to: place) { number, expected in
      guard number == 4, var bytes = expected["z"]?.bytes else { return }
      // Element [1, 3] of [3, 10], its low byte.
      right = bytes[26]
      bytes[26] ^= 1
      wrong = bytes[26]
      expected["z"] = HostTensor(.bfloat16, [3, Self.rank], bytes: bytes)
    }
    let built = try AscendCLStandIn(place)
    let outcome = try built.check()
    func digits(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    let found = try #require(
      outcome.output.firstMatch(
        of: /a_second_run, product output_groups: z: 1 of 30 elements differ, first \[1, 3\]: 0x..(..) expected, 0x..(..) found\n/),
      "\(outcome.errors)\(outcome.output)")
    #expect(found.output.1 == digits(wrong) && found.output.2 == digits(right))
    #expect(outcome.status == 1 && outcome.output.hasSuffix("\nbits differ\n"))
    // The rows that went into the ring are those that were expected to be there: another launch differs too.
    #expect(outcome.output.contains("a_second_run: 3 launches, 3 results, 2 differ"))

    // Statements that make no sense are refused with their line.
    let runs = place.appendingPathComponent("runs.txt")
    let text = try String(contentsOf: runs, encoding: .utf8)
    for (other, message) in [
      ("memory 12 data/none.bin\n", "data/none.bin cannot be opened"),
      ("jump\n", "runs.txt, line 1: no statement is called jump"),
      ("kernel none 1\n", "runs.txt, line 1: no kernel is called none"),
      ("memory 8\nrun a data/a_first_run.bin\nwrite @0+4 8 0\n", "line 3: @0+4 and 8 bytes are no part of a piece"),
      ("memory 8\nrun a data/a_first_run.bin\nwrite @0+0 8 99999\n", "8 bytes expected at 99999, it has "),
      ("memory -1\n", "line 1: bytes expected, a negative number found"),
    ] {
      try Data(other.utf8).write(to: runs)
      let refused = try built.check()
      #expect(refused.status == 2 && refused.errors.contains(message), "\(refused)")
    }
    // Whatever a line holds, the program says so or carries it out. What kernels are given is left as it is.
    var random = SplitMix64(seed: 17)
    let lines = text.split(separator: "\n").map(String.init)
    for turn in 0..<60 {
      var other = lines
      let place = Int.random(in: 0..<lines.count, using: &random)
      guard !other[place].hasPrefix("kernel") else { continue }
      var bytes = Array(other[place].utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 32..<127, using: &random)
      }
      if turn % 5 == 0 { bytes.removeLast(bytes.count / 2) }
      other[place] = String(decoding: bytes, as: UTF8.self)
      try Data((other.joined(separator: "\n") + "\n").utf8).write(to: runs)
      let outcome = try built.check()
      #expect((0...2).contains(outcome.status), "\(other[place]): \(outcome)")
    }
    try Data(text.utf8).write(to: runs)
    #expect(try built.check().status == 1)
  }

  private static let written = ProcessInfo.processInfo.environment["TESSERA_PACKAGE"]

  /// A package that a person names, such as one of a whole model: it takes minutes.
  @Test(.enabled(if: written != nil, "TESSERA_PACKAGE names no package"))
  func aNamedPackageFindsTheExpectedBits() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try FileManager.default.copyItem(at: URL(fileURLWithPath: #require(Self.written)), to: place)
    let outcome = try AscendCLStandIn(place).check()
    print(outcome.output)
    #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)")
  }

  @Test(.enabled(if: PackageTests.headers != nil, "no torch-npu in .tools/python"))
  func isAcceptedByTheHeadersOfAscendCL() throws {
    let folder = try TemporaryFolder()
    let place = URL(fileURLWithPath: folder.file("package"))
    try Self.write(to: place)
    #expect(try AscendCLStandIn.typeCheck(place, headers: #require(PackageTests.headers)) == "")
  }
}
