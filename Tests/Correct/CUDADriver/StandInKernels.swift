import CUDADriver
import DeviceModel
import DynamicLibrary
import EmitCUDA
import Foundation
import MachineIR
import Synchronization

/// What a stand-in driver does when a plan's kernels are launched: their text runs in the device model, on the
/// memory that the arguments point to.
enum StandInKernels {
  /// A kernel's program, and what its arguments are.
  struct Kernel: Sendable {
    let program: DeviceProgram
    let arguments: [Argument]
  }

  enum Argument: Sendable {
    case pointer
    case integer
    case float
    case status
  }

  /// A launch that was asked for.
  private struct Taken: Sendable {
    let kernel: Kernel
    let launch: DeviceLaunch
    /// Where each buffer begins, and where the status is.
    let addresses: [UInt64]
    let status: UInt64
  }

  private struct State {
    /// By name: equal names are equal kernels in these tests.
    var kernels: [String: Kernel] = [:]
    var taken: [Taken] = []
    var reports: [DeviceReport] = []
    var usesOfFreedMemory = 0
    var size: (@Sendable @convention(c) (UInt64) -> CUnsignedLong)?
  }

  private static let state = Mutex(State())

  /// Makes a driver's launches come here.
  static func join(_ standIn: StandInDriver) throws {
    let library = try DynamicLibrary(named: [standIn.library.path])
    let give = try library.symbol(
      "give_kernels", as: (@convention(c) (UnsafeRawPointer, UnsafeRawPointer) -> Void).self)
    let size = try library.symbol("size_of", as: (@Sendable @convention(c) (UInt64) -> CUnsignedLong).self)
    state.withLock { $0.size = size }
    give(unsafeBitCast(take, to: UnsafeRawPointer.self), unsafeBitCast(carryOut, to: UnsafeRawPointer.self))
  }

  /// Makes a plan's kernels known, compiled with every check.
  static func add(_ plan: Plan) throws {
    let source = try EmitCUDA.source(kernels: plan.kernels, machine: plan.machine, program: plan.program)
    let symbols = plan.kernels.map(EmitCUDA.symbol)
    let text = try KernelText(source, symbols)
    for (kernel, symbol) in zip(plan.kernels, symbols) {
      let launch = WarpLaunch(kernel)
      var arguments = [Argument](repeating: .pointer, count: kernel.buffers.count)
      arguments += [Argument](repeating: .integer, count: launch.numbers.count)
      arguments += [Argument](repeating: .float, count: kernel.floats.count)
      arguments.append(.status)
      if launch.usesDeviceMemory { arguments.append(.pointer) }
      let known = Kernel(program: text.programs[0], arguments: arguments)
      state.withLock { $0.kernels[symbol] = known }
    }
    texts.withLock { $0.append(text) }
  }

  /// The texts' folders live as long as their programs are known.
  private static let texts = Mutex<[KernelText]>([])

  /// What the device model had to report so far.
  static var reports: [DeviceReport] { state.withLock { $0.reports } }
  /// How many launches were carried out after some of their memory had been freed.
  static var usesOfFreedMemory: Int { state.withLock { $0.usesOfFreedMemory } }

  private typealias Take =
    @convention(c) (
      UnsafePointer<CChar>, CUnsignedInt, CUnsignedInt, CUnsignedInt, UnsafeMutablePointer<UnsafeMutableRawPointer>
    ) -> CLong

  private static let take: Take = { name, grid, block, shared, values in
    state.withLock { state in
      let name = String(cString: name)
      let kernel = state.kernels[name]!
      var launch = DeviceLaunch(name, grid: Int(grid), block: Int(block), sharedBytes: Int(shared), [])
      var (addresses, status) = ([UInt64](), UInt64(0))
      for (position, argument) in kernel.arguments.enumerated() {
        let value = values[position]
        switch argument {
        case .pointer:
          let address = value.load(as: UInt64.self)
          let known = addresses.firstIndex(of: address)
          if known == nil { addresses.append(address) }
          launch.arguments.append(.buffer(known ?? addresses.count - 1))
        case .integer: launch.arguments.append(.integer(value.load(as: Int64.self)))
        case .float: launch.arguments.append(.float(value.load(as: Float.self)))
        case .status:
          status = value.load(as: UInt64.self)
          launch.arguments.append(.status)
        }
      }
      state.taken.append(Taken(kernel: kernel, launch: launch, addresses: addresses, status: status))
      return state.taken.count - 1
    }
  }

  private static let carryOut: @convention(c) (CLong) -> Void = { token in
    let (taken, size) = state.withLock { ($0.taken[token], $0.size!) }
    guard taken.addresses.allSatisfy({ size($0) != .max }) else {
      return state.withLock { $0.usesOfFreedMemory += 1 }
    }
    var buffers = taken.addresses.map { address in
      let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(address)), count: Int(size(address)))
      return DeviceBuffer(Array(bytes), isWritten: true)
    }
    let outcome = try! taken.kernel.program.run([taken.launch], buffers: &buffers, order: .descending)
    for (address, buffer) in zip(taken.addresses, buffers) {
      buffer.bytes.withUnsafeBytes {
        UnsafeMutableRawPointer(bitPattern: UInt(address))!.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
      }
    }
    UnsafeMutableRawPointer(bitPattern: UInt(taken.status))!.storeBytes(of: outcome.statuses[0], as: Int32.self)
    state.withLock { $0.reports += outcome.reports }
  }
}
