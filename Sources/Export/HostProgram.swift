import CFamily
import DeviceModel
import MachineIR
import Runtime
import TileIR

/// Prints a launch as a host program against AscendCL: `main.cpp`.
struct HostProgram {
  let launch: AscendLaunch
  let program: Program
  let title: String
  /// The contents of results, by parameter.
  let expected: [String: HostTensor]
  /// The variable of each buffer; of a parameter, its files begin with it.
  private let names: [String]

  init(_ launch: AscendLaunch, _ program: Program, title: String, expected: [String: HostTensor]) {
    self.launch = launch
    self.program = program
    self.title = title
    self.expected = expected
    var given = CNames(taken: [
      "device", "main", "count", "words", "run_on_device", "Device", "Failure", "require", "float_of",
    ])
    names = launch.buffers.enumerated().map { given.identifier("buffer \($0)", from: $1.name) }
  }

  /// The file of a buffer's contents before the launch.
  func file(of buffer: Int) -> String { "data/\(names[buffer]).bin" }
  /// The file of what a result must hold behind it.
  func expectedFile(of buffer: Int) -> String { "data/\(names[buffer]).expected.bin" }

  func print() -> String {
    var lines = [
      "// \(title): the kernels of one launch, in order, and a comparison with the expected bits.",
      "// Sizes and numbers are those of this launch.",
    ]
    lines += Set(launch.kernels.map(\.call.kernel)).sorted().map { "#include \"aclrtlaunch_\($0).h\"" }
    lines += [
      "#include \"device.h\"", "", "int main(int count, char **words) {",
      "  return run_on_device(count, words, \(Self.literal(title)), [](Device &device) {",
    ]
    var body = buffers()
    if !launch.kernels.isEmpty {
      for kernel in launch.kernels { body += call(of: kernel) }
      body.append("device.wait();")
    }
    body += comparisons() + ["return device.conclusion();"]
    lines += body.map { "    \($0)" }
    lines += ["  });", "}"]
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: Buffers

  private var used: Set<Int> {
    var used: Set<Int> = []
    for case .buffer(let number) in launch.kernels.flatMap(\.call.arguments) { used.insert(number) }
    return used
  }

  private func buffers() -> [String] {
    let used = used
    return launch.buffers.enumerated().compactMap { number, buffer in
      let name = names[number]
      switch buffer.purpose {
      case .parameter(let position):
        let parameter = program.parameters[position]
        if parameter.role == .output {
          return
            "void *\(name) = device.unlike(\(Self.literal(expectedFile(of: number))), \(buffer.byteCount));"
        }
        guard used.contains(number) || parameter.role == .state else { return nil }
        return "void *\(name) = device.contents(\(Self.literal(file(of: number))), \(buffer.byteCount));"
      case .workspace:
        return used.contains(number) ? "void *\(name) = device.memory(\(buffer.byteCount));" : nil
      case .checks:
        return used.contains(number) ? "void *\(name) = device.zeros(\(buffer.byteCount));" : nil
      }
    }
  }

  // MARK: Launches

  private func call(of kernel: AscendLaunch.Kernel) -> [String] {
    let function = kernel.call.kernel
    var items = ["/* blocks */ \(kernel.call.blocks)", "device.stream"]
    for (name, argument) in zip(kernel.parameters, kernel.call.arguments) {
      switch argument {
      case .buffer(let number): items.append(names[number])
      case .integer(let value): items.append("/* \(name) */ \(value == .min ? "INT64_MIN" : "\(value)")")
      case .float(let value): items.append("/* \(name) */ \(Self.literal(value))")
      }
    }
    let layout = Layout.group(
      open: "device.launched(\(Self.literal(function)), ACLRT_LAUNCH_KERNEL(\(function))(",
      items: items.map(Layout.text), separator: ",", close: "));")
    return layout.broken(at: 4, indent: 4).split(separator: "\n").map(String.init)
  }

  // MARK: Comparisons

  private func comparisons() -> [String] {
    var lines: [String] = []
    let used = used
    for (number, buffer) in launch.buffers.enumerated() {
      let name = names[number]
      switch buffer.purpose {
      case .checks where used.contains(number):
        let messages = launch.messages.map { Layout.text(Self.literal($0)) }
        let layout = Layout.group(
          open: "device.compare_checks(\(name), \(buffer.byteCount), {", items: messages, separator: ",",
          close: "});")
        lines += layout.broken(at: 4, indent: 4).split(separator: "\n").map(String.init)
      case .parameter(let position):
        let parameter = program.parameters[position]
        guard let tensor = expected[parameter.name] else { continue }
        let shape = tensor.shape.map(String.init).joined(separator: ", ")
        lines.append(
          "// \(parameter.element.rawValue) [\(parameter.axes.map(\.name).joined(separator: ", "))]")
        let items = [
          Self.literal(parameter.name), name, Self.literal(expectedFile(of: number)), "\(buffer.byteCount)",
          "\(parameter.element.bitWidth)", "{\(shape)}",
        ]
        let layout = Layout.group(
          open: "device.compare(", items: items.map(Layout.text), separator: ",", close: ");")
        lines += layout.broken(at: 4, indent: 4).split(separator: "\n").map(String.init)
      case .checks, .workspace: continue
      }
    }
    return lines
  }

  // MARK: Literals

  /// A string of C++.
  static func literal(_ text: String) -> String {
    var quoted = "\""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): quoted += "\\" + String(UnicodeScalar(byte))
      case 0x20..<0x7F: quoted += String(UnicodeScalar(byte))
      // Three digits end it, whatever follows.
      default: quoted += "\\" + String(byte >> 6) + String(byte >> 3 & 7) + String(byte & 7)
      }
    }
    return quoted + "\""
  }

  /// A float by its bits.
  private static func literal(_ value: Float) -> String {
    let digits = String(value.bitPattern, radix: 16)
    return "float_of(0x\(String(repeating: "0", count: 8 - digits.count))\(digits))"
  }
}
