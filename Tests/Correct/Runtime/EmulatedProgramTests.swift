import EmitC
import MachineIR
import Runtime
import Testing
import TileIR

/// An emulated program reports what goes wrong in it, by launch, and goes on with the others.
@Suite(.enabled(if: Emulation.missing == nil, "\(Emulation.missing ?? "")"))
struct EmulatedProgramTests {
  /// y = x, one element a cell; the changes break it.
  private func copying(
    _ name: String, readAhead: Int = 0, writesInput: Bool = false, skips: Int = 0, adds: Float = 0
  ) throws -> Plan {
    let count = Dimension("count", in: 0...1000)
    let location = SourceLocation(file: "EmulatedProgramTests", line: 1)
    let builder = ProgramBuilder(name: name, location: location)
    for (name, role) in [("x", Role.input), ("y", .output)] {
      _ = try builder.declare(
        Parameter(name: name, role: role, element: .float32, axes: [count], location: location))
    }
    try builder.openRegion([ParallelAxis(count)], at: location)
    let copied = try builder.append(.load(0, [.axis(count)]), at: location)
    try builder.perform(.store(parameter: 1, [.axis(count)], copied, where: nil), at: location)
    builder.closeRegion()
    let cell = Variable("cell", .index)
    let at = Expression.variable(cell)
    let value = Expression.load(
      Access("x", .float32, at + .constant(readAhead)), MachineType(.f32), active: nil)
    var body: [MachineStatement] = [
      .store(Access("y", .float32, at), value.apply(.add, .float(adds)), active: nil)
    ]
    if writesInput { body.append(.store(Access("x", .float32, at), .float(0), active: nil)) }
    if skips > 0 { body = [.branch(at.compared(.notEqual, .constant(skips)), body, [])] }
    let kernel = MachineKernel(
      name: name,
      buffers: [
        KernelBuffer("x", .parameter(0), .float32, isWritten: writesInput),
        KernelBuffer("y", .parameter(1), .float32, isWritten: true),
      ], scalars: [], scratch: [], cells: HostExpression(extentOf: count), cell: cell, body: body)
    return Plan(
      program: builder.program, machine: .neon, schedule: "by hand", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [kernel])], messages: [])
  }

  /// What each plan's launch on `values` gives: the output, or the error's text.
  private func outcomes(_ plans: [Plan], _ values: [Float] = [1, 2, 3]) throws -> [Result<[Float], RuntimeError>] {
    let program = try EmulatedProgram(plans: plans)
    let hosts = try plans.map { try HostArguments($0.program, ["x": .floats([values.count], values)]) }
    let results = try program.run(hosts.indices.map { .init(plan: $0, hosts[$0].launch) })
    return zip(results, hosts).map { result, host in
      result.map { host.results()["y"]!.numbers }.mapError { RuntimeError("\($0)") }
    }
  }

  private func text(_ result: Result<[Float], RuntimeError>) -> String {
    if case .failure(let error) = result { "\(error)" } else { "" }
  }

  @Test func faultsAreFoundAndNamedAndTheOthersGoOn() throws {
    // Launches alternate between the two ends of their pages, so each mistake is made at both.
    let plans = try [
      copying("good"), copying("before", readAhead: -1), copying("ahead", readAhead: 1),
      copying("writing", writesInput: true), copying("before", readAhead: -1),
      copying("ahead", readAhead: 1), copying("last", adds: 1),
    ]
    let results = try outcomes(plans)
    #expect(try results[0].get() == [1, 2, 3])
    for name in ["before", "ahead", "writing"] {
      let texts = plans.indices.filter { plans[$0].program.name == name }.map { text(results[$0]) }
      #expect(texts.contains { $0.contains("\(name) ended the emulated program with a memory fault") })
    }
    #expect(try results[6].get() == [2, 3, 4])
  }

  @Test func whatIsNotWrittenShows() throws {
    let results = try outcomes([copying("skipping", skips: 1)])
    #expect(try results[0].get()[1].bitPattern == 0xA5A5_A5A5)
  }

  @Test func argumentsAreCheckedAsAnywhere() throws {
    let plan = try copying("checked")
    let program = try EmulatedProgram(plans: [plan])
    let host = try HostArguments(plan.program, ["x": .floats([2], [1, 2])])
    let results = try program.run([
      .init(plan: 0, [host.launch[0], host.launch[0]]), .init(plan: 0, host.launch),
    ])
    #expect(text(results[0].map { [] }.mapError { RuntimeError("\($0)") }).contains("y: memory of its own expected"))
    #expect(throws: Never.self) { try results[1].get() }
  }

  @Test func aMissingEmulatorIsNamed() {
    let message = refusal { _ = try Emulator.find(for: .neon, environment: ["PATH": "/nonexistent"]) }
    #if !arch(arm64)
      #expect(message.contains("looked for qemu-aarch64 along PATH"))
      #expect(message.contains("qemu-user"))
    #endif
    #expect(refusal { _ = try Emulator.find(for: .avx2) }.contains("cpu-avx2 cannot be emulated"))
  }
}
