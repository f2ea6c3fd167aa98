import EmitCUDA
import Foundation
import MachineIR

/// Compiled GPU kernels, with what the compiler said about them.
public struct GPUCode: Hashable, Sendable {
  /// What the driver loads.
  public let image: Data
  public let log: String

  public init(image: Data, log: String) {
    self.image = image
    self.log = log
  }

  /// The name of a kernel in compiled code.
  public static func symbol(of kernel: MachineKernel) -> String { EmitCUDA.symbol(of: kernel) }

  // MARK: Resources

  /// What one kernel takes of a multiprocessor.
  public struct Resources: Hashable, Sendable, Encodable {
    public let kernel: String
    /// Registers of a thread.
    public let registers: Int
    /// Bytes of a thread in local memory: arrays that are indexed at run time, and spilled registers.
    public let stackBytes: Int
    public let spillStoreBytes: Int
    public let spillLoadBytes: Int
    /// Bytes of shared memory that the text itself declares, beside what a launch adds.
    public let staticSharedBytes: Int
  }

  /// The resources of every kernel, as the compiler reports them; functions that are called are not kernels.
  ///
  /// Throws where the report has no line for what a kernel has.
  public func resources() throws -> [Resources] {
    var found: [Resources] = []
    var kernel: String?
    var properties: String?
    for line in log.split(separator: "\n").map(String.init) {
      if let name = line.between("Compiling entry function '", "'") {
        kernel = name
        properties = nil
      } else if line.contains("bytes stack frame") {
        properties = properties ?? line
      } else if let registers = line.number(before: " registers"), let name = kernel {
        guard let properties, let stack = properties.number(before: " bytes stack frame"),
          let stores = properties.number(before: " bytes spill stores"),
          let loads = properties.number(before: " bytes spill loads")
        else { throw RuntimeError("the compiler's report on \(name) has no line about its stack") }
        found.append(
          Resources(
            kernel: name, registers: registers,
            stackBytes: line.number(before: " bytes cumulative stack") ?? stack,
            spillStoreBytes: stores, spillLoadBytes: loads,
            staticSharedBytes: line.number(before: " bytes smem") ?? 0))
        kernel = nil
      }
    }
    return found
  }

  // MARK: As a file

  /// A line that says how long the compiler's words are, those, and the image.
  var fileBytes: Data {
    Data("\(Self.mark)\(log.utf8.count)\n".utf8) + Data(log.utf8) + image
  }

  private static let mark = "tessera-gpu-code 1 "

  /// Reads what `fileBytes` wrote; nil where it is something else. Bytes behind the image are kept with it.
  init?(fileBytes bytes: Data) {
    let mark = Data(Self.mark.utf8)
    guard bytes.starts(with: mark), let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let digits = String(decoding: bytes[bytes.startIndex + mark.count..<end], as: UTF8.self)
    let rest = bytes[(end + 1)...]
    guard let length = Int(digits), length >= 0, length <= rest.count else { return nil }
    log = String(decoding: rest.prefix(length), as: UTF8.self)
    image = Data(rest.dropFirst(length))
  }
}

extension KernelCache {
  /// The machine code of a plan's kernels, from the folder or compiled now, and whether no compiler had to run.
  /// Refuses what is not proved.
  public func code(of plan: Plan) throws -> (code: GPUCode, wasCached: Bool) {
    guard let gpu = plan.machine.gpu else { throw RuntimeError("\(plan.machine.name) is no GPU") }
    try requireProof(of: plan.program)
    _ = try requireProof(of: plan, plan.stableHash)
    let compiler = try NVRTC.standard.get()
    let name = plan.program.name
    let source = try EmitCUDA.source(kernels: plan.kernels, machine: plan.machine, program: plan.program)
    let recipe = Recipe(
      ["gpu", source, "\(EmitCUDA.interfaceVersion)"] + NVRTC.options(for: gpu), suffix: "cubin",
      maker: .other(identity: compiler.version) { file in
        try compiler.compile(source, named: name, for: gpu).fileBytes.write(to: file)
      })
    let object = try object(recipe)
    guard let code = GPUCode(fileBytes: try Data(contentsOf: object.file)) else {
      throw RuntimeError("\(object.file.path) is no compiled GPU code")
    }
    return (code, object.wasCached)
  }
}

extension String {
  /// What stands between two texts.
  fileprivate func between(_ before: String, _ after: String) -> String? {
    guard let start = range(of: before), let end = range(of: after, range: start.upperBound..<endIndex) else {
      return nil
    }
    return String(self[start.upperBound..<end.lowerBound])
  }

  /// The number that stands before a text.
  fileprivate func number(before text: String) -> Int? {
    guard let end = range(of: text)?.lowerBound else { return nil }
    return Int(String(self[..<end].reversed().prefix { $0.isNumber }.reversed()))
  }
}
