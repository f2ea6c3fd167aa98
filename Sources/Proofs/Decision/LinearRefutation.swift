/// Refutes a conjunction of formulas over the integers: Fourier-Motzkin elimination with rounding to whole
/// numbers, quotients by constants as numbers between two lines, and a bounded split into cases.
///
/// It only ever says "no values satisfy this" or "do not know", so it may stop anywhere.
struct LinearRefutation {
  /// What was used.
  private(set) var procedure = Procedure.affine
  /// Eliminations that may still be tried.
  private var budget: Int
  private static let mostForms = 220

  init(budget: Int = 1500) { self.budget = budget }

  /// Whether no values of the variables satisfy all formulas.
  mutating func refutes(_ formulas: [Formula]) -> Bool {
    var state = Constraints()
    for formula in formulas { state.add(formula, isTrue: true) }
    return refutes(state)
  }

  private mutating func refutes(_ state: Constraints) -> Bool {
    if state.usesQuotients { raise(to: .divisibility) }
    if isInfeasible(state) { return true }
    if state.choices.isEmpty { return false }
    raise(to: .cases)
    // What is left of each choice; a choice with one part left is none.
    var state = state
    var fewest: (number: Int, states: [Constraints])?
    var number = 0
    while number < state.choices.count {
      var open: [Constraints] = []
      for part in state.choices[number] {
        guard budget > 0 else { return false }
        var branch = state
        branch.choices.remove(at: number)
        branch.add(part, isTrue: true)
        if !isInfeasible(branch) { open.append(branch) }
      }
      if open.isEmpty { return true }
      if open.count == 1 {
        state = open[0]
        (fewest, number) = (nil, 0)
        continue
      }
      if open.count < fewest?.states.count ?? .max { fewest = (number, open) }
      number += 1
    }
    guard let fewest else { return false }
    return fewest.states.allSatisfy { refutes($0) }
  }

  private mutating func raise(to other: Procedure) {
    let order: [Procedure] = [.affine, .divisibility, .cases]
    if order.firstIndex(of: other)! > order.firstIndex(of: procedure)! { procedure = other }
  }

  // MARK: Elimination

  private mutating func isInfeasible(_ state: Constraints) -> Bool {
    budget -= 1
    if state.isFalse { return true }
    var zero = state.zero
    var atMost = state.atMostZero
    // Equalities with a unit factor define their atom; others are kept from both sides.
    while let equality = zero.popLast() {
      if equality.parts.isEmpty {
        if equality.constant != 0 { return true }
        continue
      }
      if equality.constant % equality.divisor != 0 { return true }
      if let unit = equality.parts.first(where: { abs($0.factor) == 1 }) {
        func substituted(_ form: LinearForm) -> LinearForm? {
          let factor = form.factor(of: unit.atom)
          guard factor != 0 else { return form }
          var result = form
          return result.add(equality, times: -factor * unit.factor) ? result : nil
        }
        zero = zero.compactMap(substituted)
        atMost = atMost.compactMap(substituted)
      } else {
        atMost.append(equality)
        var other = LinearForm()
        if other.add(equality, times: -1) { atMost.append(other) }
      }
    }
    var strongest: [[LinearForm.Part]: Int] = [:]
    for form in atMost {
      guard let form = Self.tightened(form) else { return true }
      if !form.parts.isEmpty { Self.keep(form, in: &strongest) }
    }
    return Self.eliminates(strongest)
  }

  /// The form divided by what its factors share, its constant rounded up: at most 0 for the same whole
  /// numbers. Nil if it never is.
  private static func tightened(_ form: LinearForm) -> LinearForm? {
    let divisor = form.divisor
    if divisor == 0 { return form.constant <= 0 ? form : nil }
    if divisor == 1 { return form }
    return LinearForm(
      form.parts.map { LinearForm.Part(atom: $0.atom, factor: $0.factor / divisor) },
      constant: -((-form.constant).floorDivided(by: divisor)))
  }

  /// Of forms with equal factors only the strongest counts.
  private static func keep(_ form: LinearForm, in forms: inout [[LinearForm.Part]: Int]) {
    forms[form.parts] = max(form.constant, forms[form.parts] ?? .min)
  }

  /// Combines away one atom after the other; true when 0 <= -1 comes out.
  private static func eliminates(_ start: [[LinearForm.Part]: Int]) -> Bool {
    var forms = start
    while !forms.isEmpty {
      var upper: [Int: Int] = [:]
      var lower: [Int: Int] = [:]
      // Atoms whose elimination forgets about whole numbers.
      var lossy: Set<Int> = []
      for parts in forms.keys {
        for part in parts {
          if abs(part.factor) > 1 { lossy.insert(part.atom) }
          if part.factor > 0 { upper[part.atom, default: 0] += 1 } else { lower[part.atom, default: 0] += 1 }
        }
      }
      // An atom that makes few new forms, one with unit factors first; ties by number.
      let atom = Set(upper.keys).union(lower.keys).min { a, b in
        func cost(_ atom: Int) -> Int {
          let (u, l) = (upper[atom] ?? 0, lower[atom] ?? 0)
          return u * l - u - l + (lossy.contains(atom) && u * l > 0 ? 40 : 0)
        }
        return (cost(a), a) < (cost(b), b)
      }!
      var kept: [[LinearForm.Part]: Int] = [:]
      var above: [(form: LinearForm, factor: Int)] = []
      var below: [(form: LinearForm, factor: Int)] = []
      for (parts, constant) in forms {
        let form = LinearForm(parts, constant: constant)
        let factor = form.factor(of: atom)
        if factor == 0 { kept[parts] = constant }
        if factor > 0 { above.append((form, factor)) }
        if factor < 0 { below.append((form, factor)) }
      }
      for a in above {
        for b in below {
          var sum = LinearForm()
          guard sum.add(a.form, times: -b.factor), sum.add(b.form, times: a.factor) else { continue }
          guard let sum = tightened(sum) else { return true }
          if !sum.parts.isEmpty { keep(sum, in: &kept) }
        }
      }
      if kept.count > mostForms { return false }
      forms = kept
    }
    return false
  }
}
