import MachineIR
import Testing
import TileIR
import Tiles

/// A plan of one kernel that makes `y[r]`, the sum of `x[r]`, one row a cell.
enum SumPlan {
  static let scalar = MachineType(.f32)
  static let total = Variable("total", scalar)
  static let zero = Expression.float(0)

  /// - Parameters:
  ///   - width: how long a row is.
  ///   - scratch: arrays on chip that it has.
  ///   - body: what a cell does from where the row begins; it ends with a store of what it returns.
  static func plan(
    width: Int, _ order: SummationOrder, for machine: MachineDescription = .avx2, scratch: [ScratchArray] = [], body: (_ row: Expression) -> (statements: [MachineStatement], sum: Expression)
  ) throws -> Plan {
    let kernel = Kernel("row_sum") { k in
      let rows = k.dimension("rows", in: 0...1000)
      let columns = k.dimension("columns", in: width...width)
      let x = k.input("x", Float.self, [rows, columns])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in y[r] = x[r].sum(along: columns, order: order) }
    }
    let program = try kernel.program()
    let rows = try #require(program.dimensions.first { $0.name == "rows" })
    let sum = try #require(
      program.nodes.first { if case .reduce(.sum, _) = $0.operation { true } else { false } })
    let cell = Variable("cell", .index)
    let (statements, result) = body(Expression.variable(cell) * .variable(.init("x_stride", .index)))
    let machineKernel = MachineKernel(
      name: "row_sum",
      buffers: [
        KernelBuffer("x", .parameter(0), .float32, isWritten: false),
        KernelBuffer("y", .parameter(1), .float32, isWritten: true),
      ],
      scalars: [KernelScalar("x_stride", .stride(parameter: 0, axis: 0))], scratch: scratch, cells: .extent(rows), cell: cell,
      body: [.note("sum", sum.location)] + statements
        + [.store(Access("y", .float32, .variable(cell)), result, active: nil)])
    return Plan(
      program: program, machine: machine, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [machineKernel])], messages: [])
  }

  /// Lanes of a row from `place` on.
  static func load(_ place: Expression, lanes: Int = 1, active: Expression? = nil) -> Expression {
    .load(Access("x", .float32, place), MachineType(.f32, lanes), active: active)
  }

  static func loop(
    _ name: String, _ range: Range<Int>, step: Int = 1, unrolled: Bool = false,
    _ body: (Expression) -> [MachineStatement]
  ) -> MachineStatement {
    let counter = Variable(name, .index)
    return .loop(
      CountedLoop(
        counter, from: .constant(range.lowerBound), to: .constant(range.upperBound), step: step, unrolled: unrolled,
        body(.variable(counter))))
  }

  /// One accumulator: the elements at the places that `place` makes of a loop's counter.
  static func sequential(
    _ range: Range<Int>, of width: Int, from start: Float = 0, at place: (Expression) -> Expression = { $0 }
  ) throws -> Plan {
    try plan(width: width, .sequential) { row in
      let add = loop("column", range) { column in
        [.assign(total, Expression.variable(total).apply(.add, load(row + place(column))))]
      }
      return ([.declare(total, .float(start)), add], .variable(total))
    }
  }

  /// Elements of an array that begin at +0, the first `count` of which a row is added to; the element at `used` is the row's
  /// sum.
  static func elements(_ count: Int, of elements: Int, used: Int, width: Int = 9) throws -> Plan {
    try plan(width: width, .sequential) { row in
      let array = RegisterArray("totals", scalar, [elements])
      let add = loop("column", 0..<width) { column in
        [
          loop("element", 0..<count, unrolled: true) { element in
            [.setElement(array, [element], Expression.element(array, [element]).apply(.add, load(row + column)))]
          }
        ]
      }
      let clear = loop("begun", 0..<elements, unrolled: true) { [.setElement(array, [$0], zero)] }
      return ([.registers(array), clear, add], .element(array, [.constant(used)]))
    }
  }

  /// Runs of `run`, each with an accumulator of its own.
  static func chained(run: Int, of width: Int, stated: Int) throws -> Plan {
    try plan(width: width, .chained(stated)) { row in
      let sum = Variable("sum", scalar)
      let runs = loop("run", 0..<width, step: run) { start in
        let end = (start + .constant(run)).minimum(.constant(width))
        let column = Variable("column", .index)
        let inner = CountedLoop(
          column, from: start, to: end,
          [.assign(sum, Expression.variable(sum).apply(.add, load(row + .variable(column))))])
        return [
          .declare(sum, zero), .loop(inner),
          .assign(total, Expression.variable(total).apply(.add, .variable(sum))),
        ]
      }
      return ([.declare(total, zero), runs], .variable(total))
    }
  }

  enum LaneFault: CaseIterable {
    case none, noTail, tailTwice, tailElsewhere, neighboursFirst, halvesMixed, lastLaneOnly, usedEarly
  }

  /// Sixteen partial sums in two registers of eight lanes, whole vectors and then what is left, folded by halves.
  static func interleaved(_ fault: LaneFault, of width: Int = 41) throws -> Plan {
    try plan(width: width, .interleaved(16)) { row in
      let lanes = 8
      let wide = MachineType(.f32, lanes)
      let array = RegisterArray("partial", wide, [2])
      let whole = width / 16 * 16
      func add(_ member: Expression, _ value: Expression) -> MachineStatement {
        .setElement(array, [member], Expression.element(array, [member]).apply(.add, value))
      }
      var statements: [MachineStatement] = [
        .registers(array),
        loop("first", 0..<2, unrolled: true) { [.setElement(array, [$0], .float(0, lanes: lanes))] },
        loop("column", 0..<whole, step: 16) { column in
          [loop("member", 0..<2, unrolled: true) { m in [add(m, load(row + column + m * .constant(lanes), lanes: lanes))] }]
        },
      ]
      func tail(_ start: Int, _ name: String) -> MachineStatement {
        loop(name, 0..<2, unrolled: true) { m in
          let shifted = Expression.constant(start) + m * .constant(lanes)
          let active = (Expression.constant(width) - shifted).maximum(.constant(0)).minimum(.constant(lanes))
          let named = Variable("\(name)_active", .index)
          let mask = Expression.laneNumbers(lanes).compared(
            .less, Expression.variable(named).converted(to: .i32).broadcast(to: lanes))
          let value = load(row + shifted, lanes: lanes, active: .variable(named))
          return [
            .define(named, active), add(m, .apply(.select, [mask, value, .float(0, lanes: lanes)], wide)),
          ]
        }
      }
      switch fault {
      case .noTail: break
      case .tailTwice: statements += [tail(whole, "tail"), tail(whole, "tail_again")]
      case .tailElsewhere: statements.append(tail(whole - 1, "tail"))
      default: statements.append(tail(whole, "tail"))
      }
      if fault == .usedEarly { statements.swapAt(statements.count - 1, statements.count - 2) }
      func element(_ position: Int) -> Expression { .element(array, [.constant(position)]) }
      let half = Variable("half", wide)
      statements.append(.define(half, fault == .lastLaneOnly ? element(1) : element(0).apply(.add, element(1))))
      var value = Expression.variable(half)
      for width in [4, 2, 1] {
        let type = MachineType(.f32, width)
        let (low, high): (Instruction, Instruction) = fault == .neighboursFirst || fault == .halvesMixed && width == 2
          ? (.evenLanes, .oddLanes) : (.lowHalf, .highHalf)
        let sum = Expression.apply(low, [value], type).apply(.add, .apply(high, [value], type))
        let named = Variable("folded_\(width)", type)
        statements.append(.define(named, sum))
        value = .variable(named)
      }
      return (statements, value)
    }
  }

  /// Elements of a register array added in pairs, or as `halves` says.
  static func tree(of width: Int, halves: Bool, leaves: Int = 8) throws -> Plan {
    try plan(width: width, .tree) { row in
      let array = RegisterArray("leaf", scalar, [leaves])
      var statements: [MachineStatement] = [
        .registers(array),
        loop("first", 0..<leaves) { [.setElement(array, [$0], zero)] },
        loop("column", 0..<width) { [.setElement(array, [$0], zero.apply(.add, load(row + $0)))] },
      ]
      var count = leaves / 2
      while count > 0 {
        let half = count
        statements.append(
          loop("pair_\(count)", 0..<count) { at in
            let (a, b) = halves ? (at, at + .constant(half)) : (at * .constant(2), at * .constant(2) + .constant(1))
            return [.setElement(array, [at], Expression.element(array, [a]).apply(.add, .element(array, [b])))]
          })
        count /= 2
      }
      return (statements, .element(array, [.constant(0)]))
    }
  }
}
