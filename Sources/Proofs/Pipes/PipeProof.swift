import MachineIR
import TileIR

/// That a placed and synchronised pipe program keeps its order and its memory, whatever its loops' rounds and its
/// branches' conditions.
///
/// `PipeWalk` follows the program with the touches of memory that some pipe may not know to be done; a loop is walked
/// until another round adds nothing. What is checked:
/// - an instruction touches what another pipe, or an earlier instruction of its own pipe, has touched only where an
///   event or a barrier is between (unless both read);
/// - an event is raised only where it does not stand raised and the wait before it is known to be done; each wait's
///   event stands raised when the program comes to it; events stand alike at the ends of branches, and at the
///   beginning and the end of a loop's round; none is left raised. With that no pipe waits for ever: the raising of
///   each event comes before its wait in the one order that hands out all instructions;
/// - no tensor is read over which another was written;
/// - tensors lie within their memories, begin where these allow it, and instructions stay within them;
/// - main memory is touched where the kernel that it was made of does, and nowhere else (`ReachProof`).
///
/// Of a vector core and its cube core the program is one, and pipes of both are told apart. Each core hands out its own
/// part alone; what the proof knows of order comes from events only, those between cores included, so it holds
/// whichever core is ahead.
public struct PipeProof {
  public struct Fault: Hashable, Sendable, CustomStringConvertible {
    public let message: String
    /// The author's line that the instruction is for.
    public let location: SourceLocation?
    public var description: String { "\(location.map { "\($0): " } ?? "")\(message)" }
  }

  public let kernel: PipeKernel
  public let faults: [Fault]
  public var isProved: Bool { faults.isEmpty }

  /// `capacity` is that of the unified buffer; other memories are as `chip` has them.
  public init(
    _ kernel: PipeKernel, capacity: Int = 192 << 10, chip: Ascend = MachineDescription.ascend910b.npu!
  ) {
    self.kernel = kernel
    var walk = PipeWalk(kernel, PipeSteps(kernel))
    walk.run()
    let places = PipePlacement.faults(of: kernel) { $0 == .unifiedBuffer ? capacity : $0.capacity(of: chip) }
    let onChip = places + walk.faults
    faults = onChip.isEmpty ? ReachProof(kernel).faults : onChip
  }

  /// Proves the pipe programs of all kernels of a plan; throws the first fault.
  public static func require(_ kernels: [PipeKernel], of plan: Plan) throws {
    guard kernels.count == plan.kernels.count,
      zip(kernels, plan.kernels).allSatisfy({ $0.isMade(of: $1, firstWorkspace: plan.workspaces.count) })
    else {
      throw Diagnostic(
        "\(plan.program.name) on Ascend is not proved: its pipe programs are those of other kernels",
        at: [plan.program.location])
    }
    for kernel in kernels { try PipeProof(kernel).require() }
  }

  /// Throws the first fault.
  public func require() throws {
    guard let fault = faults.first else { return }
    throw Diagnostic(
      "\(kernel.source.name) on Ascend is not proved: \(fault.message)", at: fault.location.map { [$0] } ?? []
    )
  }
}

extension PipeKernel {
  /// Whether its source is a plan's kernel with nothing added but its own arrays and codes in main memory.
  fileprivate func isMade(of kernel: MachineKernel, firstWorkspace: Int) -> Bool {
    let more = Array(source.buffers.dropFirst(kernel.buffers.count))
    return source == kernel.adding(more, spills.map(\.count))
      && more.map(\.name) == spills.map(\.buffer.name) + [status].compactMap { $0 }
      && Set(more.map(\.source)) == Set(more.indices.map { .workspace(firstWorkspace + $0) })
  }
}
