import DeviceModel
import EmitAscend
import MachineIR
import TileIR

/// A launch of a plan as the model of pipes takes it: its buffers, and its kernels in a row.
struct AscendJob {
  private(set) var buffers: [DeviceBuffer] = []
  /// What each buffer is, for reports.
  private(set) var names: [String] = []
  private(set) var launches: [PipeLaunch] = []
  private var places: [BufferSource: Int] = [:]
  /// The buffer of the codes of checks that failed, one a core.
  private let statuses: Int

  /// The kernels of the variant that fits a launch whose arguments are checked, on at most `blocks` vector cores.
  /// `kernels` are all of the plan's.
  init(
    _ host: HostPlan, _ kernels: [PipeKernel], _ arguments: [LaunchArgument], _ numbers: LaunchNumbers,
    blocks: Int
  ) throws {
    for (position, argument) in arguments.enumerated() {
      guard case .buffer(let view) = argument else { continue }
      let count = numbers.memory[position].count
      let parameter = host.plan.program.parameters[position]
      places[.parameter(position)] = buffers.count
      names.append(parameter.name)
      switch parameter.role {
      case .output: buffers.append(.undefined(count))
      case .input, .weight, .state, .scalar:
        let bytes = UnsafeRawBufferPointer(start: view.pointer, count: count)
        buffers.append(DeviceBuffer(Array(bytes), isWritten: parameter.role == .state))
      }
    }
    for (position, size) in host.workspaceSizes.enumerated() {
      places[.workspace(position)] = buffers.count
      names.append(host.plan.workspaces[position].name)
      buffers.append(.scratch(size.value(numbers)))
    }
    statuses = buffers.count
    buffers.append(DeviceBuffer([UInt8](repeating: 0, count: 4 * 2 * blocks), isWritten: true))
    names.append("the status")
    for kernel in host.preparations + (try host.kernels(numbers)) {
      let cells = kernel.cells.value(numbers)
      guard cells > 0 else { continue }
      let own = kernels[kernel.number]
      var given: [PipeLaunch.Argument] = kernel.buffers.map { .buffer(places[$0]!) }
      let cores = max(1, own.vectorCoresOfCube)
      let groups = min(blocks, (cells + cores - 1) / cores)
      // Vector cores.
      let used = groups * cores
      let sizes = own.spills.map { host.check.compiled($0.count.value).value(numbers) }
      for (spill, size) in zip(own.spills, sizes) {
        given.append(.buffer(buffers.count))
        names.append(spill.buffer.name)
        buffers.append(.scratch(4 * size * used))
      }
      if own.status != nil { given.append(.buffer(statuses)) }
      given += kernel.scalars.map { .integer(Int64($0.value(numbers))) }
      given += sizes.map { .integer(Int64($0)) }
      for parameter in kernel.floats {
        if case .float(let value) = arguments[parameter] { given.append(.float(value)) }
      }
      given.append(.integer(Int64(cells)))
      launches.append(
        PipeLaunch(
          EmitAscend.symbol(of: own.source), blocks: groups, given, vectorCoresOfCube: own.vectorCoresOfCube))
    }
  }

  /// The code of a check that failed, as it stands in `buffers` after a run.
  func failedCheck(in buffers: [DeviceBuffer]) -> Int32? {
    let codes = buffers[statuses].bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    return codes.first { $0 != 0 }
  }

  /// Copies what the launch wrote, as it stands in `buffers` after a run, to its arguments.
  func copyBack(from buffers: [DeviceBuffer], _ program: Program, to arguments: [LaunchArgument]) {
    for (position, argument) in arguments.enumerated() {
      guard [.output, .state].contains(program.parameters[position].role), case .buffer(let view) = argument,
        let pointer = view.pointer
      else { continue }
      buffers[places[.parameter(position)]!].bytes.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        view.visitRows { byte, count in
          (pointer + byte).copyMemory(from: base + byte, byteCount: count)
        }
      }
    }
  }
}
