import MachineIR
import TileIR

/// What instructions make of sums.
extension ByteWalk {
  mutating func apply(_ instruction: Instruction, _ operands: [Expression], _ type: MachineType) -> ByteValue
  {
    let expression = Expression.apply(instruction, operands, type)
    if let integer = expression.widenedInteger { return value(integer) }
    if type.scalar.byteCount == 1, case .raw(let array, let offset, let words)? = expression.castWords {
      return stored(array, form(offset), words, asBytes: true)
    }
    let values = operands.map { value($0) }
    if let known = known(instruction, values, operands, type) { return known }
    if let bits = bits(instruction, values, type) { return .form(bits) }
    let isUneven = [.concatenate, .interleave, .evenLanes, .oddLanes].contains(instruction)
    var form = opaque(
      { .apply(instruction, $0, MachineType(type.scalar)) }, values, operands, isUneven: isUneven)
    if instruction == .convert { form = terms.spaced(form, from: operands[0].type.scalar, to: type.scalar) }
    if instruction == .minimum, type == .index,
      let most = values.compactMap({ $0.form.flatMap { terms.most($0) } }).min()
    {
      terms.bound(form, by: most)
    }
    return .form(form)
  }

  /// Bits that a mask leaves of a word that is shifted to the right, by nothing too: where they begin is an argument, so that
  /// the same bits of several bytes have one shape.
  private mutating func bits(_ instruction: Instruction, _ values: [ByteValue], _ type: MachineType)
    -> ByteForm?
  {
    guard type.scalar == .i32, type.lanes > 1, values.count == 2, let word = values[0].form,
      let number = values[1].form,
      number.isConstant
    else { return nil }
    switch instruction {
    case .shiftRightLogical: return terms.shifted(word, right: number.constant)
    case .and:
      let field = terms.isShifted(word) ? word : terms.shifted(word, right: 0)
      return terms.apply(
        { .apply(.and, $0, MachineType(.i32)) }, [(field, false), (number, false)], isUneven: false)
    default: return nil
    }
  }

  /// The value of an instruction that sums go through, or that keeps forms whole; nil for others.
  private mutating func known(
    _ instruction: Instruction, _ values: [ByteValue], _ operands: [Expression], _ type: MachineType
  ) -> ByteValue? {
    switch instruction {
    case .call(.roundedSlices): return roundedSlices(values)
    case .dot4: return product(values[0], right: values[1], left: values[2], coordinates: 4)
    case .multiplyBytes:
      return product(values[0], right: values[2], left: values[1], coordinates: ByteMatrices.depth)
    case .multiplyHalves:
      // Columns stand on the left.
      return product(values[0], right: values[1], left: values[2], coordinates: HalfMatrices.depth)
    case .halvesOfE4M3(let pair, let part):
      return halves(.halvesOfE4M3(pair: 0, part: part), ofPair: pair, values)
    case .halvesOfE2M1(let pair): return halves(.halvesOfE2M1(pair: 0), ofPair: pair, values)
    // Of halves, two exact sums meet in f32.
    case .add where type.scalar == .f32 && values.allSatisfy({ $0.sums != nil }):
      return rounded([ByteValue.sum(values[0], values[1])!])
    case .add, .subtract:
      let sign = instruction == .add ? 1 : -1
      if let sum = ByteValue.sum(values[0], values[1], times: sign) { return sum }
      guard let a = values[0].form, let b = values[1].form, isLinear(a, b, type) else { return nil }
      return .form(a + b * sign)
    case .divideFloor, .remainderFloor, .minimum, .maximum:
      guard type == .index else { return nil }
      let numbers = values.compactMap(\.form)
      guard numbers.allSatisfy(\.isConstant), numbers.count == values.count else { return nil }
      switch instruction {
      case .divideFloor(let divisor): return .form(ByteForm(numbers[0].constant.floorDivided(by: divisor)))
      case .remainderFloor(let divisor):
        return .form(ByteForm(numbers[0].constant - numbers[0].constant.floorDivided(by: divisor) * divisor))
      default:
        let all = numbers.map(\.constant)
        return .form(ByteForm(instruction == .minimum ? all.min()! : all.max()!))
      }
    case .negate where type.scalar.values != nil:
      switch values[0] {
      case .form(let form): return .form(form * -1)
      case .sums(let sums): return .sums(sums.map { $0.multiplied(by: -1) })
      }
    case .multiply: return multiplied(values[0], values[1], type)
    case .fusedMultiplyAdd where type.scalar == .f64:
      return multiplied(values[0], values[1], type).flatMap { ByteValue.sum($0, values[2]) }
    case .convert where type.scalar == .f32 && operands[0].type.scalar == .f64: return rounded(values)
    case .roundedSum: return rounded(values)
    case .convert where [.i32, .i64, .f64].contains(type.scalar) && operands[0].type.scalar != .f32:
      return values[0]
    // Sums of halves are exact in f32.
    case .convert where type.scalar == .f64 && values[0].sums != nil: return values[0]
    case .bitCast where type.scalar.values != nil && operands[0].type.scalar.values != nil:
      guard let form = values[0].form, form.atom != nil || form.isConstant else { return nil }
      return values[0]
    case .lowHalf:
      if let form = values[0].form, terms.isUneven(form) { return nil }
      return values[0]
    case .highHalf:
      let words = type.lanes * min(type.scalar.byteCount, 4) / 4
      switch values[0] {
      case .form(let form): return terms.isUneven(form) ? nil : .form(terms.shifted(form, byWords: words))
      case .sums(let sums):
        var shifted: [ByteSum] = []
        for sum in sums { shifted.append(sum.rewritten { terms.shifted($0, byWords: words) }) }
        return .sums(shifted)
      }
    default: return nil
    }
  }

