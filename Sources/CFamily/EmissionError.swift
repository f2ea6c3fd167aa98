/// A kernel that cannot be printed for a machine, by name.
public struct EmissionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kernel, by its name in the plan.
  public let kernel: String
  /// The machine's name, such as `cpu-sse2`.
  public let machine: String
  /// What the machine lacks or the kernel gets wrong.
  public let message: String

  package init(kernel: String, machine: String, message: String) {
    self.kernel = kernel
    self.machine = machine
    self.message = message
  }

  public var description: String { "kernel \(kernel) for \(machine): \(message)" }
}

/// Why one expression or statement cannot be printed; the kernel's name is added above.
package struct Refusal: Error {
  package let message: String
  package init(_ message: String) { self.message = message }
}
