import EmitC
import MachineIR
import Runtime
import TileIR

/// A machine kernel of one expression, lane by lane over whole buffers, for operations that a test wants
/// to see on every target without a schedule in between.
struct LaneKernel {
  let name: String
  let inputs: [ElementType]
  let output: ElementType
  let lanes: Int
  /// The output's lanes from the inputs' loaded lanes.
  let expression: ([Expression]) -> Expression

  private static let count = Dimension("count", in: 0...(1 << 24))

  /// A cell takes `lanes` elements, the last cell those that are left: so loads and stores of parts of a
  /// vector are under test too.
  func plan(on machine: MachineDescription) throws -> Plan {
    let location = SourceLocation(file: "LaneKernel", line: 1)
    let builder = ProgramBuilder(name: name, location: location)
    for (number, element) in inputs.enumerated() {
      _ = try builder.declare(
        Parameter(
          name: "x\(number)", role: .input, element: element, axes: [Self.count], location: location))
    }
    _ = try builder.declare(
      Parameter(name: "y", role: .output, element: output, axes: [Self.count], location: location))
    // What the kernel computes is not what the program says; that it writes all of y is.
    try builder.openRegion([ParallelAxis(Self.count)], at: location)
    let nothing = try builder.append(.constant(0, output), at: location)
    try builder.perform(
      .store(parameter: inputs.count, [.axis(Self.count)], nothing, where: nil), at: location)
    builder.closeRegion()

    let cell = Variable("cell", .index)
    let start = Variable("start", .index)
    let active = Expression.variable(Variable("count", .index)) - .variable(start)
    func access(_ name: String, _ element: ElementType) -> Access { Access(name, element, .variable(start)) }
    let loaded = inputs.enumerated().map { number, element in
      Variable("v\(number)", MachineType(element.register, lanes))
    }
    var body: [MachineStatement] = [.define(start, .variable(cell) * .constant(lanes))]
    var partial: [MachineStatement] = []
    for (isPartial, number) in [false, true].flatMap({ flag in inputs.indices.map { (flag, $0) } }) {
      let load = Expression.load(
        access("x\(number)", inputs[number]), loaded[number].type,
        active: isPartial ? active : nil)
      let statement = MachineStatement.define(loaded[number], load)
      if isPartial { partial.append(statement) } else { body.append(statement) }
    }
    let value = expression(loaded.map { .variable($0) })
    let whole = Array(body.dropFirst()) + [.store(access("y", output), value, active: nil)]
    partial.append(.store(access("y", output), value, active: active))
    body = [
      body[0],
      lanes == 1
        ? .branch(active.compared(.greater, .constant(0)), whole, [])
        : .branch(active.compared(.greaterOrEqual, .constant(lanes)), whole, partial),
    ]
    let count = HostExpression(extentOf: Self.count)
    let kernel = MachineKernel(
      name: name,
      buffers: inputs.enumerated().map { KernelBuffer("x\($0)", .parameter($0), $1, isWritten: false) }
        + [KernelBuffer("y", .parameter(inputs.count), output, isWritten: true)],
      scalars: [KernelScalar("count", count)], scratch: [], cells: count.dividedUp(by: lanes), cell: cell,
      body: body)
    return Plan(
      program: builder.program, machine: machine, schedule: "by hand", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [kernel])], messages: [])
  }

  /// The output's codes on each target that this processor runs or emulates and that does not refuse the
  /// kernel, by the target's name. `inputs` are codes, as many for each input.
  func run(_ inputs: [[UInt32]]) throws -> [String: [UInt32]] {
    let count = inputs[0].count
    var arguments: [String: Argument] = [:]
    for (number, codes) in inputs.enumerated() {
      arguments["x\(number)"] = .tensor(HostTensor(self.inputs[number], [count], codes: codes))
    }
    var results: [String: [UInt32]] = [:]
    for machine in MachineDescription.cpus where machine.runsHere || Emulation.runs(machine) {
      let executable: any RunnableOperator
      do {
        let plan = try plan(on: machine)
        executable = machine.runsHere ? try Executable(plan: plan, unproved: "one instruction, by hand") : try EmulatedExecutable(plan: plan)
      } catch is EmissionError { continue }
      let found = try executable.run(arguments, extents: [:], threads: 1, prints: { _ in })
      results[machine.name] = found["y"]!.codes
    }
    return results
  }
}
