import DeepSeek
import MachineIR
import Operators
import Runtime
import Schedules
import Testing
import TileIR

/// The model on an aarch64 processor, emulated. Every launch of a run here is done there too, on the same
/// arguments: where all give the same bits, so does the run, launch after launch. They share one start of the
/// emulator.
@Suite("The model on aarch64", .enabled(if: Emulation.missing == nil, "\(Emulation.missing ?? "")"))
struct EmulatedModelTests {
  private struct Done {
    let launch: HostLaunch
    let arguments: [String: Argument]
    let extents: [Dimension: Int]
    var results: [String: HostTensor] = [:]
  }

  @Test("a prefill and a decode step give this computer's bits", arguments: [Arithmetic.quantised, .float32])
  func sameBits(_ arithmetic: Arithmetic) throws {
    let model = try ModelRuns(.tiny, arithmetic, context: 32, chunk: 8, rows: 1).model
    let ids = try ModelFixture.tiny.golden().tensor("ids.33").integers.map(Int32.init)
    var done: [Done] = []
    // The decode step's token completes a group of four.
    for (start, count) in [(0, 7), (7, 1)] {
      let tokens = Array(ids[start..<start + count])
      try model.run(
        Batch([.init(sequence: 0, start: start, tokens: tokens, wanted: 1)]),
        by: { launch in
          done.append(Done(launch: launch, arguments: launch.arguments, extents: launch.extents))
          return nil
        }, observe: { _ in done[done.count - 1].results = done[done.count - 1].launch.results })
    }
    let programs = model.steps[0].programs
    let emulated = try EmulatedProgram(plans: programs.map { try Lowering.plan($0, for: .neon) })
    let numbers = Dictionary(uniqueKeysWithValues: programs.enumerated().map { ($1, $0) })
    let hosts = try done.map { try HostArguments($0.launch.program, $0.arguments, extents: $0.extents) }
    let results = try emulated.run(
      zip(done, hosts).map { .init(plan: numbers[$0.launch.program]!, $1.launch, extents: $0.extents) })
    #expect(results.count == 2 * model.steps[0].launches.count)
    for (result, (done, host)) in zip(results, zip(done, hosts)) {
      let name = "\(done.launch.scope) \(done.launch.program.name)"
      if case .failure(let error) = result {
        Issue.record("\(name): \(error)")
        continue
      }
      if host.results() != done.results { Issue.record("\(name): other bits") }
    }
  }
}
