import EmitAscend

extension AscendPackage {
  /// `CMakeLists.txt`: the kernels by CANN's functions for Ascend C, and the host program.
  static func buildFile(kernels: [String]) -> String {
    EmitAscend.buildFile(project: "check", kernels: kernels, isShared: true, target: "add_executable(check main.cpp)")
  }
}
