import MachineIR
import Operators
import Proofs
import Schedules
import Testing
import TileIR

/// Faults put into programs of vector and cube cores that are proved: none stays proved.
@Suite struct CubeProofTests {
  static let kernel: PipeKernel = {
    let instance = OperatorLibrary.named("linear_fp8")!.instances.first(where: \.isSmall)!
    let plan = try! Lowering.plan(instance.kernel().program(), for: .ascend910b)
    return try! Lowering.pipes(plan).first { $0.usesCubes }!.withoutNeedlessEvents()
  }()

  /// Of an attention: lines that the cube core finds, operands that are turned, slices that the vector core makes.
  static let lowered: PipeKernel = {
    let instance = OperatorLibrary.named("attention")!.instances.first { $0.name == "small wide" }!
    let plan = try! Lowering.plan(instance.kernel().program(), for: .ascend910b)
    return try! Lowering.pipes(plan).first { $0.usesCubes }!
  }()
  static let attention = lowered.withFewestEvents()

  /// With an event for each purpose there are more than the chip has numbers; shared, there are not.
  @Test func eventsBeyondTheChipsNumbersAreRefused() throws {
    var many = Self.lowered
    many.body = try #require(many.bodiesOfManyEvents.last)
    expectRefused(many, "with more events than there are numbers")
  }

  @Test func anAttentionIsProvedAsItIs() {
    #expect(PipeProof(Self.attention).faults == [])
    var staged = 0
    Self.attention.forEachStatement { if case .cube(.stageLines) = $0 { staged += 1 } }
    // Of two tiles of scores, and a block of values.
    #expect(staged == 3)
  }

  /// Each once, and flags that are another's.
  @Test func noFlagOfAnAttentionMayBeMissingDoubledOrAnothers() {
    var flags: Set<PipeEvent> = []
    Self.attention.forEachStatement { statement in
      switch statement {
      case .set(let event), .wait(let event):
        if event.isAcross { flags.insert(event) }
      default: break
      }
    }
    #expect(flags.count > 4)
    for event in flags {
      expectRefused(
        Self.attention.mapping { $1 == .set(event) || $1 == .wait(event) ? [] : [$1] }, "without \(event) at all")
      // What goes the same way on other pipes has this number.
      guard let other = flags.first(where: { $0.from.core == event.from.core && $0.from != event.from }) else { continue }
      let same = PipeEvent(event.from, event.to, other.number)
      expectRefused(
        Self.attention.mapping {
          switch $1 {
          case .set(event): [.set(same)]
          case .wait(event): [.wait(same)]
          default: [$1]
          }
        }, "with \(event) as \(same)")
    }
  }

  @Test func linesAreThoseOfThePlan() {
    func changed(_ change: (StagedLines) -> StagedLines) -> PipeKernel {
      Self.attention.mapping { _, statement in
        if case .cube(.stageLines(let staged)) = statement { [.cube(.stageLines(change(staged)))] } else { [statement] }
      }
    }
    func with(
      _ staged: StagedLines, to: LocalView? = nil, offset: Expression? = nil, lines: Int? = nil, slices: Int? = nil
    ) -> StagedLines {
      StagedLines(
        to ?? staged.to, from: staged.buffer, at: offset ?? staged.offset, of: staged.counter,
        lines: lines ?? staged.lines, slices: slices ?? staged.slices, depth: staged.depth)
    }
    expectRefused(changed { with($0, offset: $0.offset + .constant(1)) }, "with lines a byte further")
    expectRefused(changed { with($0, lines: $0.lines - 16) }, "with fewer lines")
    expectRefused(changed { with($0, lines: $0.lines + 16) }, "with more lines than there is room for")
    expectRefused(changed { with($0, slices: $0.slices - 1) }, "with a slice too few")
    expectRefused(
      changed { with($0, to: LocalView($0.to.tensor, $0.to.element, offset: .constant(32))) }, "with lines elsewhere")
  }

  private func expectRefused(_ kernel: PipeKernel, _ what: @autoclosure () -> String) {
    let isProved = PipeProof(kernel).isProved
    #expect(!isProved, "proved \(what())")
  }

  @Test func unchangedItIsProved() { #expect(PipeProof(Self.kernel).faults == []) }

  /// Of the cube core's pipes and between cores; those of the vector core are tested elsewhere.
  @Test func noEventOfACubeCoreMayBeMissingOrDoubled() {
    var events: Set<PipeEvent> = []
    var number = -1
    Self.kernel.forEachStatement { statement in
      number += 1
      let at = number
      switch statement {
      case .set(let event), .wait(let event):
        guard event.from.core == .cube || event.to.core == .cube else { return }
        events.insert(event)
        expectRefused(Self.kernel.mapping { $0 == at ? [] : [$1] }, "without \(statement)")
        expectRefused(Self.kernel.mapping { $0 == at ? [$1, $1] : [$1] }, "with \(statement) twice")
      case .barrier(.cube):
        expectRefused(Self.kernel.mapping { $0 == at ? [] : [$1] }, "without barrier \(at)")
      default: break
      }
    }
    for event in events {
      expectRefused(
        Self.kernel.mapping { $1 == .set(event) || $1 == .wait(event) ? [] : [$1] }, "without \(event) at all")
    }
    // L1, operands and sums each full and free, and the exchange.
    let pairs = Set(events.map { [$0.from, $0.to] })
    #expect(pairs.filter { $0[0].core == $0[1].core }.count == 6)
    #expect(pairs.filter { $0[0].core != $0[1].core }.count == 2)
  }

  @Test func tensorsLieApartAlignedAndWithin() {
    for tensor in Self.kernel.tensors.values where tensor.memory != .unifiedBuffer {
      var outside = Self.kernel
      outside.tensors[tensor.name]!.byteAddress = tensor.memory.capacity(of: MachineDescription.ascend910b.npu!)
      expectRefused(outside, "with \(tensor.name) outside")
      var askew = Self.kernel
      askew.tensors[tensor.name]!.byteAddress += tensor.memory.alignment / 2
      expectRefused(askew, "with \(tensor.name) not aligned")
    }
    var overlapped = Self.kernel
    overlapped.tensors["right_stage"]!.byteAddress = Self.kernel.tensors["left_stage"]!.byteAddress
    expectRefused(overlapped, "with both operands in one place")
  }

  @Test func instructionsTakeWholeFractalsFromTheRightMemory() {
    func changed(_ change: @escaping (CubeInstruction) -> CubeInstruction) -> PipeKernel {
      Self.kernel.mapping { _, statement in
        if case .cube(let instruction) = statement { [.cube(change(instruction))] } else { [statement] }
      }
    }
    let halved = changed {
      if case .multiply(let sums, let left, let right, let rows, let columns, let depth, let clears) = $0 {
        .multiply(sums, left: left, right: right, rows: rows, columns: columns - 8, depth: depth, clears: clears)
      } else { $0 }
    }
    expectRefused(halved, "with half a fractal")
    let swapped = changed {
      if case .multiply(let sums, let left, let right, let rows, let columns, let depth, let clears) = $0 {
        .multiply(sums, left: right, right: left, rows: rows, columns: columns, depth: depth, clears: clears)
      } else { $0 }
    }
    expectRefused(swapped, "with operands in each other's memory")
  }
}
