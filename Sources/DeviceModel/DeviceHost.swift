import CTesseraShims

/// The processor that the device model runs on.
public struct DeviceHost: Sendable {
  /// What tells the compiler.
  let options: [String]
  /// What runs its programs on another processor; nil where they run by themselves.
  let emulator: String?

  /// This computer's own. On x86-64 with AVX2 and FMA where it has them.
  public static let this: DeviceHost =
    switch tessera_cpu_level() {
    case 1, 2: DeviceHost(options: x86 + ["-march=x86-64-v3"], emulator: nil)
    case 3: DeviceHost(options: arm, emulator: nil)
    default: DeviceHost(options: x86 + ["-march=x86-64"], emulator: nil)
    }

  /// An aarch64 processor, by an emulator of Linux programs at this path.
  public static func aarch64(emulator: String) -> DeviceHost { DeviceHost(options: arm, emulator: emulator) }

  private static let x86 = ["--target=x86_64-linux-gnu"]
  private static let arm = ["--target=aarch64-linux-gnu"]
}
