import MachineIR
import Operators
import Schedules
import Testing

@testable import Roofline

@Suite("Predictions")
struct PredictionTests {
  private static func prediction(
    _ name: String, _ instance: String? = nil, _ machine: MachineDescription = .sm90a, numbers: [String: Int] = [:]
  ) throws -> Prediction {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(instance.map { entry.instance($0) } ?? entry.instances[0])
    let program = try instance.kernel().program()
    let sizes = LaunchSizes(program, instance.shapes[0].merging(numbers) { $1 })
    return try #require(Prediction(Lowering.plan(program, for: machine), sizes) { _ in (32, 0) })
  }

  @Test("every operator has one, of parts that the slowest stands above", arguments: OperatorLibrary.all.map(\.name))
  func everyOperator(name: String) throws {
    let prediction = try Self.prediction(name)
    #expect(!prediction.kernels.isEmpty)
    #expect(prediction.seconds.isFinite && prediction.seconds > 0)
    #expect(prediction.leastBytes > 0)
    for kernel in prediction.kernels {
      #expect(kernel.parts.values.allSatisfy { $0.isFinite && $0 >= 0 })
      #expect(kernel.parts.values.allSatisfy { $0 <= kernel.slowest.seconds })
    }
  }

  @Test("the floor of a copying operator is its bytes over the bandwidth")
  func floor() throws {
    let norm = try Self.prediction("rms_norm", "v4-flash hidden", numbers: ["rows": 8192])
    // Rows of 4096 bf16 in and out, and a gain of fp32.
    #expect(norm.leastBytes == Double(8192 * 4096 * 4 + 4096 * 4))
    #expect(norm.floor == norm.leastBytes / 4.8e12)
    // Of a table, only the rows that are picked.
    let gather = try Self.prediction("gather", "v4-flash embedding", numbers: ["rows": 64, "entries": 129280])
    #expect(gather.leastBytes < Double(129280 * 4096 * 2) / 100)
    #expect(gather.leastBytes > Double(64 * 4096 * 2 * 2))
  }

  @Test("twice the rows are twice the work, and an empty launch costs no more than its kernels")
  func scaling() throws {
    let (one, two) = (
      try Self.prediction("softmax", "rows of 4096", numbers: ["rows": 16384]),
      try Self.prediction("softmax", "rows of 4096", numbers: ["rows": 32768])
    )
    for (part, seconds) in one.kernels[0].parts {
      let ratio = try #require(two.kernels[0].parts[part]) / seconds
      #expect(seconds == 0 || abs(ratio - 2) < 0.1, "\(part)")
    }
    let empty = try Self.prediction("softmax", "rows of 4096", numbers: ["rows": 0])
    #expect(empty.seconds == Double(empty.kernels.count) * GPURates.launchGap)
  }

  @Test("processors have no prediction")
  func processors() throws {
    #expect(GPURates.of(.avx512) == nil)
    #expect(MachineDescription.gpus.allSatisfy { GPURates.of($0) != nil })
  }
}
