import Foundation
import Runtime
import Testing
import TileIR
import Tiles

/// Launches that are refused before anything runs, each with the argument's name, what was expected and
/// what came.
@Suite struct LaunchTests {
  static let rows = Dimension("rows", in: 1...64)
  static let edges = Dimension("edges", in: 2...9)
  static let width = Dimension("width", 6)

  static func program() throws -> Program {
    try Kernel("launched") { k in
      let x = k.input("x", Float.self, [rows, width])
      let codes = k.input("codes", E2M1.self, [rows, width])
      _ = k.input("order", Int32.self, [rows], .permutation(of: rows))
      _ = k.input("offsets", Int32.self, [edges], .partition(of: rows))
      _ = k.input("picks", Int32.self, [rows], .coordinate(of: rows))
      _ = k.input("rising", UInt8.self, [rows, width], .increasing)
      _ = k.input("bounded", Int8.self, [rows], .range(-3, 5))
      let start = k.scalar("start", in: 0...7)
      k.require(start, isAtMost: Position(lengthOf: rows) - 2)
      let ring = k.state("ring", BFloat16.self, [rows, width])
      let y = k.output("y", Float.self, [rows, width])
      k.parallel(rows) { r in
        y[r] = x[r] + codes[r].cast(to: Float.self)
        ring[r] = x[r].cast(to: BFloat16.self)
      }
    }.program()
  }

  /// Good arguments in memory of their own, with room behind every buffer.
  final class Arguments {
    let program: Program
    private(set) var launch: [LaunchArgument] = []
    private var memory: [UnsafeMutableRawPointer] = []

    init() throws {
      program = try LaunchTests.program()
      for parameter in program.parameters {
        if parameter.role == .scalar {
          launch.append(.int(1))
          continue
        }
        let shape = parameter.axes.map { $0.extent ?? ($0 == LaunchTests.edges ? 4 : 3) }
        let area = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
        area.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
        memory.append(area)
        launch.append(.buffer(TensorView(parameter.element, area, shape: shape)))
      }
      fill("order", [2, 0, 1])
      fill("offsets", [0, 1, 1, 3])
      fill("picks", [2, 2, 0])
      fillBytes("rising", [0, 1, 2, 3, 4, 255, 7, 8, 9, 10, 11, 12, 0, 2, 4, 6, 8, 10])
      fillBytes("bounded", [5, UInt8(bitPattern: -3), 0])
    }

    deinit { memory.forEach { $0.deallocate() } }

    private func position(_ name: String) -> Int { program.parameters.firstIndex { $0.name == name }! }

    func view(_ name: String) -> TensorView {
      guard case .buffer(let view) = launch[position(name)] else { preconditionFailure() }
      return view
    }
    func set(_ name: String, _ argument: LaunchArgument) { launch[position(name)] = argument }
    func fill(_ name: String, _ values: [Int32]) {
      for (at, value) in values.enumerated() {
        view(name).pointer!.storeBytes(of: value, toByteOffset: 4 * at, as: Int32.self)
      }
    }
    func fillBytes(_ name: String, _ values: [UInt8]) {
      for (at, value) in values.enumerated() { view(name).pointer!.storeBytes(of: value, toByteOffset: at, as: UInt8.self) }
    }
    func removeLast() { launch.removeLast() }
  }

  static let executable = Result { try LoadedKernel(Executable(program())) }

  /// An executable that tests take turns with.
  final class LoadedKernel: @unchecked Sendable {
    private let executable: Executable
    private let turn = NSLock()
    init(_ executable: Executable) { self.executable = executable }
    func launch(_ arguments: [LaunchArgument], extents: [TileIR.Dimension: Int]) throws {
      try turn.withLock { try executable.launch(arguments, extents: extents) }
    }
  }

