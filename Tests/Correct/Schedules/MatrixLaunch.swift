import DeviceModel
import EmitCUDA
import MachineIR
import Operators
import Reference
import Testing
import TileIR

/// A launch with the reference's results, for the interpreter of machine programs and for the device model.
struct MatrixLaunch {
  let program: Program
  let arguments: [String: Argument]
  let expected: [String: HostTensor]
  private let tensors: [String: HostTensor]
  private let extents: [String: Int]

  init(_ program: Program, _ extents: [String: Int], _ kind: InputKind) throws {
    self.program = program
    self.extents = extents
    tensors = try program.randomArguments(extents: extents, kind: kind, seed: 5)
    arguments = tensors.mapValues { .tensor($0) }
    expected = try Reference.run(program, arguments)
  }

  /// The outputs of a plan's kernels in the device model, in every order of threads.
  func onDeviceModel(_ plan: Plan) throws -> [String: HostTensor] {
    let source = try EmitCUDA.source(kernels: plan.kernels, machine: plan.machine, program: program)
    let text = try KernelText(source, Set(plan.kernels.map { EmitCUDA.symbol(of: $0) }).sorted())
    var buffers = program.parameters.map { parameter -> DeviceBuffer in
      if let tensor = tensors[parameter.name] { return DeviceBuffer(tensor.bytes) }
      return .undefined(HostTensor.byteCount(of: parameter.element, shape(parameter)))
    }
    for workspace in plan.workspaces { buffers.append(.undefined(value(workspace.byteCount))) }
    let variant = try #require(plan.variants.first { $0.guards.allSatisfy { value($0) >= 0 } })
    let launches = (plan.preparations + variant.kernels).map { launch($0) }
    var outputs: [String: HostTensor] = [:]
    for (position, parameter) in program.parameters.enumerated() where parameter.role == .output {
      outputs[parameter.name] = HostTensor(
        parameter.element, shape(parameter), bytes: try text.run(launches, buffers, result: position))
    }
    return outputs
  }

  private func launch(_ kernel: MachineKernel) -> DeviceLaunch {
    let launch = WarpLaunch(kernel)
    let buffers = kernel.buffers.map { buffer -> DeviceLaunch.Argument in
      switch buffer.source {
      case .parameter(let position): .buffer(position)
      case .workspace(let position): .buffer(program.parameters.count + position)
      }
    }
    let numbers = Dictionary(uniqueKeysWithValues: launch.numbers.map { ($0.name, value($0.value)) })
    return DeviceLaunch(
      EmitCUDA.symbol(of: kernel), grid: 2, block: launch.threadsPerBlock,
      sharedBytes: launch.sharedBytesPerBlock { numbers[$0]! },
      buffers + launch.numbers.map { .integer(Int64(numbers[$0.name]!)) } + [.status])
  }

  private func shape(_ parameter: Parameter) -> [Int] { parameter.axes.map { $0.extent ?? extents[$0.name]! } }

  private func value(_ expression: HostExpression) -> Int {
    expression.evaluate(
      extent: { $0.extent ?? extents[$0.name]! },
      stride: { parameter, axis in
        let declared = program.parameters[parameter]
        var shape = shape(declared)
        if declared.element.bitWidth == 4 { shape[shape.count - 1] += shape.last! % 2 }
        return shape[(axis + 1)...].reduce(1, *)
      }, scalar: { _ in 0 })
  }
}
