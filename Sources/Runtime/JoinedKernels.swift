import MachineIR
import TileIR

/// The kernels of several plans for one program of them: each operator's together, equal ones once, each under a
/// name of its own.
struct JoinedKernels {
  /// What is printed, by operator.
  private(set) var parts: [(program: Program, kernels: [MachineKernel])] = []
  /// Every kernel in the order of `parts`' making.
  private(set) var all: [MachineKernel] = []
  /// For each plan, where each of its kernels stands in `all`.
  private(set) var numbers: [[Int]] = []

  /// Kernels of several schedules are often the same.
  private struct Identity: Hashable {
    let kernel: MachineKernel
    let part: Int
  }

  init(_ plans: [Plan]) {
    var known: [Identity: Int] = [:]
    var names: Set<String> = []
    for plan in plans {
      if parts.last?.program != plan.program { parts.append((plan.program, [])) }
      var own: [Int] = []
      for kernel in plan.kernels {
        let identity = Identity(kernel: kernel, part: parts.count)
        if let number = known[identity] {
          own.append(number)
          continue
        }
        var name = kernel.name
        if names.contains(name) { name += "_\(all.count)" }
        precondition(names.insert(name).inserted, "two kernels \(name)")
        let renamed = kernel.with(name: name)
        known[identity] = all.count
        own.append(all.count)
        all.append(renamed)
        parts[parts.count - 1].kernels.append(renamed)
      }
      numbers.append(own)
    }
  }
}