  /// What is said to a launch whose arguments `change` has changed; nothing if it runs.
  private func refusal(
    extents: [TileIR.Dimension: Int] = [:], _ change: (Arguments) -> Void
  ) throws -> String {
    let arguments = try Arguments()
    change(arguments)
    do {
      try Self.executable.get().launch(arguments.launch, extents: extents)
      return ""
    } catch let error as Diagnostic {
      #expect(error.description.contains("LaunchTests.swift:"), "the declaration's line is missing")
      return error.description
    }
  }

  /// `view` with parts of it changed.
  private func changed(
    _ view: TensorView, element: ElementType? = nil, pointer: UnsafeMutableRawPointer?? = nil,
    shape: [Int]? = nil, strides: [Int]? = nil
  ) -> LaunchArgument {
    .buffer(
      TensorView(
        element ?? view.element, pointer ?? view.pointer, shape: shape ?? view.shape,
        strides: strides ?? view.strides))
  }

  @Test func goodArgumentsRun() throws {
    #expect(try refusal { _ in } == "")
    #expect(try refusal(extents: [Self.rows: 3]) { _ in } == "")
  }

  @Test func countsAndKinds() throws {
    #expect(try refusal { $0.removeLast() }.contains("launched takes 10 arguments, 9 given"))
    #expect(try refusal { $0.set("x", .int(3)) }.contains("x: float32 [rows, width] expected, the integer 3 came"))
    #expect(try refusal { $0.set("start", .float(3)) }
      .contains("start: a number of int32 expected, the float 3.0 came"))
    #expect(try refusal { $0.set("start", $0.launch[0]) }
      .contains("start: a number of int32 expected, float32 [3, 6] came"))
  }

  @Test func elementTypesAndRanks() throws {
    #expect(try refusal { $0.set("x", changed($0.view("x"), element: .int32)) }
      .contains("x: float32 [rows, width] expected, int32 [3, 6] came"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), shape: [18], strides: [1])) }
      .contains("x: float32 [rows, width] expected, float32 [18] came"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), strides: [1])) }
      .contains("x: float32 [rows, width] expected, float32 [3, 6] with 1 strides came"))
  }

  @Test func extents() throws {
    #expect(try refusal { $0.set("x", changed($0.view("x"), shape: [3, 5])) }
      .contains("x: extent 6 of width expected, 5 came"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), shape: [65, 6])) }
      .contains("x: extent of rows in 1...64 expected, 65 came"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), shape: [-1, 6])) }
      .contains("x: extent of rows in 1...64 expected, -1 came"))
    #expect(try refusal { $0.set("order", changed($0.view("order"), shape: [2])) }
      .contains("order: extent 3 of rows expected, 2 came"))
    #expect(try refusal(extents: [Self.rows: 4]) { _ in }.contains("x: extent 4 of rows expected, 3 came"))
    #expect(try refusal(extents: [Self.rows: 0]) { _ in }
      .contains("the given extent of rows: 1...64 expected, 0 came"))
    #expect(try refusal(extents: [Dimension("other", in: 0...3): 1]) { _ in }
      .contains("other is not a dimension that a launch of launched binds"))
  }

  @Test func addresses() throws {
    #expect(try refusal { $0.set("x", changed($0.view("x"), pointer: .some(nil))) }
      .contains("x: memory expected, null came"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), pointer: $0.view("x").pointer! + 2)) }
      .contains("x: an address divisible by 4 expected, 0x"))
    #expect(try refusal { $0.set("ring", changed($0.view("ring"), pointer: $0.view("ring").pointer! + 1)) }
      .contains("ring: an address divisible by 2 expected, 0x"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), pointer: UnsafeMutableRawPointer(bitPattern: UInt.max - 7))) }
      .contains("x: memory within the address space expected"))
  }

  @Test func strides() throws {
    #expect(try refusal { $0.set("x", changed($0.view("x"), strides: [12, 2])) }
      .contains("x: stride 1 of the last axis expected, 2 came"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), strides: [-6, 1])) }
      .contains("x: a stride of rows of at least 0 expected, -6 came"))
    #expect(try refusal { $0.set("y", changed($0.view("y"), strides: [5, 1])) }
      .contains("y: a stride of rows of at least 6 expected, 5 came"))
    #expect(try refusal { $0.set("codes", changed($0.view("codes"), strides: [7, 1])) }
      .contains("codes: an even stride of rows of at least 0 expected, 7 came"))
    #expect(try refusal { $0.set("x", changed($0.view("x"), strides: [Int.max / 2 + 1, 1])) }
      .contains("x: strides within the address space expected"))
    // Wide rows, and one row that all rows of an input share, are no mistake.
    #expect(try refusal { $0.set("y", changed($0.view("y"), strides: [10, 1])) } == "")
    #expect(try refusal { $0.set("x", changed($0.view("x"), strides: [0, 1])) } == "")
  }

  @Test func overlaps() throws {
    let message = try refusal { $0.set("y", changed($0.view("y"), pointer: $0.view("x").pointer)) }
    #expect(message.contains("y: memory of its own expected, since the launch writes it; memory that x has too came"))
    #expect(try refusal { $0.set("y", changed($0.view("y"), pointer: $0.view("x").pointer! + 68)) }
      .contains("y: memory of its own expected"))
    #expect(try refusal { $0.set("ring", changed($0.view("ring"), pointer: $0.view("y").pointer! + 4)) }
      .contains("ring: memory of its own expected"))
    #expect(try refusal { $0.set("y", changed($0.view("y"), pointer: $0.view("x").pointer! + 72)) } == "")
    // Columns of one matrix: x in the first six, y in the next, of rows of 12.
    func columns(_ arguments: Arguments, _ first: Int, step: Int = 12) {
      let matrix = arguments.view("x").pointer!
      arguments.set("x", changed(arguments.view("x"), strides: [12, 1]))
      arguments.set("y", changed(arguments.view("y"), pointer: matrix + 4 * first, strides: [step, 1]))
    }
    #expect(try refusal { columns($0, 6) } == "")
    #expect(try refusal { columns($0, 5) }.contains("y: memory of its own expected"))
    #expect(try refusal { columns($0, 7) }.contains("y: memory of its own expected"))
    #expect(try refusal { columns($0, 6, step: 13) }.contains("y: memory of its own expected"))
    // Two inputs may be one buffer.
    #expect(try refusal { $0.fill("picks", [2, 0, 1]); $0.set("order", $0.launch[4]) } == "")
  }

  @Test func numbersAndRelations() throws {
    #expect(try refusal { $0.set("start", .int(8)) }.contains("start: a number in 0...7 expected, 8 came"))
    #expect(try refusal { $0.set("start", .int(-1)) }.contains("start: a number in 0...7 expected, -1 came"))
    #expect(try refusal { $0.set("start", .int(2)) }
      .contains("this launch breaks start <= |rows| - 2: 2 and 1 came"))
  }

  @Test func contents() throws {
    #expect(try refusal { $0.fill("order", [2, 0, 2]) }
      .contains("order: each of 0..<3 once expected, element [2] is 2 once more"))
    #expect(try refusal { $0.fill("order", [2, 0, -1]) }.contains("element [2] is -1"))
    #expect(try refusal { $0.fill("offsets", [1, 1, 2, 3]) }
      .contains("offsets: offsets from 0 to 3, the extent of rows, that never decrease expected, the first is 1"))
    #expect(try refusal { $0.fill("offsets", [0, 2, 1, 3]) }.contains("element [2] is 1 after 2"))
    #expect(try refusal { $0.fill("offsets", [0, 1, 2, 2]) }.contains("the last is 2"))
    #expect(try refusal { $0.fill("picks", [0, 3, 0]) }
      .contains("picks: coordinates of rows, 0..<3, expected, element [1] is 3"))
    #expect(try refusal { $0.fillBytes("rising", [0, 1, 2, 3, 4, 4]) }
      .contains("rising: strictly ascending rows expected, element [0, 5] is 4 after 4"))
    #expect(try refusal { $0.fillBytes("bounded", [5, 6]) }
      .contains("bounded: integers in -3...5 expected, element [1] is 6"))
  }
}
