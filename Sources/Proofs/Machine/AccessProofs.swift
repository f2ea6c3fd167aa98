import MachineIR
import TileIR

/// Whether accesses stay in bounds, one axis at a time.
extension KernelWalk {
  /// Judges one element of a buffer or an on-chip array.
  mutating func judge(_ name: String, _ place: Polynomial, bits: Int, element: ElementType?, isWrite: Bool) {
    guard isJudged else { return }
    let verb = isWrite ? "write" : "read"
    if let count = scratchCounts[name], let array = kernel.scratch.first(where: { $0.name == name }) {
      if !isWrite, copyRings.isRing(name) {
        readRing(name, place, bits: bits)
      } else if !isWrite {
        judgeStored(name, place, bits: bits)
      }
      let size = array.type.byteCount * 8
      judge(.inBounds, "\(verb) on-chip \(name)", [place, count * size - (place + 1) * bits])
      return
    }
    guard let buffer = kernel.buffers.first(where: { $0.name == name }) else {
      return refuse(.inBounds, "\(verb) \(name)", "there is no such memory")
    }
    switch buffer.source {
    case .workspace(let position):
      let bytes = numbers.value(plan.workspaces[position].byteCount, &prover)
      judge(.inBounds, "\(verb) workspace \(name)", [place, bytes * 8 - (place + 1) * bits])
      if !isWrite { judgeWritten(position, place, bits: bits) }
    case .parameter(let position):
      let parameter = plan.program.parameters[position]
      // Bytes of a packed buffer, and words of a narrow one, are several of its elements.
      let width = parameter.element.bitWidth
      guard bits % width == 0, let coordinates = coordinates(position, place * (bits / width)) else {
        return refuse(
          .inBounds, "\(verb) \(name)", "its offset is no sum of coordinates times strides", open: place)
      }
      for (number, (axis, coordinate)) in zip(parameter.axes, coordinates).enumerated() {
        let count = number == parameter.axes.count - 1 ? bits / width : 1
        judge(
          .inBounds, "\(verb) \(name) along \(axis.name)",
          [coordinate, numbers.extent(axis) - count - coordinate])
      }
    }
  }

  /// The coordinate along each axis of a parameter: the factor of the axis' stride.
  func coordinates(_ parameter: Int, _ place: Polynomial) -> [Polynomial]? {
    guard place.isValid else { return nil }
    let axes = plan.program.parameters[parameter].axes
    guard !axes.isEmpty else { return place == Polynomial(0) ? [] : nil }
    var rest = place
    var found: [Polynomial] = []
    for position in axes.indices.dropLast() {
      let stride = numbers.stride(parameter, position)
      guard let symbol = stride.top, let (factor, others) = rest.split(symbol) else { return nil }
      let (coordinate, remainder) = factor.divided(by: stride.parts[0].factor)
      guard remainder.constant == 0 else { return nil }
      found.append(coordinate)
      rest = others
    }
    return found + [rest]
  }

  /// Judges an element of a register array; returns its place.
  @discardableResult
  mutating func judgeElement(_ array: RegisterArray, _ indices: [Expression]) -> Polynomial {
    var whole = Polynomial(0)
    for (index, extent) in zip(indices, array.extents) {
      let place = integer(index)
      judge(.inBounds, "register of \(array.name)", [place, place * -1 + (extent - 1)])
      whole = whole * extent + place
    }
    return whole
  }

  /// A packed vector begins at a whole byte: every part of its offset is even.
  mutating func judgeEven(_ name: String, _ place: Polynomial) {
    guard isJudged else { return }
    if isEven(place) { return find(.aligned, "half bytes of \(name)", .proved(.divisibility)) }
    refuse(.aligned, "half bytes of \(name)", "its offset may be odd", open: place)
  }

  private func isEven(_ a: Polynomial) -> Bool {
    a.isValid
      && a.parts.allSatisfy { part in
        part.factor % 2 == 0
          || Polynomial.symbols(part.symbols).contains { symbol in
            switch prover.table[symbol].meaning {
            case .minimum(let a, let b), .maximum(let a, let b): isEven(a) && isEven(b)
            case .choice: prover.table[symbol].alternatives.allSatisfy { isEven($0.value) }
            case .number, .floor: false
            }
          }
      }
  }

  /// Judges that each polynomial is at least 0 here.
  mutating func judge(_ kind: ObligationKind, _ sentence: String, _ goals: [Polynomial]) {
    guard isJudged else { return }
    var procedure = Procedure.intervals
    for goal in goals {
      if let least = prover.table.least(goal), least >= 0 {
        certify(goal, kind, sentence, .intervals)
        continue
      }
      procedure = .affine
      if prover.isAtLeastZero(goal) {
        certify(goal, kind, sentence, .affine)
        continue
      }
      if prover.isUnreachable() {
        certify(goal, kind, sentence, .affine)
        break
      }
      let verdict = decide(goal, kind, sentence)
      guard case .proved(let used) = verdict else { return find(kind, sentence, verdict, open: goal) }
      certify(goal, kind, sentence, used)
      procedure = used
    }
    find(kind, sentence, .proved(procedure))
  }

  private mutating func certify(
    _ goal: Polynomial, _ kind: ObligationKind, _ sentence: String, _ procedure: Procedure
  ) {
    guard certifies,
      let obligation = prover.certificate(goal, kind, kernel: kernel.name, at: location, sentence)
    else { return }
    obligations.append((obligation, .proved(procedure)))
  }

  /// What the procedures for every obligation say, and the solver after them.
  func decide(_ goal: Polynomial, _ kind: ObligationKind, _ sentence: String) -> Verdict {
    guard let obligation = prover.obligation(goal, kind, kernel: kernel.name, at: location, sentence) else {
      return .unknown("an offset that is not followed")
    }
    return solver.decide(obligation)
  }

  mutating func find(
    _ kind: ObligationKind, _ sentence: String, _ verdict: Verdict, open: Polynomial? = nil
  ) {
    findings.append(
      MachineFinding(
        kind: kind, kernel: kernel.name, location: location, sentence: sentence, verdict: verdict,
        open: open.map { prover.text($0) }))
  }
  mutating func refuse(_ kind: ObligationKind, _ sentence: String, _ why: String, open: Polynomial? = nil) {
    find(kind, sentence, .unknown(why), open: open)
  }
}

/// One promise of a machine program and whether it was proved.
public struct MachineFinding: Hashable, Sendable {
  public let kind: ObligationKind
  public let kernel: String
  public let location: SourceLocation
  public let sentence: String
  public let verdict: Verdict
  /// What could not be shown to be at least 0.
  let open: String?

  /// What is promised of which kernel, and what became of it.
  public var text: String {
    let why =
      switch verdict {
      case .proved(let procedure): "proved (\(procedure.rawValue))"
      case .refuted(let counterexample): "fails for \(counterexample)"
      case .unknown(let reason): reason
      }
    return "\(kind.rawValue) in \(kernel): \(sentence): \(why)\(open.map { " (\($0))" } ?? "")"
  }
}

extension BoundElimination {
  /// A polynomial with its symbols' names.
  func text(_ a: Polynomial) -> String {
    guard a.isValid else { return "a number that is not followed" }
    let parts = a.parts.map { part -> String in
      let names = Polynomial.symbols(part.symbols).map { "\(table[$0].name)#\($0)" }
      return ([part.factor == 1 && !names.isEmpty ? nil : "\(part.factor)"].compactMap { $0 } + names)
        .joined(separator: " ")
    }
    return parts.isEmpty ? "0" : parts.joined(separator: " + ")
  }
}
