import Foundation
import Operators
import Reference
import Safetensors
import Testing
import TileIR

/// `run-operator --inputs` and `--out`: what a file holds is what runs, what comes out is what a file holds.
@Suite final class TensorFileTests {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("tensors-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: folder) }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private func run(_ arguments: String...) throws -> Command.Outcome {
    try Command.run("tessera", ["run-operator"] + arguments)
  }

  @Test func inputsOfAFileGiveTheReferencesOutputs() throws {
    let x = HostTensor(.bfloat16, [2, 3], numbers: [1, -2, 3, 4, 0.5, -6])
    let gain = HostTensor(.float32, [3], numbers: [1, 2, 0.5])
    try SafetensorsFile.write([OutgoingTensor("x", x), OutgoingTensor("gain", gain)], to: path("in"))
    let outcome = try run(
      "rms_norm", "--instance", "small narrow", "--inputs", path("in"), "--out", path("out"), "--check")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix("rms_norm \"small narrow\" at rows=2 on "))
    let instance = try #require(OperatorLibrary.named("rms_norm")?.instance("small narrow"))
    let expected = try Reference.run(
      try instance.kernel().program(), ["x": .tensor(x), "gain": .tensor(gain)])
    #expect(try SafetensorsFile(path: path("out")).tensor("y") == expected["y"])
  }

  /// As numpy writes them: codes as bytes, pairs of 4-bit elements as bytes, 64-bit integers.
  @Test func plainerTypesStandForNarrowOnes() throws {
    let instance = try #require(OperatorLibrary.named("grouped_linear_fp4")?.instance("small"))
    let program = try instance.kernel().program()
    let random = try program.randomArguments(extents: ["rows": 5])
    let plain = random.map { name, tensor -> OutgoingTensor in
      var shape = tensor.shape
      if tensor.element.bitWidth == 4 { shape[shape.count - 1] /= 2 }
      guard tensor.element == .int32 else {
        return OutgoingTensor(name, .uint8, shape, bytes: tensor.bytes)
      }
      let wide = tensor.integers.flatMap { withUnsafeBytes(of: Int64($0).littleEndian, Array.init) }
      return OutgoingTensor(name, .int64, shape, bytes: wide)
    }
    try SafetensorsFile.write(plain, to: path("in"))
    let outcome = try run(
      "grouped_linear_fp4", "--instance", "small", "--inputs", path("in"), "--out", path("out"))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let expected = try Reference.run(program, random.mapValues { .tensor($0) })
    #expect(try SafetensorsFile(path: path("out")).tensor("y") == expected["y"])
  }

  @Test func scalarsComeFromTheFileOrTheCommand() throws {
    let x = HostTensor(.bfloat16, [2, 4], numbers: Array(repeating: 1, count: 8))
    let ring = HostTensor(.bfloat16, [7, 4])
    let start = HostTensor(.int32, [], integers: [3])
    let tensors = [OutgoingTensor("x", x), OutgoingTensor("ring", ring)]
    try SafetensorsFile.write(tensors + [OutgoingTensor("start", start)], to: path("whole"))
    try SafetensorsFile.write(tensors, to: path("less"))
    var written: [Data] = []
    for (input, setting) in [("whole", []), ("less", ["--set", "start=3"])] {
      let files = ["--inputs", path(input), "--out", path("out")]
      let outcome = try Command.run(
        "tessera", ["run-operator", "scatter", "--instance", "small"] + files + setting)
      #expect(outcome.status == 0, "\(outcome.errors)")
      written.append(try Data(contentsOf: URL(fileURLWithPath: path("out"))))
    }
    #expect(written[0] == written[1])
  }

  @Test func refusalsNameTheTensor() throws {
    try SafetensorsFile.write(
      [OutgoingTensor("x", HostTensor(.float32, [2, 3])), OutgoingTensor("gain", HostTensor(.float32, [3]))],
      to: path("type"))
    try SafetensorsFile.write([OutgoingTensor("x", HostTensor(.bfloat16, [2, 3]))], to: path("missing"))
    try SafetensorsFile.write(
      [OutgoingTensor("x", HostTensor(.bfloat16, [2, 4])), OutgoingTensor("gain", HostTensor(.float32, [3]))],
      to: path("shape"))
    for (file, message) in [
      ("type", "tensor \"x\": bfloat16 [rows, width] expected, F32 [2, 3] found"),
      ("missing", "tensor \"gain\": float32 [width] expected, none found"),
      ("shape", "x: extent 3 of width expected, 4 came"),
      ("nowhere", "nowhere"),
    ] {
      let outcome = try run("rms_norm", "--instance", "small narrow", "--inputs", path(file))
      #expect(outcome.status != 0)
      #expect(outcome.output == "")
      #expect(outcome.errors.contains(message), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1)
    }
  }
}
