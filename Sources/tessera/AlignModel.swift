import Alignment
import DeepSeek
import Runtime

extension ModelRuns {
  /// A model on one side.
  private struct Side {
    let name: String
    let model: Model
    let isReference: Bool

    func run(_ batch: Batch) throws -> Lockstep.Side {
      Lockstep.Side(name, try model.begin(batch), by: isReference ? { try $0.byReference() } : nil)
    }
  }

  /// Runs a prefill and decode steps on every target, launch by launch.
  func align(
    on targets: [AlignmentTarget], pool: ThreadPool, all: Bool, isQuiet: Bool, into report: inout AlignReport
  ) throws {
    let sides = try targets.map { target -> Side in
      do {
        let device = try Device(target.runs(), pool: pool)
        let model = try Model.load(weights, options, on: device, isQuiet: isQuiet, named: target.description)
        return Side(name: target.description, model: model, isReference: target == .reference)
      } catch {
        throw SideFailure(side: target.description, error: error)
      }
    }
    let line = ProgressLine(isQuiet: isQuiet)
    defer { line.clear() }
    var differing: Set<String> = []
    try forEach(of: sides.map(\.model)) { place, batch in
      var lockstep = Lockstep(try sides.map { try $0.run(batch) })
      var done = 0
      while let differences = try lockstep.advance() {
        done += 1
        report.compared += 1
        line.show(place, done, of: sides[0].model.steps[0].launches.count)
        for difference in differences where all || differing.insert(difference.side).inserted {
          report.divergences.append(
            AlignReport.Row(
              target: difference.side, place: place, launch: difference.launch, scope: difference.scope,
              operator: difference.program, difference.divergence))
        }
        if !all, differing.count == sides.count - 1 { return false }
      }
      return true
    }
  }
}

extension AlignmentTarget {
  /// Where a model's buffers lie while the target runs it: the reference has none of its own.
  fileprivate func runs() throws -> RunTarget {
    switch self {
    case .reference: try .host
    case .target(let target): target
    }
  }
}
