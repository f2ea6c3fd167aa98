import Foundation
import Synchronization

/// Compiles the text of CUDA kernels, unchanged, to programs that run them on this processor.
///
/// What a text may use of CUDA is listed in `Documentation/device-model.md`. No header of the system, no C
/// library and no GPU software takes part; the linker `ld.lld` must stand beside clang, as it does in a Swift
/// toolchain. A compiler may be used from several threads at once.
public final class DeviceCompiler: Sendable {
  /// The path of clang.
  public let clang: String
  public let host: DeviceHost
  private let engine = Mutex<ScratchFolder?>(nil)

  public init(clang: String, host: DeviceHost = .this) {
    self.clang = clang
    self.host = host
  }

  /// All that decides the object of a text besides the compiler: for the name of a cached one.
  public static func recipe(_ text: DeviceText, isChecked: Bool, host: DeviceHost = .this) -> [String] {
    [ModelText.header, ModelText.unit(text), text.source] + options(isChecked, host)
  }

  /// The same of a program besides the objects of its texts.
  public static func linkRecipe(host: DeviceHost = .this) -> [String] {
    [ModelText.engine] + options + host.options
  }

  /// Compiles texts to an executable at `output`; launches will name kernels of any of them.
  ///
  /// With `isChecked` every access to memory is watched; without, the program only computes. The first call also
  /// compiles the engine (half a second); a text costs tens of milliseconds.
  ///
  /// Throws `DeviceModelError` with clang's own words where it refuses a text.
  public func compile(_ texts: [DeviceText], isChecked: Bool, to output: URL) throws -> DeviceProgram {
    let folder = try ScratchFolder()
    let objects = try texts.enumerated().map { number, text in
      let object = folder.file("text\(number).o")
      try compile(text, isChecked: isChecked, toObject: object)
      return object
    }
    try link(objects, to: output)
    return DeviceProgram(file: output, texts: texts, isChecked: isChecked, clang: clang, host: host)
  }

  /// Compiles one text to an object at `output`.
  public func compile(_ text: DeviceText, isChecked: Bool, toObject output: URL) throws {
    let folder = try ScratchFolder()
    try folder.write(ModelText.header, as: "model.h")
    try folder.write(text.source, as: text.file)
    let unit = try folder.write(ModelText.unit(text), as: "unit.cpp")
    try run(
      Self.options(isChecked, host)
        + ["-ffile-prefix-map=\(folder.url.path)=.", "-include", folder.file("model.h").path]
        + ["-c", unit.path, "-o", output.path], in: folder)
  }

  /// Links the objects of texts, in the order of their kernels' numbers, to an executable at `output`.
  public func link(_ objects: [URL], to output: URL) throws {
    let folder = try ScratchFolder()
    let engine = try engineObject()
    try run(
      host.options + ["-nostdlib", "-static", "-fuse-ld=lld", "-o", output.path] + objects.map(\.path) + [engine.path],
      in: folder)
  }

  /// The engine's object, made by the first call.
  private func engineObject() throws -> URL {
    try engine.withLock { made in
      let folder = try made ?? ScratchFolder()
      let object = folder.file("engine.o")
      if made == nil {
        let text = try folder.write(ModelText.engine, as: "engine.cpp")
        try run(Self.options + host.options + ["-O2", "-c", text.path, "-o", object.path], in: folder)
        made = folder
      }
      return object
    }
  }

  private func run(_ arguments: [String], in folder: ScratchFolder) throws {
    let result = try Command.run(clang, arguments, output: folder.file("messages"))
    guard result.status == 0 else {
      throw DeviceModelError("\(clang) refused a text for the device model:\n\(result.text.prefix(4000))")
    }
  }

  private static func options(_ isChecked: Bool, _ host: DeviceHost) -> [String] {
    options + host.options + (isChecked ? checkedOptions : plainOptions)
  }

  /// Numbers as the contract wants them; nothing that would need a library; no copies of a barrier in the
  /// branches of a condition that threads answer differently.
  private static let options = [
    "-x", "c++", "-std=c++17", "-ffreestanding", "-nostdinc", "-fno-pic", "-fno-stack-protector",
    "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffp-contract=off", "-fno-math-errno",
    "-fwrapv", "-fno-strict-aliasing", "-fconvergent-functions", "-w",
  ]

  /// Calls before each access. Accesses stay as the text has them, which is as it is where nothing is optimised;
  /// and most of the time of a checked run would be that of the optimiser, which visits a whole kernel for each of
  /// its loops.
  private static let checkedOptions = [
    "-O0", "-fsanitize=thread,alignment",
    "-mllvm", "-tsan-instrument-func-entry-exit=0", "-mllvm", "-tsan-instrument-read-before-write=1",
  ] + lines
  private static let plainOptions = ["-O1"] + lines
  private static let lines = ["-gline-tables-only", "-gdwarf-4"]
}
