import CUDADriver
import MachineIR

extension CUDADriver {
  /// The target of the device `cuda:number`.
  ///
  /// Throws where there is no such device, and where no target is made for it: what a kernel may use differs
  /// between architectures of one family too, so the nearest is not taken.
  public func target(of number: Int) throws -> MachineDescription {
    let facts = try facts(of: number)
    switch (facts.capability.major, facts.capability.minor) {
    case (8, 0): return .sm80
    case (9, 0): return .sm90a
    default:
      throw RuntimeError(
        "cuda:\(number) is \(facts.name) of compute capability \(facts.capability); targets are "
          + "cuda-sm80 for 8.0 (A100) and cuda-sm90a for 9.0 (H100, H200)")
    }
  }
}
