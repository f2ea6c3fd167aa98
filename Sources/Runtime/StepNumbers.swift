import Steps

/// A size over positions in a step's list of run numbers, ready to be evaluated without any look-up.
struct CompiledSize {
  private let constant: Int
  private let terms: [(positions: [Int], factor: Int)]

  init(_ size: Size, _ numbers: [RunNumber]) {
    constant = size.constant
    terms = size.terms.map { term in
      (term.numbers.map { numbers.firstIndex(of: $0)! }, term.factor)
    }
  }

  var isFixed: Bool { terms.isEmpty }

  func value(_ numbers: [Int]) -> Int {
    var sum = constant
    for term in terms {
      var product = term.factor
      for position in term.positions { product *= numbers[position] }
      sum += product
    }
    return sum
  }
}