  /// Whether a sum of forms is kept as one: of numbers, and of bytes that are functions of the same places.
  private func isLinear(_ a: ByteForm, _ b: ByteForm, _ type: MachineType) -> Bool {
    guard type.scalar.values != nil else { return false }
    if type.lanes == 1 || a.isConstant || b.isConstant { return true }
    return Set((a.parts + b.parts).map { terms.atoms[$0.atom].arguments }).count == 1
  }

  /// The halves of a pair of a word's codes: which pair is an argument, so that both pairs have one shape.
  private mutating func halves(_ shape: Instruction, ofPair pair: Int, _ values: [ByteValue]) -> ByteValue {
    let operands = values.map { (value: $0.form ?? terms.fresh(), isNumber: false) }
    return .form(terms.apply({ .apply(shape, $0, MachineType(.i32)) }, operands, number: pair))
  }

  private mutating func product(_ sum: ByteValue, right: ByteValue, left: ByteValue, coordinates: Int)
    -> ByteValue
  {
    let (right, left) = (right.form ?? terms.fresh(), left.form ?? terms.fresh())
    var added = ByteSum()
    if !right.isConstant, !left.isConstant {
      added.sites = [sites.count]
      sites.append(location)
    }
    for part in left.parts {
      for other in right.parts {
        let key = ByteSum.Product(right: other.atom, left: part.atom, coordinates: coordinates)
        added.products[key, default: 0] += part.factor * other.factor
      }
      if right.constant != 0 {
        let key = ByteSum.Product(right: nil, left: part.atom, coordinates: coordinates)
        added.products[key, default: 0] += part.factor * right.constant
      }
    }
    // No schedule has constant bytes on the left.
    if left.constant != 0 { added.rest = terms.fresh() }
    return ByteValue.sum(sum, .sums([added]))!
  }

