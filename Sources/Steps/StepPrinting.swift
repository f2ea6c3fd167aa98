import TileIR

extension Step {
  /// A line a launch: its operator, what it reads, `->`, what it writes, and the bytes it moves when
  /// `number` gives the run's numbers. Scopes head their launches.
  public func text(_ number: (RunNumber) -> Int) -> String {
    let names = numbers.map { "\($0.name) = \(number($0))" }.joined(separator: ", ")
    var lines = ["step \(name)" + (names.isEmpty ? "" : ", \(names)")]
    var scope = ""
    var total = Traffic()
    for launch in launches {
      if launch.scope != scope {
        scope = launch.scope
        if !scope.isEmpty { lines.append("  \(scope)") }
      }
      let traffic = traffic(of: launch, number)
      total = total + traffic
      lines.append("    \(text(of: launch))  \(Self.bytes(traffic.total))")
    }
    lines.append(
      "\(launches.count) launches of \(programs.count) programs; \(Self.bytes(total.weights)) of weights, "
        + "\(Self.bytes(total.read)) read, \(Self.bytes(total.written)) written")
    return lines.joined(separator: "\n") + "\n"
  }

  /// A launch in one line, sizes as the step has them; names lose what they share with the launch's scope.
  public func text(of launch: StepLaunch) -> String {
    let program = programs[launch.program]
    var (sources, targets): ([String], [String]) = ([], [])
    for (position, parameter) in program.parameters.enumerated() {
      switch launch.arguments[position] {
      case .view(let view):
        let text = self.text(of: view, in: launch.scope)
        if parameter.role == .output { targets.append(text) } else { sources.append(text) }
        if parameter.role == .state, program.writes(position) { targets.append(name(of: view, in: launch.scope)) }
      case .integer(let size): sources.append("\(parameter.name) = \(size)")
      case .float(let value): sources.append("\(parameter.name) = \(value)")
      }
    }
    return "\(program.name)(\(sources.joined(separator: ", "))) -> \(targets.joined(separator: ", "))"
  }

  private func text(of view: View, in scope: String) -> String {
    let shape = view.shape.map(\.description).joined(separator: ", ")
    let place = view.offset == 0 ? "" : " from \(view.offset)"
    return "\(name(of: view, in: scope)) \(view.element.rawValue) [\(shape)]\(place)"
  }

  private func name(of view: View, in scope: String) -> String {
    var parts = buffers[view.buffer].name.split(separator: ".")
    for part in scope.split(separator: ".") where parts.count > 1 && parts.first == part { parts.removeFirst() }
    return parts.joined(separator: ".")
  }

  /// Bytes in the largest binary unit that leaves at least 1.
  static func bytes(_ count: Int) -> String {
    var (value, unit) = (Double(count), 0)
    while value >= 1024, unit < 4 {
      value /= 1024
      unit += 1
    }
    let rounded = unit == 0 ? "\(count)" : "\((value * 10).rounded() / 10)"
    return "\(rounded) \(["B", "KiB", "MiB", "GiB", "TiB"][unit])"
  }
}
