import DeviceModel
import Foundation
import MachineIR
import TileIR

/// The device model of an Ascend chip as a device: a process for each kernel of a launch, with what its buffers hold,
/// every access checked. What memory holds counts as written: that is checked of operators alone.
final class AscendModelBackend: DeviceBackend, SharedMemoryBackend {
  private let cache: KernelCache
  let shared: SharedMemory

  init(_ cache: KernelCache) throws {
    self.cache = cache
    // Room beyond each buffer, whose size a launch knows at its largest only.
    shared = try SharedMemory()
  }

  func load(
    _ plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [any StepProgram] {
    let cache = cache
    let loaded = compiling(plans, progress) { plan in
      let program = try AscendProgram(plan: plan, cache: cache)
      let object = try cache.ascendModel(of: program.source, kernels: program.symbols)
      return ((program, object), object.wasCached)
    }
    return try loaded.map { AscendModelStepProgram(try $0.get(), self) }
  }
}

/// An operator of a step in the device model of an Ascend chip.
private final class AscendModelStepProgram: StepProgram {
  private let program: AscendProgram
  private let object: KernelCache.Object
  private let pipes: PipeProgram
  private let backend: AscendModelBackend
  var plan: Plan { program.plan }
  var host: HostPlan { program.host }
  var wasCached: Bool { object.wasCached }

  init(_ compiled: (AscendProgram, KernelCache.Object), _ backend: AscendModelBackend) {
    (program, object) = compiled
    self.backend = backend
    pipes = PipeProgram(file: object.file, source: program.source, kernels: program.symbols)
  }

  func scratchBytes(_: borrowing LaunchNumbers) -> Int { 0 }

  func run(
    _ kernel: HostKernel, _ bound: borrowing KernelArguments, _ numbers: borrowing LaunchNumbers
  ) throws -> Int32 {
    try program.requireRoom(numbers)
    let own = program.kernels[kernel.number]
    let isWritten = own.source.buffers.reduce(into: Set<BufferSource>()) {
      if $1.isWritten { $0.insert($1.source) }
    }
    var contents: [DeviceBuffer] = []
    var places: [BufferSource: (number: Int, pointer: UnsafeMutableRawPointer?)] = [:]
    for (number, source) in kernel.buffers.enumerated() where places[source] == nil {
      let pointer = bound.buffers[number]
      let size =
        switch source {
        case .parameter(let parameter): numbers.memory[parameter].count
        case .workspace(let workspace): host.workspaceSizes[workspace].value(numbers)
        }
      places[source] = (contents.count, pointer)
      let bytes = pointer.map { Array(UnsafeRawBufferPointer(start: $0, count: size)) } ?? []
      contents.append(DeviceBuffer(bytes, isWritten: isWritten.contains(source)))
    }
    let before = contents
    let cores = AscendCores.ofModel
    let checks = contents.count
    contents.append(cores.codesOfChecks)
    guard
      let call = own.call(
        kernel, host.check, numbers, buffers: kernel.buffers.map { places[$0]!.number }, bound.floats,
        checks: checks, cores: cores,
        spill: { _, size in
          contents.append(.scratch(size))
          return contents.count - 1
        })
    else { return 0 }
    let order = PipeOrder.early
    let outcome = try pipes.run(
      [call], buffers: &contents, order: order, capacity: plan.machine.npu!.unifiedBufferBytes)
    guard outcome.reports.isEmpty else {
      throw PipeHazards(program: plan.program.name, order: order, reports: outcome.reports)
    }
    for (source, (number, pointer)) in places where isWritten.contains(source) {
      guard let pointer else { continue }
      copyChanges(from: before[number].bytes, to: contents[number].bytes, at: pointer)
    }
    return contents[checks].failedCheck ?? 0
  }

  /// Writes the bytes in which `new` differs from `old`, and no others: what lies between rows, or behind a launch
  /// smaller than the largest, may be another buffer's.
  private func copyChanges(from old: [UInt8], to new: [UInt8], at pointer: UnsafeMutableRawPointer) {
    old.withUnsafeBytes { old in
      new.withUnsafeBytes { new in
        for start in stride(from: 0, to: new.count, by: 64) {
          let count = min(64, new.count - start)
          if memcmp(old.baseAddress! + start, new.baseAddress! + start, count) == 0 { continue }
          for byte in start..<start + count where old[byte] != new[byte] {
            pointer.storeBytes(of: new[byte], toByteOffset: byte, as: UInt8.self)
          }
        }
      }
    }
  }

  func prepare(_ arguments: [LaunchArgument], threads: Int?) throws -> Executable.PreparedWeights {
    try prepared(arguments, memory: backend.memory)
  }
}
