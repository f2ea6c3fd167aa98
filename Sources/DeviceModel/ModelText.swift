/// The C++ that the device model consists of: what stands in front of kernels' text, and the engine that
/// runs them. Its parts are in files of their own, as text, since they are compiled with the kernels.
enum ModelText {
  /// The header.
  static let header = operations + intrinsics

  /// The engine, one translation unit.
  static let engine = [
    operations, engineBase, engineJob, engineWorkers, engineThreads, engineOrder, engineChecks, engineCopies, engineMatrices,
    engineCollectives, engineMain,
  ].joined(separator: "\n")

  /// The file that a kernels' text is seen in by the compiler, so that lines are those of the text.
  static let kernelFile = "kernel.cu"

  /// What is compiled: the text, unchanged, and a table of its kernels.
  static func unit(kernels: [String]) -> String {
    let entries = kernels.map {
      "  {tessera_model_entry<&\($0)>::kinds, tessera_model_entry<&\($0)>::call},\n"
    }.joined()
    return """
      #include "\(kernelFile)"
      extern "C" const tessera_model_kernel tessera_model_kernels[] = {
      \(entries)};
      """
  }
}
