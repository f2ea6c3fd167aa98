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

  /// What is compiled: the text, unchanged, and a table of its kernels. The linker puts the tables of a program's
  /// texts behind each other, in their order.
  static func unit(_ text: DeviceText) -> String {
    let entries = text.kernels.map {
      "  {tessera_model_entry<&\($0)>::kinds, tessera_model_entry<&\($0)>::call},\n"
    }.joined()
    return """
      #include "\(text.file)"
      __attribute__((section("tessera_kernels"), used)) static const tessera_model_kernel tessera_model_kernels[] = {
      \(entries)};
      """
  }
}
