import DeviceModel
import MachineIR
import TileIR

/// Launches of plans as the device model takes them: buffers of their own for each, kernels in a row.
struct DeviceModelJob {
  private(set) var buffers: [DeviceBuffer] = []
  /// What each buffer is, for reports.
  private(set) var names: [String] = []
  private(set) var launches: [DeviceLaunch] = []
  /// For each kernel's launch, which launch of a plan it belongs to.
  private(set) var owners: [Int] = []
  /// Buffers of each launch, by parameter and workspace.
  private var places: [[BufferSource: Int]] = []

  /// Adds a launch whose arguments are checked: the preparations and the kernels of the variant that fits, with
  /// at most `blocks` blocks each.
  mutating func add(
    _ host: HostPlan, _ kernels: [WarpKernel], _ arguments: [LaunchArgument], _ numbers: LaunchNumbers,
    blocks: Int
  ) throws {
    var own: [BufferSource: Int] = [:]
    for (position, argument) in arguments.enumerated() {
      guard case .buffer(let view) = argument else { continue }
      let count = numbers.memory[position].count
      let parameter = host.plan.program.parameters[position]
      own[.parameter(position)] = buffers.count
      names.append(parameter.name)
      switch parameter.role {
      case .output where parameter.element.bitWidth < 8:
        // A store of half a byte reads the other half, which may be written later.
        buffers.append(DeviceBuffer([UInt8](repeating: 0xA5, count: count), isWritten: true))
      case .output: buffers.append(.undefined(count))
      case .input, .weight, .state, .scalar:
        let bytes = UnsafeRawBufferPointer(start: view.pointer, count: count)
        buffers.append(DeviceBuffer(Array(bytes), isWritten: parameter.role == .state))
      }
    }
    for (position, size) in host.workspaceSizes.enumerated() {
      own[.workspace(position)] = buffers.count
      names.append(host.plan.workspaces[position].name)
      let byteCount = size.value(numbers)
      let isPrinted = host.plan.workspaces[position].prints != nil
      buffers.append(isPrinted ? .undefined(byteCount) : .scratch(byteCount))
    }
    for tile in host.prints { clear(tile, own[.workspace(tile.workspace)]!, numbers) }
    for kernel in host.preparations + (try host.kernels(numbers)) {
      let kernel = kernels[kernel.number]
      let size = kernel.size(numbers, blocks: blocks)
      guard size.cells > 0 else { continue }
      var given: [DeviceLaunch.Argument] = kernel.host.buffers.map { .buffer(own[$0]!) }
      given += size.integers.map { .integer(Int64($0)) }
      for parameter in kernel.host.floats {
        if case .float(let value) = arguments[parameter] { given.append(.float(value)) }
      }
      given.append(.status)
      if kernel.launch.usesDeviceMemory {
        given.append(.buffer(buffers.count))
        names.append("the warps' memory")
        buffers.append(.scratch(size.deviceBytes))
      }
      launches.append(
        DeviceLaunch(
          kernel.symbol, grid: size.blocks, block: kernel.launch.threadsPerBlock,
          sharedBytes: size.sharedBytes, given))
      owners.append(places.count)
    }
    places.append(own)
  }

  private mutating func clear(_ tile: PrintedTile, _ buffer: Int, _ numbers: borrowing LaunchNumbers) {
    buffers[buffer].bytes.withUnsafeMutableBytes { tile.clear(numbers, $0.baseAddress) }
    // The words that say what is present are there from the beginning.
    let half = buffers[buffer].bytes.count / 2
    for byte in half..<2 * half { buffers[buffer].isDefined?[byte] = true }
  }

  /// Copies what a launch wrote, as it stands in `buffers` after a run, to its arguments.
  func copyBack(
    _ launch: Int, from buffers: [DeviceBuffer], _ program: Program, to arguments: [LaunchArgument]
  ) {
    for (position, argument) in arguments.enumerated() {
      guard [.output, .state].contains(program.parameters[position].role), case .buffer(let view) = argument,
        let pointer = view.pointer
      else { continue }
      buffers[places[launch][.parameter(position)]!].bytes.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        // Between the rows may lie what is another's.
        view.visitRows { byte, count in
          (pointer + byte).copyMemory(from: base + byte, byteCount: count)
        }
      }
    }
  }

  /// What a launch left in a workspace.
  func workspace(_ number: Int, of launch: Int, in buffers: [DeviceBuffer]) -> [UInt8] {
    buffers[places[launch][.workspace(number)]!].bytes
  }
}
