import EmitCUDA
import MachineIR
import Runtime
import Testing
import TileIR

/// Values of every number of lanes are printed as text that the compiler takes: rearrangements, partial memory,
/// packed elements, checks.
@Suite struct LaneTextTests {
  private static let counts = [2, 8, 16, 32, 64, 128]

  private func source(_ body: [MachineStatement], element: ElementType = .float32) throws -> String {
    let program = try Program(copying: element)
    let kernel = MachineKernel(
      name: "lanes",
      buffers: [
        KernelBuffer("x", .parameter(0), element, isWritten: false),
        KernelBuffer("y", .parameter(1), element, isWritten: true),
      ],
      scalars: [KernelScalar("count", .constant(3))], scratch: [], cells: .constant(1), cell: Variable("cell", .index),
      body: body)
    return try EmitCUDA.source(kernels: [kernel], machine: .sm80, program: program)
  }

  private func compile(_ body: [MachineStatement], element: ElementType = .float32) throws {
    let text = try source(body, element: element)
    _ = try NVRTC.standard.get().compile(text, named: "lanes", for: MachineDescription.sm80.gpu!)
  }

  private func load(_ lanes: Int, _ scalar: MachineScalar = .f32, _ element: ElementType = .float32, partial: Bool = false)
    -> Expression
  {
    .load(
      Access("x", element, .constant(lanes)), MachineType(scalar, lanes),
      active: partial ? .variable(Variable("count", .index)) : nil)
  }

  private func store(_ value: Expression, _ element: ElementType = .float32, partial: Bool = false) -> MachineStatement {
    .store(
      Access("y", element, .constant(0)), value, active: partial ? .variable(Variable("count", .index)) : nil)
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why)) func rearrangements() throws {
    var body: [MachineStatement] = []
    for lanes in Self.counts {
      let type = MachineType(.f32, lanes)
      let value = Variable("v\(lanes)", type)
      body.append(.define(value, load(lanes)))
      let half = type.with(lanes: lanes / 2)
      for part in [Instruction.lowHalf, .highHalf, .evenLanes, .oddLanes] {
        body.append(store(.apply(part, [.variable(value)], half)))
      }
      for whole in [Instruction.concatenate, .interleave] {
        body.append(store(.apply(whole, [.variable(value), .variable(value)], type.with(lanes: 2 * lanes))))
      }
      body.append(store(.apply(.lane(lanes - 1), [.variable(value)], MachineType(.f32))))
    }
    try compile(body)
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why), arguments: [ElementType.float32, .bfloat16, .int8, .bool, .e2m1, .int4])
  func partialMemory(_ element: ElementType) throws {
    var body: [MachineStatement] = []
    for lanes in Self.counts {
      for partial in [false, true] {
        let value = Variable("v\(lanes)\(partial)", MachineType(element.register, lanes))
        body.append(.define(value, load(lanes, element.register, element, partial: partial)))
        body.append(store(.variable(value), element, partial: partial))
        let active: Expression? = partial ? .variable(Variable("count", .index)) : nil
        let gathered = Expression.gather(
          Access("x", element, .constant(1)), lanes: .laneNumbers(lanes), value.type, active: active)
        if element.bitWidth >= 8 {
          body.append(.scatter(Access("y", element, .constant(1)), lanes: .laneNumbers(lanes), gathered, active: active))
        } else {
          body.append(store(gathered, element, partial: partial))
        }
      }
    }
    let one = Expression.load(Access("x", element, .constant(5)), MachineType(element.register), active: nil)
    body.append(store(one, element))
    try compile(body, element: element)
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why)) func arithmeticOfEveryWidth() throws {
    var body: [MachineStatement] = []
    for lanes in [1] + Self.counts {
      let float = lanes == 1
        ? Expression.load(Access("x", .float32, .constant(0)), MachineType(.f32), active: nil) : load(lanes)
      let value = Variable("f\(lanes)", float.type)
      body.append(.define(value, float))
      let x = Expression.variable(value)
      let (nan, one) = (Expression.float(.nan, lanes: lanes), Double(1).bitPattern)
      let isLess = x.compared(.less, .float(.infinity, lanes: lanes))
      let terms: [Expression] = [x.converted(to: .f64), x.converted(to: .f64), .float(one, MachineType(.f64, lanes))]
      let floats: [Expression] = [
        x.apply(.minimum, .float(2, lanes: lanes)), x.apply(.maximum, x), x.apply(.absolute), x.apply(.squareRoot),
        x.apply(.reciprocalSquareRoot), x.apply(.fusedMultiplyAdd, x, x), x.apply(.divide, x), x.apply(.negate),
        .apply(.select, [isLess, x, nan], x.type), .apply(.roundedSum, terms, x.type),
      ]
      for result in floats { body.append(store(result)) }
      let whole = x.converted(to: .i32)
      let integers: [Expression] = [
        whole.apply(.shiftRightLogical, .integer(3, whole.type)), whole.apply(.divideFloor(3)),
        whole.apply(.remainderFloor(5)), whole.apply(.divideFloor(4)), whole.apply(.not),
        x.bitCast(to: .i32).apply(.xor, whole),
      ]
      for result in integers { body.append(store(result.converted(to: .f32))) }
      let wide = whole.converted(to: .i64)
      body.append(store(wide.powerOfTwo(bias: 1023).converted(to: .f32)))
      let holds = x.compared(.notEqual, x)
      body.append(.check(holds.apply(.or, holds).apply(.not), code: lanes))
      body.append(store(holds.converted(to: .f32)))
    }
    try compile(body)
  }

  @Test func valuesThatAnotherThreadHoldsAreShuffledByAllThreads() throws {
    let value = Variable("v", MachineType(.f32, 32))
    let text = try source([
      .define(value, load(32)), store(.apply(.lane(3), [.variable(value)], MachineType(.f32))),
    ])
    #expect(text.contains("store_active_lanes(y, __shfl_sync(whole_warp, v, 3), 1);"))
  }

  @Test func whatTheMachineHasNotIsRefusedByName() throws {
    let four = MachineType(.i32, 8)
    let operands: [Expression] = [
      .integer(0, four), .integer(0, MachineType(.u8, 32)), .integer(0, MachineType(.i8, 32)),
    ]
    let refusals: [(Expression, String)] = [
      (.apply(.dot4, operands, four), "dot4"),
      (Expression.integer(0, MachineType(.i16, 64)).bitCast(to: .i32), "are in other threads"),
    ]
    for (value, words) in refusals {
      let error = #expect(throws: EmissionError.self) { try source([.define(Variable("v", value.type), value)]) }
      #expect(error?.message.contains(words) == true)
      #expect(error?.kernel == "lanes" && error?.machine == "cuda-sm80")
    }
  }
}

extension Program {
  /// A program that copies one buffer to another, for kernels by hand.
  fileprivate init(copying element: ElementType) throws {
    let location = SourceLocation(file: "LaneText", line: 1)
    let count = Dimension("count", in: 0...(1 << 24))
    let builder = ProgramBuilder(name: "lanes", location: location)
    for (name, role) in [("x", Role.input), ("y", .output)] {
      _ = try builder.declare(
        Parameter(name: name, role: role, element: element, axes: [count], location: location))
    }
    try builder.openRegion([ParallelAxis(count)], at: location)
    let value = try builder.append(.load(0, [.axis(count)]), at: location)
    try builder.perform(.store(parameter: 1, [.axis(count)], value, where: nil), at: location)
    builder.closeRegion()
    self = builder.program
  }
}
