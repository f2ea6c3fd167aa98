import Alignment
import DeepSeek
import MachineIR
import Operators
import Runtime
import Testing
import TileIR

/// A model's steps on several devices, launch by launch.
@Suite("Steps in lockstep", .serialized) struct LockstepTests {
  private typealias Substitute = (HostLaunch) throws -> [String: HostTensor]?
  private static let ids: [Int32] = [5, 17, 300, 42, 42, 7]

  private static func model(_ target: RunTarget) throws -> Model {
    try ModelRuns(
      .tiny, .quantised, context: 8, chunk: 8, rows: 1, device: Device(target, pool: ModelRuns.pool)
    ).model
  }

  /// Every difference of a prefill and a decode step, and how many launches were compared.
  private static func differences(
    _ models: [(String, Model, Substitute?)]
  ) throws -> (found: [Lockstep.Difference], launches: Int) {
    var (found, launches) = ([Lockstep.Difference](), 0)
    for (start, tokens) in [(0, ids), (ids.count, [9])] {
      let batch = Batch([Batch.Piece(sequence: 0, start: start, tokens: tokens)])
      var lockstep = Lockstep(try models.map { Lockstep.Side($0.0, try $0.1.begin(batch), by: $0.2) })
      while let differences = try lockstep.advance() {
        found += differences
        launches += 1
      }
      for (_, model, _) in models { model.end(batch) }
    }
    return (found, launches)
  }

  @Test("two targets return the same bits in every launch")
  func equal() throws {
    let targets = [RunTarget.processor(.sse2), .deviceModel(.sm90a)]
    let models = try targets.map { ("\($0)", try Self.model($0), nil as Substitute?) }
    let (found, launches) = try Self.differences(models)
    #expect(found.map { "\($0.side) \($0.scope) \($0.program)" } == [])
    #expect(launches == 2 * models[0].1.steps[0].launches.count)
  }

  /// One bit of one element of one launch, in the second of two steps: it is found there, and what follows it is
  /// judged on the yardstick's results.
  @Test("a planted fault is found in its launch, with its element")
  func planted() throws {
    let (right, faulty) = (try Self.model(.host), try Self.model(.host))
    let number = faulty.steps[0].launches.count / 2
    var visits = 0
    let (found, _) = try Self.differences([
      ("right", right, nil),
      ("faulty", faulty, { launch in
        guard launch.number == number else { return nil }
        visits += 1
        guard visits == 2 else { return nil }
        var results = try #require(try launch.byReference())
        let name = try #require(results.keys.min())
        results[name]![3] ^= 2
        return results
      }),
    ])
    #expect(visits == 2)
    let difference = try #require(found.first)
    #expect(found.count == 1)
    #expect(difference.side == "faulty" && difference.launch == number)
    #expect(difference.program == faulty.steps[0].program(of: faulty.steps[0].launches[number]).name)
    #expect(difference.divergence.index == 3 && difference.divergence.count == 1)
    #expect(difference.divergence.ulps == 2)
  }

  @Test("a side that fails is named")
  func failing() throws {
    let (right, broken) = (try Self.model(.host), try Self.model(.host))
    #expect {
      try Self.differences([
        ("right", right, nil), ("broken", broken, { _ in throw RuntimeError("no power") }),
      ])
    } throws: { "\($0)" == "broken: no power" }
  }
}
