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

  @Test(arguments: OperatorLibrary.all.map(\.name))
  func everyTargetAndScheduleGivesTheReferencesBits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instances = entry.instances.filter(\.isSmall)
    for (place, instance) in instances.enumerated() {
      let program = try instance.kernel().program()
      let cases = try instance.shapes.flatMap { extents in
        try InputKind.allCases.map { try BitCase(instance, program, extents, $0) }
      }
      for (turn, machine) in Self.machines.enumerated() {
        for (number, schedule) in Schedule.candidates(for: program, on: machine).enumerated()
        where number == 0 || number % Self.machines.count == turn && number % instances.count == place {
          let plan = try Lowering.plan(program, for: machine, schedule: schedule)
          let executable = try Executable(
            plan: plan, unproved: "its bits are compared here", pool: Self.pool)
          for bitCase in cases {
            let threads = 1 + (number + bitCase.extents.count) % 4
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
