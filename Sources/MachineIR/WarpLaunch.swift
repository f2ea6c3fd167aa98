/// How a kernel for a GPU is launched, apart from how many blocks: cells are taken in turns by all agents, warps or
/// blocks, so any number is right.
///
/// An agent's part of shared memory and of device memory holds the on-chip arrays of their space, one after the
/// other, each at a multiple of `alignment` bytes. A kernel's arguments are its buffers, then `numbers`, its
/// floats and the status, and, where `usesDeviceMemory`, a base with `deviceBytesPerAgent` for each agent of the
/// grid.
public struct WarpLaunch: Hashable, Sendable {
  public let warpsPerBlock: Int
  public let agentsPerBlock: Int
  /// Integers that the kernel is given, in order: its own, then places in an agent's part of memory that are not
  /// constant, and the number of cells.
  public let numbers: [KernelScalar]
  /// Where each of the kernel's arrays begins in its agent's part: a constant, or the number of this name.
  public let offsets: [Offset]
  public let sharedBytesPerAgent: Offset
  public let deviceBytesPerAgent: Offset
  public let usesDeviceMemory: Bool

  public enum Offset: Hashable, Sendable {
    case constant(Int)
    case number(String)
  }

  public static let alignment = 16

  public var threadsPerBlock: Int { warpsPerBlock * GPU.warp }

  public init(_ kernel: MachineKernel) {
    var numbers = kernel.scalars
    func offset(_ value: HostExpression, _ name: String) -> Offset {
      if case .constant(let bytes) = value { return .constant(bytes) }
      numbers.append(KernelScalar(name, value))
      return .number(name)
    }
    var used: [ScratchSpace: HostExpression] = [.onChip: .constant(0), .device: .constant(0)]
    offsets = kernel.scratch.map { array in
      let begin = used[array.space]!
      let bytes = array.count * .constant(array.type.byteCount)
      used[array.space] = begin + bytes.roundedUp(to: Self.alignment)
      return offset(begin, "\(array.name)_offset")
    }
    sharedBytesPerAgent = offset(used[.onChip]!, "shared_bytes")
    deviceBytesPerAgent = offset(used[.device]!, "spill_bytes")
    numbers.append(KernelScalar("cells", kernel.cells))
    self.numbers = numbers
    agentsPerBlock = kernel.agentWarps > 1 ? 1 : GPU.warpsPerBlock
    warpsPerBlock = kernel.agentWarps * agentsPerBlock
    usesDeviceMemory = kernel.scratch.contains { $0.space == .device }
  }

  /// The dynamic shared memory of a block, by the values of `numbers`. Above 48 KiB the driver must be asked to
  /// allow it.
  public func sharedBytesPerBlock(_ value: (String) -> Int) -> Int {
    bytes(sharedBytesPerAgent, value) * agentsPerBlock
  }

  /// The device memory that a grid of `blocks` blocks needs, by the values of `numbers`.
  public func deviceBytes(blocks: Int, _ value: (String) -> Int) -> Int {
    bytes(deviceBytesPerAgent, value) * agentsPerBlock * blocks
  }

  private func bytes(_ offset: Offset, _ value: (String) -> Int) -> Int {
    switch offset {
    case .constant(let bytes): bytes
    case .number(let name): value(name)
    }
  }
}

extension Int {
  /// The largest power of two, no larger than `most`, that divides it; `most` must be one.
  public func powerOfTwo(upTo most: Int) -> Int { self == 0 ? most : Swift.min(most, 1 << trailingZeroBitCount) }
}
