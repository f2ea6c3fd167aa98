import DynamicLibrary
import Foundation

/// `ascend:0` where a target is named: an NPU of this machine, which nothing is launched on yet.
enum AscendDevice {
  /// Whether `name` is that of an NPU of this machine.
  static func isNamed(_ name: String) -> Bool {
    guard name.hasPrefix("ascend:"), let number = Int(name.dropFirst(7)) else { return false }
    return number >= 0
  }

  /// Why nothing runs there: what is missing, and what is there instead.
  static func refusal(
    of name: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Refusal {
    let instead =
      "`tessera export OPERATOR|MODEL --target ascend-910b --out FOLDER` writes a package that CANN builds, "
      + "runs on the chip and compares; ascend-model runs the same kernels on this processor"
    do {
      let library = try DynamicLibrary(named: ["libascendcl.so"], searching: folders(environment))
      return Refusal(
        "\(name): AscendCL is here, \(library.path), but kernels are not launched through it; \(instead)")
    } catch {
      return Refusal("\(name): AscendCL is not here: \(error)\n\(instead)")
    }
  }

  /// Where CANN keeps its libraries.
  private static func folders(_ environment: [String: String]) -> [String] {
    let roots = ["ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"].compactMap { environment[$0] }
    return (roots + ["/usr/local/Ascend/ascend-toolkit/latest"]).map { "\($0)/lib64" }
  }
}
