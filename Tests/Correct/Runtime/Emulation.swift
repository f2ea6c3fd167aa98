import MachineIR
import Runtime

/// The aarch64 programs that tests run on another processor.
enum Emulation {
  /// What this machine lacks to run them; nil where they run.
  static let missing: String? = {
    do {
      _ = try Emulator.find(for: .neon)
      return nil
    } catch { return "\(error)" }
  }()

  static func runs(_ machine: MachineDescription) -> Bool { machine == .neon && missing == nil }
}
