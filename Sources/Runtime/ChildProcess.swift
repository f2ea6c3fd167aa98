import CTesseraShims
import Foundation

/// Programs that the runtime starts: the compiler, the linker's driver, an emulator.
enum ChildProcess {
  struct Result {
    /// The exit status, or minus the signal that ended it.
    let status: Int32
    /// What it wrote to standard output and standard error.
    let text: String
  }

  /// Runs a program and waits for it. `input` is its standard input, open for reading and writing.
  ///
  /// `output` is the file that takes what it writes; the folder must exist and take files. Throws where
  /// the program cannot be started.
  static func run(
    _ path: String, _ arguments: [String], input: String = "/dev/null", output: URL
  ) throws -> Result {
    var status: Int32 = 0
    let words = ([path] + arguments).map { strdup($0) }
    defer { words.forEach { free($0) } }
    let pointers = words.map { UnsafePointer($0) } + [nil]
    let error = tessera_run_process(path, pointers, input, output.path, &status)
    guard error == 0 else {
      throw RuntimeError("cannot run \(path): \(String(cString: strerror(error)))")
    }
    let text = (try? Data(contentsOf: output)).map { String(decoding: $0, as: UTF8.self) }
    return Result(status: status, text: text ?? "")
  }
}
