import MachineIR
import Operators
import Reference
import Runtime
import Schedules
import Testing
import TileIR

/// Every operator gives the reference's bits on every target that this processor runs, and under every
/// candidate schedule on one of them and one of its instances, with 1 to 4 threads, on ragged and empty sizes and on
/// hostile numbers. `check-plans interpret` takes every schedule of every instance on every target.
@Suite struct BitsTests {
  static let pool = ThreadPool(threads: 4)
  static let machines = MachineDescription.cpus.filter(\.runsHere)

  /// The schedules under which the instance at `place` of `count` is compiled for a target: the first candidate, and
  /// of the others the target's and the instance's share.
  static func schedules(
    of program: Program, at place: Int, of count: Int, on machine: MachineDescription
  ) -> [Schedule] {
    let turn = machines.firstIndex { $0.name == machine.name }!
    return Schedule.candidates(for: program, on: machine).enumerated().filter { number, _ in
      number == 0 || number % machines.count == turn && number % count == place
    }.map(\.element)
  }

  @Test(arguments: OperatorLibrary.all.map(\.name))
  func everyTargetAndScheduleGivesTheReferencesBits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instances = entry.instances.filter(\.isSmall)
    for (place, instance) in instances.enumerated() {
      let program = try instance.kernel().program()
      let cases = try instance.shapes.flatMap { extents in
        try InputKind.allCases.map { try BitCase(instance, program, extents, $0) }
      }
      for machine in Self.machines {
        let schedules = Self.schedules(of: program, at: place, of: instances.count, on: machine)
        for (turn, schedule) in schedules.enumerated() {
          let plan = try Lowering.plan(program, for: machine, schedule: schedule)
          let executable = try Executable(
            plan: plan, unproved: "its bits are compared here", pool: Self.pool)
          for bitCase in cases {
            let threads = 1 + (turn + bitCase.extents.count) % 4
            let results = try executable.run(
              bitCase.arguments, extents: bitCase.extents, threads: threads)
            for (output, expected) in bitCase.expected {
              let found = try #require(results[output])
              if found != expected {
                Issue.record(
                  "\(instance.name) \(bitCase.label) on \(machine.name) under \(schedule): \(output) \(difference(found, expected))")
                return
              }
            }
          }
        }
      }
    }
  }
}

/// A launch with the reference's results.
struct BitCase {
  let label: String
  let arguments: [String: Argument]
  let extents: [Dimension: Int]
  let expected: [String: HostTensor]

  init(
    _ instance: OperatorInstance, _ program: Program, _ extents: [String: Int], _ kind: InputKind
  ) throws {
    label = "\(extents.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")) \(kind.rawValue)"
    arguments = program.arguments(try instance.randomArguments(extents: extents, kind: kind, seed: 7))
    self.extents = program.bound(extents)
    expected = try Reference.run(program, arguments, extents: self.extents)
  }
}

/// Where two tensors differ first.
func difference(_ found: HostTensor, _ expected: HostTensor) -> String {
  guard found.shape == expected.shape else { return "has shape \(found.shape), not \(expected.shape)" }
  let places = (0..<found.count).filter { found[$0] != expected[$0] }
  let at = places[0]
  return "differs at \(places.count) of \(found.count), first \(at): \(String(found[at], radix: 16)) instead of \(String(expected[at], radix: 16))"
}
