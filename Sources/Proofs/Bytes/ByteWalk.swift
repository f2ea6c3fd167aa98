import MachineIR
import TileIR

/// Follows the products of bytes of a kernel from their operands to where a block of them is rounded.
///
/// Loops that add to a sum are followed round by round; of others one round stands for all. What cannot be followed is
/// lost, and a sum that is lost is not proved.
struct ByteWalk {
  /// Where sums are rounded to an element, all that is rounded at once.
  struct Rounding {
    let location: SourceLocation
    let sums: [ByteSum]
  }

  private let kernel: MachineKernel
  var terms = ByteTerms()
  var roundings: [Rounding] = []
  /// Statements that multiply bytes by bytes, by the author's lines.
  var sites: [SourceLocation] = []
  private var values: [String: ByteValue] = [:]
  /// How many lanes variables have.
  private var lanes: [String: Int] = [:]
  private var elements: [ElementKey: ByteValue] = [:]
  var contents = ByteContents()
  /// Where the products of a matrix unit begin that the body of the loop at hand has so far, and what they read.
  var products: [(left: ByteForm, right: ByteForm, bytes: (left: Int, right: Int))] = []
  /// Loops whose products do not follow each other.
  private(set) var turnFaults: [SourceLocation] = []
  /// Counters of the loops around.
  var open: Set<Int> = []
  private var nest = 0
  private var nests = 0
  var location: SourceLocation

  private struct ElementKey: Hashable {
    let array: String
    let indices: [Int]
  }

  /// Whether a kernel has products of bytes.
  static func applies(to kernel: MachineKernel) -> Bool {
    kernel.body.contains { statement in
      var isFound = false
      statement.forEach {
        if case .multiplySlices = $0 { isFound = true }
        if $0.expressions.contains(where: \.multipliesBytes) { isFound = true }
      }
      return isFound
    }
  }

  init(_ kernel: MachineKernel, at location: SourceLocation) {
    self.kernel = kernel
    self.location = location
  }

  mutating func walk() { block(kernel.body) }

  // MARK: Statements

  private mutating func block(_ statements: [MachineStatement]) {
    let outer = location
    for statement in statements { step(statement) }
    location = outer
  }

  private mutating func step(_ statement: MachineStatement) {
    switch statement {
    case .define(let variable, let value), .declare(let variable, let value),
      .assign(let variable, let value):
      values[variable.name] = self.value(value)
      lanes[variable.name] = variable.type.lanes
    case .registers(let array): forget(elementsOf: array.name)
    case .setElement(let array, let indices, let value):
      let new = self.value(value)
      if let indices = constants(indices) {
        elements[ElementKey(array: array.name, indices: indices)] = new
      } else {
        forget(elementsOf: array.name)
      }
    case .storeRaw(let array, let offset, let value):
      let new = self.value(value.ofBytes ?? value)
      contents.store(new, in: array, at: form(offset), lanes: value.type.lanes, nest: nest, &terms)
    case .store(let access, let value, _), .stream(let access, let value, _),
      .scatter(let access, _, let value, _):
      _ = self.value(value)
      contents.forget(access.buffer)
    case .clear(let array, _, _): contents.forget(array)
    case .startCopy(let copy): contents.forget(copy.target)
    case .multiplySlices(let product): multiply(product)
    case .loop(let loop): run(loop)
    case .branch(let condition, let then, let otherwise):
      _ = value(condition)
      let before = (values, elements, contents)
      block(then)
      nameOperands()
      let taken = (values, elements, contents)
      (values, elements, contents) = before
      block(otherwise)
      nameOperands()
      values = values.filter { taken.0[$0.key] == $0.value }
      elements = elements.filter { taken.1[$0.key] == $0.value }
      contents = contents.common(taken.2, &terms)
    case .check(let condition, _): _ = value(condition)
    case .note(_, let place): if let place { location = place }
    case .prefetch, .leave, .synchronise, .closeCopies, .awaitCopies: break
    }
  }

