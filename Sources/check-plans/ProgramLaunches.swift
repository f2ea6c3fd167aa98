import Operators
import Reference
import TileIR

/// Launches of a small program with a fault, run by the reference: the shapes of its instance, and others
/// with every length varied from none to a few.
struct ProgramLaunches {
  let instance: OperatorInstance
  /// How many shapes are drawn beside those of the instance.
  let drawn: Int

  /// What the reference finds wrong with a program in a launch that it admits; nil for nothing.
  func problem(_ program: Program, seed: UInt64) -> String? {
    var random = SplitMix64(seed: seed)
    var shapes = instance.shapes
    for _ in 0..<drawn {
      var extents = instance.shapes.randomElement(using: &random) ?? [:]
      for dimension in program.dimensions where extents[dimension.name] != nil {
        guard Bool.random(using: &random) else { continue }
        let least = dimension.range.lowerBound
        let most = max(least, min(dimension.range.upperBound, least + 9))
        extents[dimension.name] = Int.random(in: least...most, using: &random)
      }
      shapes.append(extents)
    }
    for (number, extents) in shapes.enumerated() {
      for isArranged in [true, false] {
        if let problem = problem(program, extents, isArranged: isArranged, seed: seed + UInt64(number)) {
          return "\(extents.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)" }): \(problem)"
        }
      }
    }
    return nil
  }

  private func problem(_ program: Program, _ extents: [String: Int], isArranged: Bool, seed: UInt64)
    -> String?
  {
    do throws(Diagnostic) {
      // What fits the right program, or what the faulty one's own declarations admit.
      let tensors =
        isArranged
        ? try instance.randomArguments(extents: extents, seed: seed)
        : try program.randomArguments(extents: extents, seed: seed)
      _ = try Reference.run(program, program.arguments(tensors), extents: program.bound(extents))
      return nil
    } catch {
      return isFault(error, program) ? error.message : nil
    }
  }

  /// Whether the program is at fault: a launch that it does not admit, or whose data break an assertion, says
  /// nothing of it.
  private func isFault(_ diagnostic: Diagnostic, _ program: Program) -> Bool {
    let message = diagnostic.message
    if message.hasPrefix("this launch breaks") || message.hasPrefix("no argument has dimension") {
      return false
    }
    let aboutExtents = [" expected", ", but ", "declared in"]
    if message.contains("extent of"), aboutExtents.contains(where: message.contains) { return false }
    for parameter in program.parameters where parameter.role != .output {
      if message.hasPrefix("\(parameter.name): "), message.contains(" expected, ") { return false }
    }
    for case .assert(_, let text) in program.regions.flatMap(\.statements).map(\.effect)
    where message.hasPrefix(text) {
      return false
    }
    return true
  }
}
