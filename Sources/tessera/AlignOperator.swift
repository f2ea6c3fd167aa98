import Alignment
import ArgumentParser
import Operators
import Runtime
import TileIR

/// What `align` takes for operators alone.
struct AlignOperatorOptions: ParsableArguments {
  @Option(help: "One of the operator's instances, in place of every small one.")
  var instance: String?

  @Option(help: "What random inputs hold: ordinary, extreme or special. (default: each in turn)")
  var kind: InputKind?

  @Option(help: "The seed of random inputs. (default: 1)")
  var seed: UInt64?

  func refuse(for what: String) throws {
    if instance != nil || kind != nil || seed != nil {
      throw Refusal("--instance, --kind and --seed are for \(what)")
    }
  }

  /// Runs the instances on every target.
  func align(
    _ entry: OperatorEntry, on targets: [AlignmentTarget], pool: ThreadPool, all: Bool, isQuiet: Bool,
    into report: inout AlignReport
  ) throws {
    let instances = try self.instance == nil
      ? entry.instances.filter(\.isSmall) : [entry.instance(named: self.instance!)]
    let kinds = kind.map { [$0] } ?? InputKind.allCases
    let line = ProgressLine(isQuiet: isQuiet)
    defer { line.clear() }
    var differing: Set<String> = []
    for instance in instances {
      let program = try instance.kernel().program()
      let runners = try targets.map { target in
        line.show("compiling \(entry.name) \"\(instance.name)\" for", 1, of: 1, detail: target.description)
        return try failing(as: target) { try target.load(program, pool: pool) }
      }
      let cases = instance.shapes.flatMap { shape in kinds.map { (shape, $0) } }
      for (number, (shape, kind)) in cases.enumerated() {
        let launch = try OperatorLaunch(
          instance, settings: [], inputs: .random(kind, seed: seed ?? 1), shape: shape)
        var expected: [String: HostTensor] = [:]
        for (target, runner) in zip(targets, runners) {
          line.show("\(entry.name) \"\(instance.name)\"", number + 1, of: cases.count, detail: runner.name)
          let results = try failing(as: target) { try runner.run(launch.arguments, launch.boundExtents) }
          if target == targets[0] {
            expected = results
            continue
          }
          for divergence in try Divergence.all(expected: expected, found: results, of: program) {
            let sizes = shape.isEmpty ? "" : " at \(settings(shape))"
            guard all || differing.insert(runner.name).inserted else { continue }
            report.divergences.append(
              AlignReport.Row(
                target: runner.name, place: "\"\(instance.name)\"\(sizes), \(kind.rawValue) inputs", launch: nil,
                scope: nil, operator: entry.name, divergence))
          }
        }
        report.compared += 1
        if !all, differing.count == targets.count - 1 { return }
      }
    }
  }

  /// Names the target in what it throws.
  private func failing<T>(as target: AlignmentTarget, _ body: () throws -> T) throws -> T {
    do { return try body() } catch { throw SideFailure(side: target.description, error: error) }
  }
}