  /// Names what sums are made of by where the round at hand has stored it, which may be the same on both sides of a branch.
  private mutating func nameOperands() {
    for (name, value) in values {
      guard let sums = value.sums else { continue }
      var named: [ByteSum] = []
      for sum in sums { named.append(contents.named(sum, lanes: lanes[name] ?? 1, nest, &terms)) }
      values[name] = .sums(named)
    }
  }

  private mutating func run(_ loop: CountedLoop) {
    let (lower, upper) = (form(loop.lower), form(loop.upper))
    if lower.isConstant, upper.isConstant, upper.constant - lower.constant <= 2048,
      loop.isUnrolled || adds(loop)
    {
      for counter in stride(from: lower.constant, to: upper.constant, by: loop.step) {
        values[loop.counter.name] = .form(ByteForm(counter))
        block(loop.body)
      }
      return
    }
    forgetWhatChanges(in: loop)
    let counter = terms.counter(greatest: terms.most(upper).map { $0 - 1 })
    values[loop.counter.name] = .form(ByteForm(atom: counter))
    let outer = nest
    nests += 1
    nest = nests
    open.insert(counter)
    let outerProducts = products
    products = []
    block(loop.body)
    if loop.step > 1 { judgeTurns(of: loop.step) }
    products = outerProducts
    open.remove(counter)
    nest = outer
    // Arrays hold what all rounds have stored; registers what the last has.
    forgetWhatChanges(in: loop, keepsContents: true)
  }

  /// Products of a matrix unit in a loop that takes several blocks a round are those of neighbouring blocks, of each pair
  /// of operands as many.
  private mutating func judgeTurns(of step: Int) {
    // Fewer are no turns.
    guard products.count >= step else { return }
    let operands = products.count / step
    let follow = products.count % step == 0 && products.indices.allSatisfy { index in
      let (first, turn) = (products[index % operands], index / operands)
      return products[index].left == first.left + ByteForm(turn * first.bytes.left)
        && products[index].right == first.right + ByteForm(turn * first.bytes.right)
    }
    if !follow { turnFaults.append(location) }
  }

  /// Whether it adds products to what is there before it.
  private func adds(_ loop: CountedLoop) -> Bool {
    var own: Set<String> = []
    var adds = false
    for statement in loop.body {
      statement.forEach {
        switch $0 {
        case .declare(let variable, _): own.insert(variable.name)
        case .registers(let array): own.insert(array.name)
        case .assign(let variable, let value):
          if value.multipliesBytes, !own.contains(variable.name) { adds = true }
        case .setElement(let array, _, let value):
          if value.multipliesBytes, !own.contains(array.name) { adds = true }
        default: break
        }
      }
    }
    return adds
  }

  private mutating func forgetWhatChanges(in loop: CountedLoop, keepsContents: Bool = false) {
    for statement in loop.body {
      statement.forEach { statement in
        switch statement {
        case .define(let variable, _), .declare(let variable, _), .assign(let variable, _):
          values[variable.name] = nil
        case .setElement(let array, _, _), .registers(let array): forget(elementsOf: array.name)
        case .storeRaw(let array, _, _), .clear(let array, _, _): if !keepsContents { contents.forget(array) }
        case .store(let access, _, _), .stream(let access, _, _), .scatter(let access, _, _, _):
          contents.forget(access.buffer)
        case .multiplySlices(let product): contents.forget(product.target)
        default: break
        }
      }
    }
  }

  private mutating func forget(elementsOf array: String) {
    elements = elements.filter { $0.key.array != array }
  }

  // MARK: Values

  private mutating func constants(_ indices: [Expression]) -> [Int]? {
    let numbers = indices.map { form($0) }
    return numbers.allSatisfy(\.isConstant) ? numbers.map(\.constant) : nil
  }

  /// A value that is no sum of products; those are lost here.
  mutating func form(_ expression: Expression) -> ByteForm { value(expression).form ?? terms.fresh() }