  private mutating func multiplied(_ a: ByteValue, _ b: ByteValue, _ type: MachineType) -> ByteValue? {
    switch (a, b) {
    case (.form(let a), .form(let b)):
      guard type.scalar.values != nil else { return nil }
      return a.isConstant ? .form(b * a.constant) : b.isConstant ? .form(a * b.constant) : nil
    case (.sums(let sums), .form(let factor)), (.form(let factor), .sums(let sums)):
      if factor.isConstant { return .sums(sums.map { $0.multiplied(by: factor.constant) }) }
      guard let atom = factor.atom else { return nil }
      return .sums(sums.map { $0.scaled(by: atom) })
    case (.sums, .sums): return nil
    }
  }

  /// Sums of slices' products by their weights, made one number and rounded.
  private mutating func roundedSlices(_ values: [ByteValue]) -> ByteValue? {
    guard let scale = values[5].form?.atom else { return nil }
    var sum = values[0]
    for (weight, value) in values[1...4].enumerated() {
      guard let next = ByteValue.sum(sum, value, times: 1 << (7 * (weight + 1))) else { return nil }
      sum = next
    }
    return rounded([sum.sums.map { .sums($0.map { $0.scaled(by: scale) }) } ?? sum])
  }

  /// The sums of a product of slices, by weight.
  mutating func multiply(_ product: SliceProduct) {
    func operand(_ access: Access, _ slice: Int, _ bytes: Int, isRight: Bool) -> Int {
      // Slices of the right operand are functions of one place.
      let place = form(access.offset)
      let read = ByteForm(
        atom: terms.read(access.buffer, isRight ? place : place + ByteForm(slice * bytes), step: 0, .i8))
      guard isRight else { return read.atom! }
      let shape = { ByteTerms.Shape.apply(.lane(slice), $0, MachineType(.i8)) }
      return terms.apply(shape, [(read, false)], isUneven: false).atom!
    }
    products.append(
      (form(product.left.offset), form(product.right.offset), (product.leftBytes, product.rightBlockBytes)))
    let site = sites.count
    sites.append(location)
    var sums = Array(repeating: ByteSum(sites: [site]), count: product.weights)
    for left in 0..<product.leftSlices {
      for right in 0..<product.rightSlices {
        let key = ByteSum.Product(
          right: operand(product.right, right, product.columns * product.depth, isRight: true),
          left: operand(product.left, left, product.rows * product.depth, isRight: false),
          coordinates: product.depth)
        sums[left + right].products[key] = 1
      }
    }
    contents.store(sums, each: product.rows * product.columns, in: product.target)
  }

  private mutating func rounded(_ values: [ByteValue]) -> ByteValue? {
    let sums = values.map(\.sums)
    guard !sums.contains(nil) else { return nil }
    roundings.append(Rounding(location: location, sums: sums.flatMap { $0! }))
    return .form(terms.fresh())
  }
}

extension Expression {
  /// The words that it has as bytes.
  fileprivate var castWords: Expression? {
    guard case .apply(.bitCast, let operands, _) = self else { return nil }
    if case .broadcast(let word, _) = operands[0] { return word }
    return operands[0]
  }

  /// The `i32` that it is in `f64`, where it is made of the fraction of a number from 2^52 on.
  fileprivate var widenedInteger: Expression? {
    guard case .apply(.subtract, let difference, _) = self, difference[1].isDouble(0x1p52 + 0x1p31),
      case .apply(.bitCast, let cast, _) = difference[0], case .apply(.or, let bits, _) = cast[0],
      bits[1].isInteger(0x4330_0000_0000_0000), case .apply(.and, let low, _) = bits[0],
      low[1].isInteger(0xFFFF_FFFF),
      case .apply(.convert, let wide, _) = low[0], case .apply(.xor, let turned, let type) = wide[0],
      type.scalar == .i32,
      turned[1].isInteger(Int64(Int32.min))
    else { return nil }
    return turned[0]
  }

  private func isInteger(_ number: Int64) -> Bool {
    if case .integer(number, _) = self { true } else { false }
  }
  private func isDouble(_ number: Double) -> Bool {
    if case .float(number.bitPattern, _) = self { true } else { false }
  }
}
