import DeviceModel
import EmitAscend
import MachineIR

extension PipeKernel {
  /// Its function and all that it is given, on as many blocks as it has use for; nil where it has no cells.
  ///
  /// - Parameters:
  ///   - buffers: the numbers of its buffers, in its own order; `checks` is that of the codes of checks.
  ///   - spill: adds memory of a name and size that the kernel alone uses, and gives its number.
  func call(
    _ kernel: HostKernel, _ check: ArgumentCheck, _ numbers: borrowing LaunchNumbers, buffers: [Int],
    _ floats: [Float], checks: Int, cores: AscendCores, spill: (String, Int) -> Int
  ) -> PipeLaunch? {
    let cells = kernel.cells.value(numbers)
    guard cells > 0 else { return nil }
    let perBlock = max(1, vectorCoresOfCube)
    var blocks = min(usesCubes ? cores.cube : cores.vector, (cells + perBlock - 1) / perBlock)
    if cores.fillsGroups, let groups { blocks = min(blocks, max(1, cells / groups.count)) }
    var given = buffers.map { PipeLaunch.Argument.buffer($0) }
    var sizes: [Int] = []
    for array in spills {
      let size = check.compiled(array.count.value).value(numbers)
      sizes.append(size)
      let bytes = array.buffer.element.bitWidth / 8 * size
      given.append(.buffer(spill(array.buffer.name, bytes * blocks * perBlock)))
    }
    if status != nil { given.append(.buffer(checks)) }
    for scalar in kernel.scalars { given.append(.integer(Int64(scalar.value(numbers)))) }
    given += sizes.map { .integer(Int64($0)) }
    given += floats.map { .float($0) }
    given.append(.integer(Int64(cells)))
    return PipeLaunch(
      EmitAscend.symbol(of: source), blocks: blocks, given, vectorCoresOfCube: vectorCoresOfCube)
  }
}

extension AscendCores {
  /// An `int32` for each vector core, 0 before a launch.
  var codesOfChecks: DeviceBuffer {
    DeviceBuffer([UInt8](repeating: 0, count: 4 * max(vector, 2 * cube)), isWritten: true)
  }
}

extension DeviceBuffer {
  /// Of the codes of checks, after a launch: that of one which failed.
  var failedCheck: Int32? {
    bytes.withUnsafeBytes { $0.bindMemory(to: Int32.self).first { $0 != 0 } }
  }
}