  mutating func value(_ expression: Expression) -> ByteValue {
    switch expression {
    case .variable(let variable):
      if let known = values[variable.name] { return known }
      let new = ByteValue.form(terms.fresh())
      values[variable.name] = new
      return new
    case .integer(let value, _): return .form(ByteForm(Int(value)))
    case .float(let bits, let type):
      let number = Double(bitPattern: bits)
      if abs(number) < 0x1p53, let whole = Int(exactly: number) { return .form(ByteForm(whole)) }
      return .form(ByteForm(atom: terms.atom(.float(bits, MachineType(type.scalar)))))
    case .laneNumbers(let lanes): return .form(ByteForm(atom: terms.atom(.lanes(lanes), isUneven: true)))
    case .table(let table): return .form(ByteForm(atom: terms.atom(.table(table))))
    case .broadcast(let inner, _): return value(inner)
    case .load(let access, let type, _), .gather(let access, _, let type, _):
      var step = type.elementsToNextWord
      if case .gather(_, let lanes, _, _) = expression { step = self.step(lanes) ?? 0 }
      let place = form(access.offset)
      return .form(ByteForm(atom: terms.read(access.buffer, place, step: step, type.scalar)))
    case .raw(let array, let offset, let type): return stored(array, form(offset), type)
    case .gatherRaw(let array, let offset, let lanes, let type):
      let place = form(offset)
      return .form(ByteForm(atom: terms.read(array, place, step: step(lanes) ?? 0, type.scalar)))
    case .element(let array, let indices):
      guard let indices = constants(indices) else { return .form(terms.fresh()) }
      let key = ElementKey(array: array.name, indices: indices)
      if let known = elements[key] { return known }
      // Registers that were filled before the round at hand: places of a memory of their own.
      let place = zip(indices, array.extents).reduce(0) { $0 * $1.1 + $1.0 }
      let new = ByteValue.form(
        ByteForm(atom: terms.read(array.name, ByteForm(place), step: 0, array.type.scalar)))
      elements[key] = new
      return new
    case .conditional(let condition, let a, let b):
      let operands = [condition, a, b]
      let values = operands.map { value($0) }
      return .form(opaque({ .choice($0) }, values, operands))
    case .apply(let instruction, let operands, let type): return apply(instruction, operands, type)
    }
  }

  mutating func stored(_ array: String, _ place: ByteForm, _ type: MachineType, asBytes: Bool = false)
    -> ByteValue
  {
    if let known = contents.value(of: array, at: place, type: type, asBytes: asBytes, open: open, &terms) {
      return known
    }
    return .form(ByteForm(atom: terms.read(array, place, step: type.elementsToNextWord, type.scalar)))
  }

  /// How far apart lanes read that are next to each other.
  private mutating func step(_ lanes: Expression) -> Int? {
    let form = form(lanes)
    guard let numbers = form.parts.first, form.parts.count == 1 else { return nil }
    return form == ByteForm(
      atom: terms.atom(.lanes(lanes.type.lanes), isUneven: true), factor: numbers.factor)
      + ByteForm(form.constant) ? numbers.factor : nil
  }

  mutating func opaque(
    _ shape: ([ByteTerms.Operand]) -> ByteTerms.Shape, _ values: [ByteValue], _ operands: [Expression],
    isUneven: Bool = false
  ) -> ByteForm {
    var found: [(value: ByteForm, isNumber: Bool)] = []
    for (value, operand) in zip(values, operands) {
      let isNumber = operand.type.lanes == 1 && [.i32, .i64].contains(operand.type.scalar)
      found.append((value.form ?? terms.fresh(), isNumber))
    }
    return terms.apply(shape, found, isUneven: isUneven)
  }
}

extension Expression {
  /// Whether bytes are multiplied in it.
  fileprivate var multipliesBytes: Bool {
    applies { instruction, _ in [.dot4, .multiplyBytes, .multiplyHalves].contains(instruction) }
  }

  /// The bytes that it has as words.
  fileprivate var ofBytes: Expression? {
    if case .apply(.bitCast, let operands, _) = self, operands[0].type.scalar.byteCount == 1 {
      operands[0]
    } else {
      nil
    }
  }
}

extension MachineType {
  /// How many consecutive elements lie from one `i32` lane, or the four bytes of one, to the next; a scalar stays where
  /// it is.
  fileprivate var elementsToNextWord: Int { lanes == 1 ? 0 : scalar.byteCount < 4 ? 4 / scalar.byteCount : 1 }
}
