import MachineIR
import Operators
import Reference
import TileIR

/// Arguments of a small launch with the reference's results.
struct PlanLaunch {
  let arguments: [String: Argument]
  let extents: [Dimension: Int]
  let expected: [String: HostTensor]
  let arithmetic: FloatArithmetic

  init(
    _ instance: OperatorInstance, _ program: Program, _ extents: [String: Int], _ kind: InputKind = .ordinary,
    seed: UInt64 = 7,
    arithmetic: FloatArithmetic = .ieee
  ) throws {
    arguments = program.arguments(try instance.randomArguments(extents: extents, kind: kind, seed: seed))
    self.extents = program.bound(extents)
    self.arithmetic = arithmetic
    expected = try Reference.run(program, arguments, extents: self.extents, arithmetic: arithmetic)
  }

  /// What the interpreter finds wrong with a plan on this launch, bits that differ included; nil for nothing.
  func problem(_ plan: Plan, order: MachineInterpreter.CellOrder = .ascending, rowGap: Int = 0) -> String? {
    do {
      let outcome = try MachineInterpreter.run(
        plan, arguments, extents: extents, order: order, rowGap: rowGap, arithmetic: arithmetic)
      if let failure = outcome.failure { return "fails with \(failure)" }
      for (name, tensor) in expected.sorted(by: { $0.key < $1.key }) {
        guard let found = outcome.results[name], found.shape == tensor.shape else {
          return "\(name) has another shape"
        }
        if let at = (0..<tensor.count).first(where: { found[$0] != tensor[$0] }) {
          return
            "\(name) differs at \(at): \(String(found[at], radix: 16)) instead of \(String(tensor[at], radix: 16))"
        }
      }
      return nil
    } catch {
      return error.description
    }
  }
}
