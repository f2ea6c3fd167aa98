import DeviceModel
import EmitAscend
import MachineIR
import TileIR

/// A launch of an operator on an Ascend chip as data: its buffers, and its kernels in a row with all that
/// they are given. The device model runs it, and a package for CANN is written from it.
public struct AscendLaunch {
  public struct Buffer {
    public enum Purpose: Hashable, Sendable {
      /// A parameter of the program, by position.
      case parameter(Int)
      /// Memory of the kernels alone; it holds nothing before the first.
      case workspace
      /// The codes of checks that failed, an `int32` for each vector core; 0 before.
      case checks
    }
    public let name: String
    public let purpose: Purpose
    /// As the launch finds it.
    public let contents: DeviceBuffer
    public var byteCount: Int { contents.byteCount }
  }
  public private(set) var buffers: [Buffer] = []

  public struct Kernel {
    /// The function and its arguments, buffers by their positions.
    public let call: PipeLaunch
    /// The names of the arguments, in their order.
    public let parameters: [String]
  }
  public private(set) var kernels: [Kernel] = []

  /// The operator's messages for codes of checks, from 1 on.
  public let messages: [String]

  /// The kernels of the variant that fits a launch whose arguments are checked. `kernels` are all of the
  /// plan's.
  init(
    _ host: HostPlan, _ kernels: [PipeKernel], _ arguments: [LaunchArgument], _ numbers: LaunchNumbers,
    cores: AscendCores
  ) throws {
    let program = host.plan.program
    messages = host.plan.messages.map(\.description)
    var places: [BufferSource: Int] = [:]
    for (position, argument) in arguments.enumerated() {
      guard case .buffer(let view) = argument else { continue }
      let count = numbers.memory[position].count
      let parameter = program.parameters[position]
      let contents: DeviceBuffer
      switch parameter.role {
      case .output: contents = .undefined(count)
      case .input, .weight, .state, .scalar:
        let bytes = UnsafeRawBufferPointer(start: view.pointer, count: count)
        contents = DeviceBuffer(Array(bytes), isWritten: parameter.role == .state)
      }
      places[.parameter(position)] = add(parameter.name, .parameter(position), contents)
    }
    for (position, size) in host.workspaceSizes.enumerated() {
      places[.workspace(position)] = add(
        host.plan.workspaces[position].name, .workspace, .scratch(size.value(numbers)))
    }
    let checks = add("the status", .checks, cores.codesOfChecks)
    for kernel in host.preparations + (try host.kernels(numbers)) {
      let own = kernels[kernel.number]
      let floats = kernel.floats.compactMap { parameter -> Float? in
        if case .float(let value) = arguments[parameter] { value } else { nil }
      }
      guard
        let call = own.call(
          kernel, host.check, numbers, buffers: kernel.buffers.map { places[$0]! }, floats, checks: checks,
          cores: cores, spill: { add($0, .workspace, .scratch($1)) })
      else { continue }
      let names =
        own.source.buffers.map(\.name) + own.source.scalars.map(\.name)
        + own.source.floats.map { program.parameters[$0].name } + [PipeKernel.cells.name]
      precondition(names.count == call.arguments.count, "\(own.source.name) takes \(names.count) arguments")
      self.kernels.append(Kernel(call: call, parameters: names))
    }
  }

  private mutating func add(_ name: String, _ purpose: Buffer.Purpose, _ contents: DeviceBuffer) -> Int {
    buffers.append(Buffer(name: name, purpose: purpose, contents: contents))
    return buffers.count - 1
  }

  /// The code of a check that failed, as it stands in `contents` of the buffers after a run.
  func failedCheck(in contents: [DeviceBuffer]) -> Int32? {
    for (buffer, contents) in zip(buffers, contents) where buffer.purpose == .checks {
      return contents.failedCheck
    }
    return nil
  }

  /// Copies what the launch wrote, as it stands in `contents` of the buffers after a run, to its arguments.
  func copyBack(from contents: [DeviceBuffer], _ program: Program, to arguments: [LaunchArgument]) {
    for (buffer, contents) in zip(buffers, contents) {
      guard case .parameter(let position) = buffer.purpose,
        [.output, .state].contains(program.parameters[position].role),
        case .buffer(let view) = arguments[position],
        let pointer = view.pointer
      else { continue }
      contents.bytes.withUnsafeBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        view.visitRows { byte, count in
          (pointer + byte).copyMemory(from: base + byte, byteCount: count)
        }
      }
    }
  }
}
