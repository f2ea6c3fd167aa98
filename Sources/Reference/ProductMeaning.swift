import TileIR

/// Where the interpreter rounds products.
public enum ProductMeaning: String, Hashable, Sendable {
  /// As each product's class says: the meaning of a program.
  case asStated
  /// Once: every product is the exact dot product of its operands' values, rounded to nearest even, subnormals
  /// and overflow as IEEE 754, a zero sum +0. A sum of squares, `(x * x).sum(along:)`, is the product of a line
  /// with itself and rounds once too; other sums, and all else, stay as stated.
  ///
  /// It is what every class approximates, and what faithful implementations can be compared through. No target
  /// computes it.
  case exact

  func applied(to productClass: ProductClass) -> ProductClass {
    self == .exact ? .exact : productClass
  }

  /// Whether a program's results can depend on it: whether the program has a product.
  public func changes(_ program: Program) -> Bool {
    self == .exact
      && program.nodes.indices.contains { number in
        if case .product = program.nodes[number].operation { return true }
        return program.squared(ValueID(number)) != nil
      }
  }
}

extension Program {
  /// The value whose squares a node sums in `float32`; nil where it does something else.
  func squared(_ id: ValueID) -> ValueID? {
    guard case .reduce(.sum, _) = self[id].operation, self[id].type == .float32 else { return nil }
    let addend = self[self[id].operands[0]]
    guard case .elementwise(.multiply) = addend.operation, addend.operands[0] == addend.operands[1] else {
      return nil
    }
    return addend.operands[0]
  }
}
