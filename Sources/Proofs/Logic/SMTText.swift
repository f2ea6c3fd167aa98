/// SMT-LIB 2 text. Division and remainder by positive constants mean the same there: floor and 0..<divisor.
extension Term {
  var smtText: String {
    var text = ""
    write(to: &text)
    return text
  }

  fileprivate func write(to text: inout String) {
    func list(_ name: String, _ terms: [Term]) {
      text += "(\(name)"
      for term in terms {
        text += " "
        term.write(to: &text)
      }
      text += ")"
    }
    switch self {
    case .constant(let value): text += value < 0 ? "(- \(value.magnitude))" : "\(value)"
    case .variable(let variable): text += variable.name.smtSymbol
    case .sum(let a, let b): list("+", [a, b])
    case .scaled(let a, let factor): list("*", [.constant(factor), a])
    case .product(let a, let b): list("*", [a, b])
    case .quotient(let a, let divisor): list("div", [a, .constant(divisor)])
    case .remainder(let a, let divisor): list("mod", [a, .constant(divisor)])
    case .minimum(let a, let b), .maximum(let a, let b):
      var isLeast = false
      if case .minimum = self { isLeast = true }
      text += "(ite "
      (isLeast ? a .<= b : b .<= a).write(to: &text)
      text += " "
      a.write(to: &text)
      text += " "
      b.write(to: &text)
      text += ")"
    case .choice(let condition, let a, let b):
      text += "(ite "
      condition.write(to: &text)
      text += " "
      a.write(to: &text)
      text += " "
      b.write(to: &text)
      text += ")"
    }
  }
}

extension Formula {
  var smtText: String {
    var text = ""
    write(to: &text)
    return text
  }

  fileprivate func write(to text: inout String) {
    switch self {
    case .truth(let value): text += value ? "true" : "false"
    case .compare(let a, let relation, let b):
      text += "(\(relation.rawValue) "
      a.write(to: &text)
      text += " "
      b.write(to: &text)
      text += ")"
    case .words(let a, let relation, let b): text += "(\(relation.rawValue) \(a.smtText) \(b.smtText))"
    case .not(let a):
      text += "(not "
      a.write(to: &text)
      text += ")"
    case .and(let parts), .or(let parts):
      if case .and = self { text += "(and" } else { text += "(or" }
      for part in parts {
        text += " "
        part.write(to: &text)
      }
      text += ")"
    }
  }

  /// Whether it needs more than linear integer arithmetic, machine words included.
  var hasProducts: Bool {
    func has(_ term: Term) -> Bool {
      switch term {
      case .constant, .variable: false
      case .product: true
      case .sum(let a, let b), .minimum(let a, let b), .maximum(let a, let b): has(a) || has(b)
      case .scaled(let a, _), .quotient(let a, _), .remainder(let a, _): has(a)
      case .choice(let condition, let a, let b): condition.hasProducts || has(a) || has(b)
      }
    }
    switch self {
    case .truth, .words: return false
    case .compare(let a, _, let b): return has(a) || has(b)
    case .not(let a): return a.hasProducts
    case .and(let parts), .or(let parts): return parts.contains(where: \.hasProducts)
    }
  }
}

extension Word {
  var smtText: String {
    switch self {
    case .constant(let bits, let width):
      let kept = width >= 64 ? bits : bits & (1 << UInt64(width) - 1)
      return "(_ bv\(kept) \(width))"
    case .variable(let name, _): return name.smtSymbol
    case .operation(let operation, let a, let b): return "(\(operation.rawValue) \(a.smtText) \(b.smtText))"
    case .not(let a): return "(bvnot \(a.smtText))"
    case .extract(let a, let low, let width): return "((_ extract \(low + width - 1) \(low)) \(a.smtText))"
    case .concatenated(let a, let b): return "(concat \(a.smtText) \(b.smtText))"
    case .extended(let a, let width, let signed):
      return "((_ \(signed ? "sign" : "zero")_extend \(width - a.width)) \(a.smtText))"
    }
  }
}

extension String {
  /// The name as a quoted symbol: the length |rows| is #rows#, since a quoted symbol cannot hold bars.
  var smtSymbol: String {
    let (bar, backslash) = (UInt8(ascii: "|"), UInt8(ascii: "\\"))
    // Nearly every name is written as it is; texts of whole libraries are written at every start.
    guard utf8.contains(where: { $0 == bar || $0 == backslash }) else { return "|\(self)|" }
    let bytes = utf8.map { $0 == bar ? UInt8(ascii: "#") : $0 == backslash ? UInt8(ascii: "/") : $0 }
    return "|\(String(decoding: bytes, as: UTF8.self))|"
  }
}
