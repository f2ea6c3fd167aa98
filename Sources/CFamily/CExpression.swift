/// A printed expression with how tightly its outermost operator binds, so that parentheses stand only
/// where C or a reader needs them.
package struct CExpression {
  package let layout: Layout
  package let binding: Binding

  /// C's precedence, loosest first.
  package enum Binding: Int, Comparable {
    case conditional, or, exclusiveOr, and, equality, relation, shift, sum, product, prefix, primary

    package static func < (a: Binding, b: Binding) -> Bool { a.rawValue < b.rawValue }
  }

  package init(_ layout: Layout, _ binding: Binding = .primary) {
    self.layout = layout
    self.binding = binding
  }
  package init(_ text: String, _ binding: Binding = .primary) {
    self.init(.text(text), binding)
  }

  package var flat: String { layout.flat }

  /// As an operand that must bind at least as tightly as `least`.
  package func atLeast(_ least: Binding) -> Layout {
    binding >= least ? layout : .group(open: "(", items: [layout], separator: "", close: ")")
  }

  package static func call(_ function: String, _ arguments: [CExpression]) -> CExpression {
    CExpression(
      .group(open: "\(function)(", items: arguments.map(\.layout), separator: ",", close: ")"))
  }

  /// `a operator b`; readers do not know the precedence of shifts, comparisons and bit operations, so
  /// operators inside those are parenthesised.
  package static func binary(
    _ a: CExpression, _ symbol: String, _ b: CExpression, _ binding: Binding
  ) -> CExpression {
    let isArithmetic = binding == .sum || binding == .product
    func least(_ operand: CExpression, isRight: Bool) -> Binding {
      if isArithmetic || operand.binding >= .prefix {
        return isRight ? Binding(rawValue: binding.rawValue + 1)! : binding
      }
      if !isRight, operand.binding == binding, operand.symbol == symbol { return binding }
      let isComparison = binding == .relation || binding == .equality
      return isComparison && operand.binding >= .sum ? .sum : .prefix
    }
    let left = a.atLeast(least(a, isRight: false))
    let right = Layout.sequence([.text("\(symbol) "), b.atLeast(least(b, isRight: true))])
    // Chains of one operator are one group, so that they break into even lines.
    if case .group("", let items, "", "") = left, a.binding == binding {
      return CExpression(.group(open: "", items: items + [right], separator: "", close: ""), binding)
    }
    return CExpression(.group(open: "", items: [left, right], separator: "", close: ""), binding)
  }

  /// The last operator of a chain.
  private var symbol: String? {
    guard case .group("", let items, "", "") = layout, case .sequence(let parts)? = items.last,
      case .text(let text)? = parts.first else { return nil }
    return String(text.dropLast())
  }

  package static func prefix(_ symbol: String, _ operand: CExpression) -> CExpression {
    // A sign before a sign would be a decrement.
    let needsSpace = operand.flat.hasPrefix("-") && symbol == "-"
    let inner = needsSpace ? operand.atLeast(.primary) : operand.atLeast(.prefix)
    let guarded = needsSpace && operand.binding == .primary ? Layout.sequence([.text("("), inner, .text(")")]) : inner
    return CExpression(.sequence([.text(symbol), guarded]), .prefix)
  }

  package static func cast(_ type: String, _ operand: CExpression) -> CExpression {
    CExpression(.sequence([.text("(\(type))"), operand.atLeast(.prefix)]), .prefix)
  }

  package static func subscripted(_ base: String, _ offset: CExpression) -> CExpression {
    CExpression(.group(open: "\(base)[", items: [offset.layout], separator: "", close: "]"))
  }

  package static func conditional(
    _ condition: CExpression, _ a: CExpression, _ b: CExpression
  ) -> CExpression {
    CExpression(
      .group(
        open: "",
        items: [
          condition.atLeast(.or), .sequence([.text("? "), a.atLeast(.or)]),
          .sequence([.text(": "), b.layout]),
        ], separator: "", close: ""), .conditional)
  }
}
