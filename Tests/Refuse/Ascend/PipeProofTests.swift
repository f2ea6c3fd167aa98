import MachineIR
import Operators
import Proofs
import Schedules
import Testing
import TileIR

/// Faults put into pipe programs that are proved: none stays proved.
@Suite struct PipeProofTests {
  static let kernels: [PipeKernel] = ["widen", "swiglu", "rms_norm"].flatMap { name -> [PipeKernel] in
    let instance = OperatorLibrary.named(name)!.instances.first(where: \.isSmall)!
    let plan = try! Lowering.plan(instance.kernel().program(), for: .ascend910b)
    return try! Lowering.pipes(plan).map { $0.withoutNeedlessEvents() }
  }

  /// Statements by number.
  private static func statements(_ kernel: PipeKernel) -> [PipeStatement] {
    var found: [PipeStatement] = []
    kernel.forEachStatement { found.append($0) }
    return found
  }

  private func expectRefused(_ kernel: PipeKernel, _ what: @autoclosure () -> String) {
    let isProved = PipeProof(kernel).isProved
    #expect(!isProved, "\(kernel.source.name) is proved \(what())")
  }

  @Test func unchangedTheyAreProved() {
    for kernel in Self.kernels { #expect(PipeProof(kernel).faults == []) }
  }

  @Test func noEventMayBeMissingDoubledOrOfAnotherNumber() {
    var count = 0
    for kernel in Self.kernels {
      for (number, statement) in Self.statements(kernel).enumerated() {
        let other: PipeStatement
        switch statement {
        case .set(let event): other = .set(PipeEvent(event.from, event.to, (event.number + 1) % 6))
        case .wait(let event): other = .wait(PipeEvent(event.from, event.to, (event.number + 1) % 6))
        default: continue
        }
        expectRefused(kernel.mapping { $0 == number ? [] : [$1] }, "without \(statement)")
        expectRefused(kernel.mapping { $0 == number ? [$1, $1] : [$1] }, "with \(statement) twice")
        expectRefused(kernel.mapping { $0 == number ? [other] : [$1] }, "with \(other) for \(statement)")
        count += 3
      }
    }
    #expect(count > 100)
  }

  @Test func noEventAndNoBarrierIsTooMany() {
    for kernel in Self.kernels {
      let statements = Self.statements(kernel)
      for event in Set(statements.compactMap { if case .set(let event) = $0 { event } else { nil } }) {
        expectRefused(
          kernel.mapping { $1 == .set(event) || $1 == .wait(event) ? [] : [$1] }, "without \(event) at all")
      }
      // Of hundreds of barriers every seventh.
      let barriers = statements.indices.filter { statements[$0] == .barrier(.vector) }
      for number in barriers.enumerated().filter({ $0.offset % 7 == 0 }).map(\.element) {
        expectRefused(kernel.mapping { $0 == number ? [] : [$1] }, "without barrier \(number)")
      }
    }
  }

  /// Copies of lanes to blocks of their own wait for nobody within their loop. They do where their blocks meet, where their
  /// place is not the counter's alone, and where the loop comes again before what they have filled was read.
  @Test func copiesOfARoundLieApartOnlyByTheirCounter() throws {
    let instance = try #require(OperatorLibrary.named("expert_counts")?.instances.first { $0.isSmall })
    let plan = try Lowering.plan(instance.kernel().program(), for: .ascend910b)
    let kernels = try Lowering.pipes(plan)
    let kernel = kernels[0]
    #expect(PipeProof(kernel).faults == [])
    var count = 0
    for (number, statement) in Self.statements(kernel).enumerated() {
      guard case .loop(let loop) = statement, loop.body.count == 2, case .copyIn(let copy) = loop.body[1] else { continue }
      func copying(to place: Expression) -> PipeLoop {
        var other = loop
        other.body[1] = .copyIn(
          PipeCopy(
            buffer: copy.buffer, copy.element, offset: copy.offset,
            local: LocalView(copy.local.tensor, copy.local.element, offset: place), count: copy.count, most: copy.most))
        return other
      }
      func planted(_ statements: [PipeStatement]) -> PipeKernel {
        kernel.mapping { $0 == number ? statements : [$1] }
      }
      let lane = Expression.variable(loop.counter)
      #expect(PipeProof(planted([.loop(copying(to: lane * .constant(8)))])).faults == [])
      expectRefused(planted([.loop(copying(to: lane * .constant(4)))]), "where blocks meet")
      expectRefused(planted([.loop(copying(to: .constant(0)))]), "where all are one")
      expectRefused(planted([.loop(copying(to: lane.minimum(.constant(3)) * .constant(8)))]), "where some are one")
      expectRefused(planted([statement, statement]), "with the loop twice")
      let again = Variable("again", .index)
      let twice = PipeLoop(again, from: .constant(0), to: .constant(2), step: .constant(1), [statement])
      expectRefused(planted([.loop(twice)]), "with the loop in another")
      count += 1
    }
    #expect(count > 0)
  }

  @Test func noTensorMayLieOverAnotherOrOutside() {
    for kernel in Self.kernels {
      for name in kernel.tensors.keys.sorted().prefix(40) {
        var outside = kernel
        outside.tensors[name]!.byteAddress = 192 << 10
        expectRefused(outside, "with \(name) outside")
        var askew = kernel
        askew.tensors[name]!.byteAddress += 4
        expectRefused(askew, "with \(name) within a block")
      }
      // What is copied in must not lie over what is copied out in the same loop over cells, or over groups of them.
      for (copies, outs) in kernel.body.map(Self.copies) {
        for copy in copies {
          for out in outs {
            var overlapped = kernel
            overlapped.tensors[copy]!.byteAddress = kernel.tensors[out]!.byteAddress
            expectRefused(overlapped, "with \(copy) over \(out)")
          }
        }
      }
    }
  }

  /// The tensors that copies in a statement bring and take.
  private static func copies(_ statement: PipeStatement) -> (ins: Set<String>, outs: Set<String>) {
    switch statement {
    case .copyIn(let copy): ([copy.local.tensor], [])
    case .copyOut(let copy): ([], [copy.local.tensor])
    case .loop(let loop): copies(loop.body)
    case .branch(_, let then, let otherwise): copies(then + otherwise)
    default: ([], [])
    }
  }

  private static func copies(_ list: [PipeStatement]) -> (ins: Set<String>, outs: Set<String>) {
    list.map(copies).reduce(into: ([], [])) {
      $0.ins.formUnion($1.ins)
      $0.outs.formUnion($1.outs)
    }
  }

  @Test func aRoundedOnceMultiplyAddIsRefusedByName() throws {
    let instance = try #require(OperatorLibrary.named("matmul")?.instances.first)
    let plan = try Lowering.plan(instance.kernel().program(), for: .ascend910b)
    let refusal = #expect(throws: UnkeptClass.self) { try Lowering.pipes(plan) }
    #expect(refusal?.name == "fused")
    #expect(refusal?.description.contains("multiply-add with one rounding (class fused)") == true)
  }
}
