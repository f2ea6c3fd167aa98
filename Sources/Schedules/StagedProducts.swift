import MachineIR
import TileIR

/// A program whose long products are computed by regions of their own, so that their columns are cells too.
///
/// A cell of a region that norms, ranks or mixes a row has the row's products whole: a matrix for one agent to read.
/// Where a launch has fewer rows than the machine has agents most of them then have nothing to do.
struct StagedProgram {
  private(set) var program: Program
  /// Parameters of the program itself; those behind are staged.
  let parameterCount: Int
  /// The regions that compute staged products, by position.
  private(set) var staged: Set<Int> = []

  init(_ program: Program, _ machine: MachineDescription, _ schedule: Schedule) {
    self.program = program
    parameterCount = program.parameters.count
    guard schedule.stagesProducts else { return }
    var number = 0
    while number < self.program.regions.count {
      let found = Self.products(of: self.program.regions[number], in: self.program, machine, schedule)
      for id in found {
        let name = "product_\(self.program.parameters.count - parameterCount + 1)"
        self.program = self.program.staging(id, ofRegion: number, named: name)
        staged.insert(number)
        number += 1
      }
      number += 1
    }
  }

  /// Between the kernels of a plan: a workspace for each staged product, in their order.
  var workspaces: [Workspace] {
    program.parameters[parameterCount...].map { parameter in
      let count = parameter.axes.reduce(HostExpression.constant(1)) { $0 * HostExpression(extentOf: $1) }
      return Workspace(name: parameter.name, byteCount: count * .constant(parameter.element.bitWidth / 8))
    }
  }

  // MARK: Which

  /// From where a product is worth a kernel.
  private static let (leastColumns, leastDepth) = (4, 64)

  private static func products(
    of region: Region, in program: Program, _ machine: MachineDescription, _ schedule: Schedule
  ) -> [ValueID] {
    let parallel = region.axes.map(\.dimension)
    // Cells over several axes are many without.
    guard parallel.count == 1, region.axes[0].partition == nil, isLength(parallel[0], of: program),
      !(schedule.blocksProducts && ProductPattern(program: program, region: region) != nil),
      NibbleProduct(program, region, machine) == nil
    else { return [] }
    var found: [ValueID] = []
    var seen: Set<ValueID> = []
    var pending = region.statements.flatMap(\.dependencies)
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      pending += program[id].dependencies
      guard case .product(let depth, _, _, _) = program[id].operation else { continue }
      let columns = program[id].axes.filter { !parallel.contains($0) }
      let count = columns.reduce(1) { $0 * ($1.extent ?? 0) }
      if count >= leastColumns, depth.extent ?? 0 >= leastDepth,
        (columns + [depth]).allSatisfy({ isLength($0, of: program) }),
        program[id].operands.allSatisfy({ isRead($0, program) })
      {
        found.append(id)
      }
    }
    return found.sorted()
  }

  private static func isLength(_ dimension: Dimension, of program: Program) -> Bool {
    program.lengths[dimension] == .buffer
  }

  /// Whether a value is elements of buffers as they are, at coordinates that exist for whoever asks: then it
  /// costs little to read again for each column, and needs no condition under which it is read.
  private static func isRead(_ id: ValueID, _ program: Program) -> Bool {
    let node = program[id]
    switch node.operation {
    case .load(_, let indices): return indices.allSatisfy { isWithin($0, program) }
    case .elementwise(.convert): return isRead(node.operands[0], program)
    default: return false
    }
  }

  private static func isWithin(_ index: Index, _ program: Program) -> Bool {
    switch index {
    case .axis: true
    case .divided(.axis, _), .remainder(.axis, _): true
    case .value(let id):
      if case .load(let parameter, let indices) = program[id].operation {
        !program.parameters[parameter].refinements.isEmpty && indices.allSatisfy { isWithin($0, program) }
      } else {
        false
      }
    default: false
    }
  }
}
