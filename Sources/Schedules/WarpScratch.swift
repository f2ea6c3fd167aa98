import MachineIR

extension MachineKernel {
  /// The kernel for agents of a GPU: its own memory placed, its threads synchronised.
  func forWarps(of machine: MachineDescription) -> MachineKernel {
    guard machine.gpu != nil else { return self }
    return placingScratch(within: machine.withAgents(of: agentWarps).nearMemory[0]).synchronisingWarps()
  }

  /// Puts the smallest arrays of constant size into an agent's part of shared memory, as far as it has room, and
  /// the others into device memory.
  private func placingScratch(within capacity: Int) -> MachineKernel {
    func bytes(_ array: ScratchArray) -> Int? {
      guard case .constant(let count) = array.count else { return nil }
      let bytes = count * array.type.byteCount
      return (bytes + WarpLaunch.alignment - 1) / WarpLaunch.alignment * WarpLaunch.alignment
    }
    var left = capacity
    var near: Set<String> = []
    for array in scratch.sorted(by: { (bytes($0) ?? .max, $0.name) < (bytes($1) ?? .max, $1.name) }) {
      guard let size = bytes(array), size <= left else { break }
      left -= size
      near.insert(array.name)
    }
    return with(
      scratch: scratch.map { array in
        ScratchArray(
          array.name, array.type, count: array.count, in: near.contains(array.name) ? .onChip : .device)
      })
  }
}
