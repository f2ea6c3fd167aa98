import Foundation
import MachineIR
import Operators
import Runtime
import Schedules
import Testing
import TileIR

/// Kernels touch nothing beside their buffers and write no input: every operator under the schedules that `BitsTests`
/// compiles, at every small shape, with buffers that end at a page that cannot be touched or begin behind one. On
/// `cpu-neon` `EmulatedBitsTests` does the same.
@Suite struct PageEndTests {
  @Test(arguments: BitsTests.machines.map(\.name))
  func kernelsTouchNothingBesideTheirBuffers(_ target: String) async throws {
    // A fault ends the process, so the kernels run in another, which leaves word where it is.
    let folder = try ScratchFolder()
    let path = folder.url.appendingPathComponent("place").path
    await #expect(processExitsWith: .success) { [target = target as String, path = path as String] in
      let machine = MachineDescription.named(target)!
      for entry in OperatorLibrary.all {
        let instances = entry.instances.filter(\.isSmall)
        for (place, instance) in instances.enumerated() {
          let program = try instance.kernel().program()
          for schedule in BitsTests.schedules(of: program, at: place, of: instances.count, on: machine) {
            try Self.run(entry, instance, program, machine, schedule, leavingWordIn: path)
          }
        }
      }
      try FileManager.default.removeItem(atPath: path)
    }
    if let place = try? String(contentsOfFile: path, encoding: .utf8) { Issue.record("it ended at \(place)") }
  }

  private static func run(
    _ entry: OperatorEntry, _ instance: OperatorInstance, _ program: Program, _ machine: MachineDescription,
    _ schedule: Schedule, leavingWordIn path: String
  ) throws {
    let executable = try Executable(
      program, for: machine, schedule: schedule, unproved: "the pages beside its buffers are watched here")
    for extents in instance.shapes {
      for side in GuardedMemory.Side.allCases {
        let place = "\(entry.name), \(instance.name), \(extents), \(side), under \(schedule)"
        try place.write(toFile: path, atomically: false, encoding: .utf8)
        try launch(executable, instance, extents, side)
      }
    }
  }

  private static func launch(
    _ executable: Executable, _ instance: OperatorInstance, _ extents: [String: Int],
    _ side: GuardedMemory.Side
  ) throws {
    let program = executable.plan.program
    let inputs = try instance.randomArguments(extents: extents, kind: .ordinary, seed: 3)
    let bound = program.bound(extents)
    let host = try HostArguments(program, program.arguments(inputs), extents: bound)
    var memory: [GuardedMemory] = []
    let guarded = zip(program.parameters, host.launch).map { parameter, argument -> LaunchArgument in
      guard case .buffer(let view) = argument else { return argument }
      let byteCount = HostTensor.byteCount(of: view.element, view.shape)
      let area = GuardedMemory(byteCount: byteCount, at: side)
      memory.append(area)
      if byteCount > 0 { area.pointer.copyMemory(from: view.pointer!, byteCount: byteCount) }
      if parameter.role == .input || parameter.role == .weight { area.forbidWriting() }
      return .buffer(TensorView(view.element, area.pointer, shape: view.shape))
    }
    try executable.launch(guarded, extents: bound, print: { _ in })
    withExtendedLifetime(memory) {}
  }
}
