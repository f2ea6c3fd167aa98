import MachineIR
import Reference
import Runtime
import Schedules
import Tiles

func biasExample() throws -> [Float] {
  let program = try addBias(channels: 4).program()
  let executable = try Executable(program)
  let results = try executable.run([
    "x": .tensor(HostTensor(.bfloat16, [2, 4], numbers: [1, 2, 3, 4, 5, 6, 7, 8])),
    "bias": .tensor(HostTensor(.float32, [4], numbers: [0.5, 0, -0.5, 1])),
  ])
  return results["y"]!.numbers
}

/// Whether every target of this machine, every schedule and every cut gives the same bits.
func returnsTheSameBitsEverywhere(_ kernel: Kernel, _ arguments: [String: Argument]) throws -> Bool {
  let program = try kernel.program()
  let expected = try Reference.run(program, arguments)
  for seed in 1...4 as ClosedRange<UInt64> {
    guard try Reference.run(program, arguments, cuts: .random(seed: seed)) == expected else { return false }
  }
  for machine in MachineDescription.cpus where machine.runsHere {
    for schedule in Schedule.candidates(for: program, on: machine) {
      let executable = try Executable(program, for: machine, schedule: schedule)
      guard try executable.run(arguments) == expected else { return false }
    }
  }
  return true
}
