import DeviceModel
import Foundation

@testable import Runtime

/// Builds exported packages without CANN: its host program with clang, its kernels for the model of pipes.
struct AscendCLStandIn {
  let folder: URL

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// A kernel as the text has it.
  struct Kernel {
    let name: String
    /// `GM_ADDR x`, `int64_t rows` and so on.
    let parameters: [String]
    let vectorCoresOfCube: Int

    /// What CANN's build makes of it, without a body.
    func declaration(_ types: (String) -> String) -> String {
      "extern \"C\" inline uint32_t aclrtlaunch_\(name)(uint32_t blocks, aclrtStream stream"
        + parameters.map { ", " + types($0) }.joined() + ")"
    }
  }

  /// The kernels of a package's text, in its order.
  static func kernels(of text: String) -> [Kernel] {
    text.split(separator: "extern \"C\" __global__ __aicore__ void ").dropFirst().map { part in
      let name = part.prefix { $0 != "(" }
      let list = part[name.endIndex...].dropFirst().prefix { $0 != ")" }
      let parameters = list.split(separator: ",").map {
        $0.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      }
      let cores = part.firstMatch(of: /KERNEL_TYPE_MIX_AIC_1_(\d)/).map { Int($0.output.1)! } ?? 0
      return Kernel(name: String(name), parameters: parameters, vectorCoresOfCube: cores)
    }
  }

  /// The texts of a package's kernels, `instructions` before those that the model has not the instructions
  /// for.
  private static func text(of folder: URL, _ instructions: String = "") throws -> String {
    let parts = folder.appendingPathComponent("kernels")
    if FileManager.default.fileExists(atPath: parts.path) { return try joined(parts) }
    let text = try String(contentsOf: folder.appendingPathComponent("kernels.cpp"), encoding: .utf8)
    let more = folder.appendingPathComponent("measurements.cpp")
    guard FileManager.default.fileExists(atPath: more.path) else { return text }
    return try text + instructions + String(contentsOf: more, encoding: .utf8)
  }

  /// The files of a model's kernels as one text.
  private static func joined(_ folder: URL) throws -> String {
    try joined(FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
      try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
    })
  }

  /// Texts as one, what each defines for itself kept apart.
  static func joined(_ texts: [String]) -> String {
    let parts = texts.enumerated().map { number, text in
      let names = kernels(of: text).map { "using part_\(number)::\($0.name);\n" }
      return "namespace part_\(number) {\n\(text)\n}\n" + names.joined()
    }
    return "#include \"kernel_operator.h\"\n" + parts.joined()
  }

  /// Puts the stand-in into a folder of headers. Returns the options that it is compiled with.
  static func write(to headers: URL) throws -> [String] {
    try FileManager.default.createDirectory(
      at: headers.appendingPathComponent("acl"), withIntermediateDirectories: true)
    for (name, text) in [
      ("acl/acl.h", AscendCLText.declarations), ("stand_in.h", AscendCLText.launches), ("stand_in.cpp", AscendCLText.standIn),
    ] {
      try Data(text.utf8).write(to: headers.appendingPathComponent(name))
    }
    return ["-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", "-I", headers.path]
  }

  /// The same with what CANN makes of a text's kernels, and the program that runs them.
  static func write(_ text: String, to headers: URL) throws -> [String] {
    let options = try write(to: headers)
    let kernels = kernels(of: text)
    let engine = try KernelCache.standard.ascendModel(of: text, kernels: kernels.map(\.name)).file
    try FileManager.default.copyItem(at: engine, to: headers.appendingPathComponent("engine"))
    for (number, kernel) in kernels.enumerated() {
      let names = kernel.parameters.map { "given(\($0.split(separator: " ").last!))" }.joined(separator: ", ")
      let text = """
        #pragma once
        #include "stand_in.h"
        \(kernel.declaration { $0.replacingOccurrences(of: "GM_ADDR ", with: "void *") }) {
          return stand_in_launch(ENGINE, \(number), \(kernel.vectorCoresOfCube), blocks, stream, {\(names)});
        }

        """
      try Data(text.utf8).write(to: headers.appendingPathComponent("aclrtlaunch_\(kernel.name).h"))
    }
    return options + ["-DENGINE=\"\(headers.appendingPathComponent("engine").path)\""]
  }

  /// Compiles the package at `folder`.
  init(_ folder: URL, instructions: String = "") throws {
    self.folder = folder
    let headers = folder.appendingPathComponent("stand-in")
    let options = try Self.write(Self.text(of: folder, instructions), to: headers)
    try Self.compile(
      options + [
        "-I", folder.path, folder.appendingPathComponent("main.cpp").path, Self.library.get(), "-o",
        headers.appendingPathComponent("check").path,
      ])
  }

  /// The stand-in as a library, which the cache keeps.
  static let library = Result<String, any Error> {
    let recipe = KernelCache.Recipe(
      ["stand-in", AscendCLText.declarations, AscendCLText.launches, AscendCLText.standIn], suffix: "so",
      maker: .other(identity: "clang++") { output in
        let folder = try TemporaryFolder()
        let place = URL(fileURLWithPath: folder.file("acl"))
        let options = try write(to: place)
        try compile(
          options + ["-shared", "-fPIC", place.appendingPathComponent("stand_in.cpp").path, "-o", output.path])
      })
    return try KernelCache.standard.object(recipe).file.path
  }

  /// Runs the C++ compiler, which must accept everything.
  static func compile(_ arguments: [String]) throws {
    let result = try run("clang++", arguments)
    guard result.status == 0 else { throw Failure(description: result.errors) }
  }

  /// Runs the package's program in its folder.
  func check(_ arguments: [String] = []) throws -> Outcome {
    try Self.run(folder.appendingPathComponent("stand-in/check").path, arguments, in: folder)
  }

  /// Type-checks the package's program against headers of AscendCL and returns what the compiler says.
  static func typeCheck(_ folder: URL, headers: URL) throws -> String {
    let text = try text(of: folder)
    let own = folder.appendingPathComponent("declarations")
    try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
    for kernel in kernels(of: text) {
      let declaration = kernel.declaration { $0.replacingOccurrences(of: "GM_ADDR ", with: "void *") }
        .replacingOccurrences(of: "inline ", with: "")
      try Data(
        "#pragma once\n#include \"acl/acl.h\"\n#define ACLRT_LAUNCH_KERNEL(kernel) aclrtlaunch_##kernel\n\(declaration);\n"
          .utf8
      ).write(to: own.appendingPathComponent("aclrtlaunch_\(kernel.name).h"))
    }
    let result = try run(
      "clang++",
      [
        "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-isystem", headers.path, "-I",
        own.path,
        folder.appendingPathComponent("main.cpp").path,
      ])
    return result.status == 0 ? "" : result.errors + "status \(result.status)"
  }

  private static func run(_ program: String, _ arguments: [String], in folder: URL? = nil) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    if let folder { process.currentDirectoryURL = folder }
    // Files, not pipes: a pipe that nobody reads blocks its writer when it is full.
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("export-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    let files = ["output", "errors"].map { place.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    let texts = try files.map { try String(contentsOf: $0, encoding: .utf8) }
    return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }
}
