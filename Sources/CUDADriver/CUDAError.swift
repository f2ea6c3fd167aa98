import DynamicLibrary

/// Why something cannot be had of NVIDIA's driver.
public enum CUDAError: Error, Sendable, Equatable, CustomStringConvertible {
  /// There is no driver here, or it lacks what is needed.
  case noDriver(DynamicLibraryError)
  /// The driver is of an older CUDA than compiled kernels need; versions as 1000 major + 10 minor.
  case oldDriver(found: Int, needed: Int, library: String)
  case noDevice(library: String)
  case noSuchDevice(Int, count: Int)
  case outOfMemory(needed: Int, free: Int, total: Int, device: String)
  /// Any other refusal: the function, the driver's name for it and its words.
  case call(function: String, name: String, text: String)

  public var description: String {
    switch self {
    case .noDriver(let error):
      return "no NVIDIA driver here: install one, or set TESSERA_CUDA to the path of libcuda.so.1. \(error)"
    case .oldDriver(let found, let needed, let library):
      return "\(library) is a driver for CUDA \(Self.version(found)); CUDA \(Self.version(needed)) or newer expected: "
        + "install a newer NVIDIA driver"
    case .noDevice(let library):
      return "\(library) finds no NVIDIA GPU; CUDA_VISIBLE_DEVICES may hide one, nvidia-smi lists them"
    case .noSuchDevice(let number, let count):
      let known = count == 1 ? "only cuda:0 is" : "cuda:0 to cuda:\(count - 1) are"
      return "no device cuda:\(number): \(known) here"
    case .outOfMemory(let needed, let free, let total, let device):
      return "\(device) is out of memory: \(Self.size(needed)) needed, \(Self.size(free)) of \(Self.size(total)) free"
    case .call(let function, let name, let text):
      return "\(function): \(name): \(text)"
    }
  }

  static func version(_ number: Int) -> String { "\(number / 1000).\(number % 1000 / 10)" }

  private static func size(_ bytes: Int) -> String {
    bytes < 10 << 20 ? "\(bytes) bytes" : "\(bytes >> 20) MiB"
  }
}
