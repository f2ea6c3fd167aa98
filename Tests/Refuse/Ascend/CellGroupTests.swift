import MachineIR
import Operators
import Proofs
import Schedules
import Testing
import TileIR

/// Faults put into loops over groups of cells: what a group does has to be what single cells do, each core's cells once.
@Suite struct CellGroupTests {
  static let kernel: PipeKernel = {
    let instance = OperatorLibrary.named("widen")!.instances.first(where: \.isSmall)!
    let plan = try! Lowering.plan(instance.kernel().program(), for: .ascend910b)
    return try! Lowering.pipes(plan)[0]
  }()
  private let groups = Self.kernel.groups!

  private func messages(_ kernel: PipeKernel) -> [String] { PipeProof(kernel).faults.map(\.message) }

  /// The kernel with the first statement changed for which there is another.
  private func changed(_ change: (PipeStatement) -> PipeStatement?) -> PipeKernel {
    var isDone = false
    return Self.kernel.mapping { _, statement in
      guard !isDone, let other = change(statement) else { return [statement] }
      isDone = true
      return [other]
    }
  }

  @Test func aGroupsCellsAreProved() {
    #expect(groups.count >= 2)
    #expect(messages(Self.kernel) == [])
  }

  @Test func cellsAreEachTakenOnce() {
    let wrong = "groups of cells are not each core's cells"
    for name in [CellGroups.groups, CellGroups.firstLeft] {
      let kernel = changed {
        if case .define(name, let value) = $0 { .define(name, value + .constant(1)) } else { nil }
      }
      #expect(messages(kernel).contains(wrong), "\(name.name)")
    }
    // A member that takes its neighbour's cell.
    let second = groups.names[1][Self.kernel.source.cell.name]!
    let doubled = changed {
      if case .define(let variable, _) = $0, variable.name == second { .define(variable, groups.cell(0)) } else { nil }
    }
    #expect(messages(doubled).contains(wrong))
    let longer = changed {
      guard case .loop(let loop) = $0, loop.counter == CellGroups.group else { return nil }
      return .loop(
        PipeLoop(loop.counter, from: loop.lower, to: loop.upper + .constant(1), step: loop.step, loop.body))
    }
    #expect(messages(longer).contains { $0.contains("group") })
  }

  @Test func eachCellDoesWhatASingleOneDoes() {
    let own = Set(groups.names[1].values)
    let other = "a cell of a group does not do what a single one does"
    let stored = changed {
      guard case .copyOut(let copy) = $0, own.contains(copy.local.tensor) else { return nil }
      return .copyOut(
        PipeCopy(
          buffer: copy.buffer, copy.element, offset: copy.offset + .constant(1), local: copy.local, count: copy.count,
          most: copy.most))
    }
    #expect(messages(stored) == [other])
    let missing = Self.kernel.mapping { _, statement in
      if case .copyOut(let copy) = statement, own.contains(copy.local.tensor) { [] } else { [statement] }
    }
    #expect(messages(missing) == [other])
  }

  @Test func noCellTakesAnothersTensor() {
    let (first, second) = (Set(groups.names[0].values), Set(groups.names[1].values))
    let back = Dictionary(uniqueKeysWithValues: groups.names[1].map { ($1, $0) })
    let mixed = changed {
      guard case .vector(let instruction) = $0, second.contains(instruction.destination.tensor) else { return nil }
      let sources = instruction.sources.map { source -> LocalView in
        guard let name = back[source.tensor] else { return source }
        return LocalView(groups.names[0][name]!, source.element, offset: source.offset)
      }
      guard sources.contains(where: { first.contains($0.tensor) }) else { return nil }
      return .vector(
        VectorInstruction(
          instruction.operation, instruction.destination, sources, count: instruction.count,
          scalar: instruction.scalar))
    }
    #expect(mixed != Self.kernel)
    #expect(!PipeProof(mixed).isProved)
    var smaller = Self.kernel
    let tensor = smaller.tensors[groups.names[1].values.sorted().first { smaller.tensors[$0] != nil }!]!
    smaller.tensors[tensor.name] = LocalTensor(
      tensor.name, tensor.element, count: tensor.count / 2, byteAddress: tensor.byteAddress)
    #expect(!PipeProof(smaller).isProved)
    // Two cells that have one name for what is theirs.
    var shared = Self.kernel
    var names = groups.names
    names[1] = names[0]
    shared.groups = CellGroups(names: names)
    #expect(messages(shared).contains("cells of a group have names in common"))
  }
}
