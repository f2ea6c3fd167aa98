import CUDADriver
import DeviceModel
import DynamicLibrary
import EmitCUDA
import Foundation
import MachineIR

@testable import Runtime

/// What a stand-in driver does when the kernels of steps are launched: sessions of the device model carry them out,
/// on memory that they share with the driver, so that places inside buffers are right too.
enum StandInSession {
  private struct Kernel {
    let session: DeviceSession
    let number: Int
    let arguments: [Kind]
  }

  private enum Kind { case pointer, integer, float }

  private struct Taken {
    let kernel: Kernel
    let grid, block, sharedBytes: Int
    let arguments: [DeviceSession.Argument]
  }

  // The suites that use these are serialized and use one thread.
  nonisolated(unsafe) private static var memory: SharedMemory?
  nonisolated(unsafe) private static var kernels: [String: Kernel] = [:]
  nonisolated(unsafe) private static var modules = 0
  nonisolated(unsafe) private static var taken: [Taken] = []

  /// Makes a driver's launches come here and its memory be shared.
  static func join(_ standIn: StandInDriver) throws {
    memory = try memory ?? SharedMemory()
    let library = try DynamicLibrary(named: [standIn.library.path])
    let give = try library.symbol(
      "give_kernels", as: (@convention(c) (UnsafeRawPointer, UnsafeRawPointer) -> Void).self)
    give(unsafeBitCast(take, to: UnsafeRawPointer.self), unsafeBitCast(carryOut, to: UnsafeRawPointer.self))
    let share = try library.symbol("give_memory", as: (@convention(c) (UnsafeRawPointer) -> Void).self)
    share(unsafeBitCast(piece, to: UnsafeRawPointer.self))
  }

  /// Stands for a compiler: an image is a number that the driver puts before names.
  static func compile(
    _ plans: [Plan], _: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [(image: Data, wasCached: Bool)] {
    guard !plans.isEmpty else { return [] }
    let joined = JoinedKernels(plans)
    let compiled = try KernelCache.standard.deviceModel(of: joined, plans, isChecked: false)
    let session = try DeviceSession(compiled.program, memory: memory!, chip: .sm90, workers: 2)
    return zip(plans, joined.numbers).map { plan, numbers in
      modules += 1
      for (kernel, number) in zip(plan.kernels, numbers) {
        let launch = WarpLaunch(kernel)
        var kinds = [Kind](repeating: .pointer, count: kernel.buffers.count)
        kinds += [Kind](repeating: .integer, count: launch.numbers.count)
        kinds += [Kind](repeating: .float, count: kernel.floats.count)
        kinds += [Kind](repeating: .pointer, count: launch.usesDeviceMemory ? 2 : 1)
        kernels["\(modules)/\(EmitCUDA.symbol(of: kernel))"] = Kernel(
          session: session, number: number, arguments: kinds)
      }
      return (Data([0x7e] + "\(modules)".utf8 + [0]), true)
    }
  }

  private static let piece: @convention(c) (CUnsignedLong) -> UnsafeMutableRawPointer? = { size in
    try? memory!.take(Int(size))
  }

  private typealias Take =
    @convention(c) (
      UnsafePointer<CChar>, CUnsignedInt, CUnsignedInt, CUnsignedInt, UnsafeMutablePointer<UnsafeMutableRawPointer>
    ) -> CLong

  private static let take: Take = { name, grid, block, shared, values in
    let kernel = kernels[String(cString: name)]!
    let arguments = kernel.arguments.enumerated().map { position, kind -> DeviceSession.Argument in
      switch kind {
      case .pointer: .pointer(UnsafeRawPointer(bitPattern: values[position].load(as: UInt.self)))
      case .integer: .integer(values[position].load(as: Int64.self))
      case .float: .float(values[position].load(as: Float.self))
      }
    }
    taken.append(
      Taken(
        kernel: kernel, grid: Int(grid), block: Int(block), sharedBytes: Int(shared), arguments: arguments))
    return taken.count - 1
  }

  private static let carryOut: @convention(c) (CLong) -> Void = { token in
    let launch = taken[token]
    try! launch.kernel.session.run(
      launch.kernel.number, grid: launch.grid, block: launch.block, sharedBytes: launch.sharedBytes,
      launch.arguments)
  }
}
