import MachineIR
import Operators
import Proofs
import Schedules
import Testing
import TileIR

@testable import Roofline

/// Pipe programs followed in time.
@Suite("Predictions of pipes")
struct PipePredictionTests {
  private struct Made {
    let plan: Plan
    let programs: [PipeKernel]
    let sizes: LaunchSizes

    init(_ name: String, _ instance: String? = nil, _ numbers: [String: Int] = [:]) throws {
      let entry = try #require(OperatorLibrary.named(name))
      let instance = try #require(
        instance.map { entry.instance($0) } ?? entry.instances.first(where: \.isSmall))
      let program = try instance.kernel().program()
      plan = try Lowering.plan(program, for: .ascend910b)
      programs = try Lowering.pipes(plan)
      sizes = LaunchSizes(program, instance.shapes[0].merging(numbers) { $1 })
    }

    func prediction(followsEveryRound: Bool = false) throws -> PipePrediction {
      try PipePrediction(plan, programs, sizes, followsEveryRound: followsEveryRound)
    }
  }

  // MARK: A program by hand

  private static let rates = AscendRates.ascend910b1

  /// Rounds that copy 512 numbers in, double them and copy them out, with the events of one buffer each.
  private static func kernel(rounds: Int, isFree: Bool = true) -> PipeKernel {
    let counter = Variable("round", .index)
    let events = [PipeEvent(.copyIn, .vector, 0), PipeEvent(.vector, .copyOut, 0)]
    let back = [PipeEvent(.vector, .copyIn, 0), PipeEvent(.copyOut, .vector, 0)]
    let (x, y) = (LocalView("x", .float32), LocalView("y", .float32))
    let offset = Expression.variable(counter) * .constant(512)
    func copy(_ buffer: String, _ view: LocalView) -> PipeCopy {
      PipeCopy(buffer: buffer, .float32, offset: offset, local: view, count: .constant(512), most: 512)
    }
    let double = VectorInstruction(.add, y, [x, x], count: 512)
    let body: [PipeStatement] =
      (isFree ? [.wait(back[0])] : []) + [.copyIn(copy("a", x)), .set(events[0]), .wait(events[0])]
      + (isFree ? [.wait(back[1])] : []) + [.vector(double)] + (isFree ? [.set(back[0])] : [])
      + [.set(events[1]), .wait(events[1]), .copyOut(copy("b", y))] + (isFree ? [.set(back[1])] : [])
    let loop = PipeStatement.loop(PipeLoop(counter, from: .constant(0), to: .constant(rounds), body))
    let source = MachineKernel(
      name: "doubled",
      buffers: [
        KernelBuffer("a", .parameter(0), .float32, isWritten: false),
        KernelBuffer("b", .parameter(1), .float32, isWritten: true),
      ], scalars: [], scratch: [], cells: .constant(1), cell: Variable("cell", .index), body: [])
    let free = isFree ? back : []
    return PipeKernel(
      source: source,
      tensors: [
        "x": LocalTensor("x", .float32, count: 512, byteAddress: 0),
        "y": LocalTensor("y", .float32, count: 512, byteAddress: 2048),
      ], body: free.map { .set($0) } + [loop] + free.map { .wait($0) })
  }

  /// Ticks at a share of main memory, in bytes a tick.
  private static func run(_ kernel: PipeKernel, share: Double, followsEveryRound: Bool = false)
    -> PipeSimulation
  {
    var run = PipeSimulation(
      PipeCode(kernel, rates), rates, memoryTicks: [1 / share, 1 / share], numbers: [:],
      followsEveryRound: followsEveryRound)
    run.recorder = PipeRecorder(limit: 100, PipeCode(kernel, rates))
    run.run()
    return run
  }

  @Test("an instruction begins when what it waits for is there")
  func firstRound() throws {
    let bars = try #require(Self.run(Self.kernel(rounds: 1), share: 16).recorder).bars
    let (copyIn, add, copyOut) = (
      try #require(bars.first { $0.pipe == .copyIn }), try #require(bars.first { $0.pipe == .vector }),
      try #require(bars.first { $0.pipe == .copyOut })
    )
    // 2048 bytes at 16 a tick; 8 repeats.
    #expect(abs(copyIn.end - copyIn.begin - 128) < 1e-9)
    #expect(add.begin == copyIn.end + Self.rates.memoryLatency)
    #expect(add.end == add.begin + 8)
    #expect(copyOut.begin == add.end + Self.rates.vectorLatency)
  }

  @Test(
    "with one buffer a round waits for the whole way there and back; without events the slowest pipe decides")
  func rounds() {
    let share = 1.0
    let bound = Self.run(Self.kernel(rounds: 1000), share: share)
    let way: Double =
      2048 / share + Self.rates.memoryLatency + 8 + Self.rates.vectorLatency
    #expect(abs(bound.times.latest / 1000 / way - 1) < 0.01)
    let free = Self.run(Self.kernel(rounds: 1000, isFree: false), share: share)
    #expect(abs(free.times.latest / 1000 / (2048 / share) - 1) < 0.01)
  }

  @Test("multiplied rounds are what every round followed gives", arguments: [true, false])
  func multiplied(isFree: Bool) {
    for share in [0.5, 7, 16, 1000] {
      let kernel = Self.kernel(rounds: 523, isFree: isFree)
      let (quick, whole) = (
        Self.run(kernel, share: share), Self.run(kernel, share: share, followsEveryRound: true)
      )
      #expect(!quick.isApproximate)
      #expect(abs(quick.times.latest - whole.times.latest) < 1e-6 * whole.times.latest)
      #expect(quick.times.instructions == whole.times.instructions)
    }
  }

  // MARK: The library

  @Test(
    "so are those of operators",
    arguments: [
      ("widen", ["rows": 700]), ("swiglu", ["rows": 3000]), ("softmax", ["rows": 900]),
      ("linear_fp8", ["rows": 500]),
    ])
  func operators(_ name: String, _ numbers: [String: Int]) throws {
    let made = try Made(name, nil, numbers)
    let (quick, whole) = (try made.prediction(), try made.prediction(followsEveryRound: true))
    #expect(quick.kernels.map(\.isApproximate).allSatisfy { !$0 })
    for (a, b) in zip(quick.kernels, whole.kernels) {
      #expect(abs(a.ticks - b.ticks) <= 1e-3 * b.ticks, "\(a.kernel): \(a.ticks) for \(b.ticks)")
    }
  }

  @Test(
    "no estimate is below what its parts need at least",
    arguments: [
      "widen", "swiglu", "rms_norm", "softmax", "rope", "hadamard", "linear_fp8", "linear_fp4", "quantise_s8",
    ])
  func bounds(_ name: String) throws {
    let prediction = try Made(name).prediction()
    #expect(prediction.ratio > 0 && prediction.ratio <= 1, "\(prediction.bounds.slowest)")
    for kernel in prediction.kernels {
      #expect(kernel.busy.values.allSatisfy { $0 <= kernel.ticks })
    }
  }

  @Test("the bounds of a product are those of its slices")
  func sliceBounds() throws {
    let entry = try #require(
      OperatorLibrary.named("linear_fp8")?.instances.first { $0.name == "v4-flash wq_a" })
    let program = try entry.kernel().program()
    let npu = try #require(MachineDescription.ascend910b.npu)
    let ticks = PipeBounds(program, LaunchSizes(program, ["rows": 4096]), npu).ticks
    let (m, n, k) = (4096.0, 1024.0, 4096.0)
    // Three slices each, so nine products and five sums a block of 128.
    let products = 9 * m * n * k
    #expect(ticks[.cube] == products / 8192 / 24)
    let operands = 3 * (m + n) * k
    #expect(ticks[.toL1] == operands / (24 * 32))
    let sums = 5 * m * n * k / 128
    #expect(ticks[.fromSums] == 4 * sums / (24 * 86))
  }

  @Test("a plain product has two operations a lane, a product of nibbles' codes one slice")
  func otherBounds() throws {
    let npu = try #require(MachineDescription.ascend910b.npu)
    func bounds(_ name: String, _ instance: String) throws -> [PipeBounds.Part: Double] {
      let program = try #require(OperatorLibrary.named(name)?.instance(instance)).kernel().program()
      return PipeBounds(program, LaunchSizes(program, ["rows": 16]), npu).ticks
    }
    let plain = try bounds("matmul", "1024 fp32 unfused")
    #expect(plain[.cube] == 0)
    let lanes = Double(2 * 16 * 1024 * 1024)
    #expect(try #require(plain[.vectorLanes]) >= lanes * 4 / 256 / 48)
    let nibbles = try bounds("linear_fp4", "v4-flash w1")
    let products = Double(3 * 16 * 2048 * 4096)
    #expect(nibbles[.cube] == products / 8192 / 24)
  }

  @Test("an empty launch takes nothing, and more cells than cores take turns")
  func turns() throws {
    #expect(try Made("widen", nil, ["rows": 0]).prediction().ticks == 0)
    let made = try Made("widen", nil, ["rows": 1])
    let one = try made.prediction()
    #expect(one.kernels[0].cores == 1 && one.ticks > 0)
    let many = try Made("widen", nil, ["rows": 5000]).prediction()
    #expect(many.kernels[0].cores == 48)
    #expect(many.ticks > one.ticks)
  }

  @Test("a round by hand has two events a tensor that goes from pipe to pipe")
  func byHand() throws {
    let kernel = Self.kernel(rounds: 20)
    let run = Self.run(kernel, share: 16)
    let round = try #require(PipeRound(PipeCode(kernel, Self.rates), run.times))
    #expect(round.loop == "round")
    #expect(round.byHand == round.emitted)
    #expect(round.emitted.events == 4 && round.emitted.barriers == 0)
    let cubes = try #require(try Made("linear_fp8").prediction().kernels.last?.round)
    // L1, operands and sums of two operands for each of two vector cores, and the exchange of both, in two turns.
    #expect(cubes.byHand.flags == 4)
    #expect(cubes.emitted.flags == 4)
    #expect(cubes.emitted.events < cubes.byHand.events)
  }
}
