import TileIR

/// What is known at a point of a program: collects the hypotheses of obligations.
final class TileContext {
  let program: Program
  let values: TileValues
  private(set) var obligations: [Obligation] = []
  private var seen: Set<Seen> = []
  private let constraints: [Formula]

  private struct Seen: Hashable {
    let kind: ObligationKind
    let location: SourceLocation
    let goal: Formula
    let hypotheses: [Formula]
  }

  init(_ program: Program) {
    self.program = program
    let values = TileValues(program)
    self.values = values
    constraints = program.constraints.map {
      values.term($0.lower, at: TileSite()) .<= values.term($0.upper, at: TileSite())
    }
  }

  /// Adds an obligation; the same one met again by another way is one.
  func oblige(
    _ kind: ObligationKind, _ subject: String, at location: SourceLocation,
    _ sentence: @autoclosure () -> String,
    given path: [Formula], goal: Formula, lemma: String? = nil
  ) {
    let hypotheses = hypotheses(path, goal)
    guard seen.insert(Seen(kind: kind, location: location, goal: goal, hypotheses: hypotheses)).inserted
    else { return }
    obligations.append(
      Obligation(
        kind, kernel: program.name, at: location, sentence(), about: subject, hypotheses: hypotheses,
        goal: goal,
        lemma: lemma))
  }

  // MARK: What matters

  private var roots: [Formula: Set<String>] = [:]

  /// The part of a path that can tell anything about values at a site: what speaks of its coordinates, or
  /// of what that speaks of.
  func relevant(_ path: [Formula], to site: TileSite) -> [Formula] {
    var names: Set<String> = []
    for term in site.coordinates.values { collect(term, &names) }
    for term in site.rounds.values { collect(term, &names) }
    var open = path
    var kept: Set<Formula> = []
    var isGrowing = true
    while isGrowing {
      isGrowing = false
      open.removeAll { formula in
        let roots = roots(of: formula)
        guard roots.isEmpty || !roots.isDisjoint(with: names) else { return false }
        kept.insert(formula)
        if !roots.isSubset(of: names) {
          names.formUnion(roots)
          isGrowing = true
        }
        return true
      }
    }
    return path.filter(kept.contains)
  }

  /// The coordinates on which a formula depends, through elements too; lengths and scalars are everywhere.
  private func roots(of formula: Formula) -> Set<String> {
    if let known = roots[formula] { return known }
    var names: Set<String> = []
    formula.visitVariables { collect($0, &names) }
    roots[formula] = names
    return names
  }

  private func collect(_ term: Term, _ names: inout Set<String>) {
    var found: [Variable] = []
    term.visitVariables { found.append($0) }
    for variable in found { collect(variable, &names) }
  }

  private func collect(_ variable: Variable, _ names: inout Set<String>) {
    if let element = values.elements[variable] {
      for index in element.indices { collect(index, &names) }
    } else if !variable.name.hasPrefix("|"), !isScalar(variable) {
      names.insert(variable.name)
    }
  }

  private func isScalar(_ variable: Variable) -> Bool {
    program.parameters.contains { $0.role == .scalar && $0.name == variable.name }
  }

  // MARK: Hypotheses

  /// The path, the program's constraints and the facts of all variables that occur, facts of facts
  /// included.
  private func hypotheses(_ path: [Formula], _ goal: Formula) -> [Formula] {
    var all = path.filter { $0 != .truth(true) }
    var known: Set<Variable> = []
    var next: [Formula] = all + constraints + [goal]
    all += constraints
    while !next.isEmpty {
      var found: [Variable] = []
      for formula in next { formula.visitVariables { if known.insert($0).inserted { found.append($0) } } }
      next = found.flatMap { values.facts[$0] ?? [] } + pairFacts(found, known)
      all += next
    }
    return all
  }

  /// What is known of two elements of one source: equal places hold equal elements, and what the source
  /// declares about pairs.
  private func pairFacts(_ found: [Variable], _ known: Set<Variable>) -> [Formula] {
    var facts: [Formula] = []
    for variable in found {
      guard let element = values.elements[variable] else { continue }
      let twins = known.filter { other in
        other != variable && values.elements[other]?.source == element.source
          && (!found.contains(other) || other < variable)
      }
      for other in twins.sorted() { facts += pairFacts(other, variable, element.source) }
    }
    return facts
  }

  private func pairFacts(_ a: Variable, _ b: Variable, _ source: TileValues.Element.Source) -> [Formula] {
    let (i, j) = (values.elements[a]!.indices, values.elements[b]!.indices)
    let (x, y) = (Term.variable(a), Term.variable(b))
    let isSamePlace = Formula.all(zip(i, j).map { $0 .== $1 })
    var facts = [isSamePlace.implies(x .== y)]
    switch source {
    case .parameter(let position):
      for refinement in program.parameters[position].refinements {
        switch refinement {
        case .permutation: facts.append((x .== y).implies(isSamePlace))
        case .partition:
          facts.append((i[0] .<= j[0]).implies(x .<= y))
          facts.append((j[0] .<= i[0]).implies(y .<= x))
        case .increasing:
          let isSameRow = Formula.all(zip(i, j).dropLast().map { $0 .== $1 })
          // Strictly ascending integers are at least as far apart as their places.
          facts.append((isSameRow && (i.last! .<= j.last!)).implies(j.last! - i.last! .<= y - x))
          facts.append((isSameRow && (j.last! .<= i.last!)).implies(i.last! - j.last! .<= x - y))
        case .range, .coordinate, .below: break
        }
      }
      for runs in program.runs where runs.key == position { facts.append(values.pairFacts(runs, i[0], j[0])) }
    case .node(let number):
      let node = program.nodes[number]
      switch node.operation {
      case .stableOrder(let dimension), .topK(_, into: let dimension):
        let place = node.axes.firstIndex(of: dimension)!
        let others = i.indices.filter { $0 != place }
        let isSameRow = Formula.all(others.map { i[$0] .== j[$0] })
        facts.append((isSameRow && (x .== y) && (.constant(0) .<= x)).implies(i[place] .== j[place]))
      default: break
      }
    }
    return facts
  }
}
