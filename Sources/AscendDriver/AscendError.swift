import DynamicLibrary

/// Why something cannot be had of AscendCL.
public enum AscendError: Error, Sendable, Equatable, CustomStringConvertible {
  /// AscendCL is not here, or lacks what is needed.
  case noLibrary(DynamicLibraryError)
  case noDevice(library: String)
  case noSuchDevice(Int, count: Int)
  case outOfMemory(needed: Int, free: Int, total: Int, device: String)
  /// Any other refusal: the function, the code that it answered with and AscendCL's words.
  case call(function: String, code: Int, text: String)

  public var description: String {
    switch self {
    case .noLibrary(let error):
      return "AscendCL is not here: \(error)\nCANN's set_env.sh names its folder in ASCEND_HOME_PATH; without a chip "
        + "`tessera export OPERATOR|MODEL --target ascend-910b --out FOLDER` writes a package that CANN builds, runs on "
        + "the chip and compares, and ascend-model runs the same kernels on this processor"
    case .noDevice(let library):
      return "\(library) finds no Ascend chip; ASCEND_RT_VISIBLE_DEVICES may hide one, npu-smi info lists them"
    case .noSuchDevice(let number, let count):
      let known = count == 1 ? "only ascend:0 is" : "ascend:0 to ascend:\(count - 1) are"
      return "no device ascend:\(number): \(known) here"
    case .outOfMemory(let needed, let free, let total, let device):
      return "\(device) is out of memory: \(Self.size(needed)) needed, \(Self.size(free)) of \(Self.size(total)) free"
    case .call(let function, let code, let text):
      return "\(function) ended with code \(code)" + (text.isEmpty ? "" : ": \(text)")
    }
  }

  private static func size(_ bytes: Int) -> String {
    bytes < 10 << 20 ? "\(bytes) bytes" : "\(bytes >> 20) MiB"
  }
}
