import MachineIR

/// A number, or what each lane of a vector holds, as atoms, each so many times, and a constant.
struct ByteForm: Hashable {
  private(set) var parts: [Part] = []
  var constant = 0
  struct Part: Hashable {
    let atom: Int
    let factor: Int
  }

  init(_ constant: Int) { self.constant = constant }
  init(atom: Int, factor: Int = 1) { parts = factor == 0 ? [] : [Part(atom: atom, factor: factor)] }

  var isConstant: Bool { parts.isEmpty }
  /// The atom that it is, and nothing else.
  var atom: Int? { parts.count == 1 && parts[0].factor == 1 && constant == 0 ? parts[0].atom : nil }
  /// What of it hangs on atoms.
  var variablePart: ByteForm {
    var result = self
    result.constant = 0
    return result
  }

  func factor(of atom: Int) -> Int { parts.first { $0.atom == atom }?.factor ?? 0 }

  static func + (a: ByteForm, b: ByteForm) -> ByteForm {
    var result = ByteForm(a.constant &+ b.constant)
    if b.parts.isEmpty {
      result.parts = a.parts
      return result
    }
    var (i, j) = (0, 0)
    while i < a.parts.count || j < b.parts.count {
      if j == b.parts.count || i < a.parts.count && a.parts[i].atom < b.parts[j].atom {
        result.parts.append(a.parts[i])
        i += 1
      } else if i == a.parts.count || b.parts[j].atom < a.parts[i].atom {
        result.parts.append(b.parts[j])
        j += 1
      } else {
        let sum = a.parts[i].factor &+ b.parts[j].factor
        if sum != 0 { result.parts.append(Part(atom: a.parts[i].atom, factor: sum)) }
        (i, j) = (i + 1, j + 1)
      }
    }
    return result
  }
  static func - (a: ByteForm, b: ByteForm) -> ByteForm { a + b * -1 }
  static func * (a: ByteForm, b: Int) -> ByteForm {
    var result = ByteForm(a.constant &* b)
    if b != 0 { result.parts = a.parts.map { Part(atom: $0.atom, factor: $0.factor &* b) } }
    return result
  }
}

/// The atoms of forms: each is a function, told by its shape, of places in memory and of numbers.
///
/// Two atoms of one shape are the same function of other arguments, so that what a loop unrolls differs in places only.
struct ByteTerms {
  enum Argument: Hashable {
    /// What memory holds at a place. The place moves by `step` elements from one `i32` lane to the next.
    case read(memory: String, place: ByteForm, step: Int)
    /// A scalar integer, or how far a constant shifts bits to the right.
    case number(ByteForm)
  }
  struct Atom: Hashable {
    let shape: Int
    let arguments: [Argument]
  }
  enum Shape: Hashable {
    /// Like nothing else.
    case fresh(Int)
    case read(MachineType)
    case lanes(Int)
    case table(ByteTable)
    case float(UInt64, MachineType)
    case apply(Instruction, [Operand], MachineType)
    case choice([Operand])
  }
  enum Operand: Hashable {
    case argument
    /// A combination of shapes.
    case form([Part], Int)
    struct Part: Hashable {
      let shape: Int
      let factor: Int
    }
  }

  private(set) var atoms: [Atom] = []
  private var atomNumbers: [Atom: Int] = [:]
  private var shapes: [Shape: Int] = [:]
  /// Shapes in which lanes differ otherwise than by the places that they read.
  private var unevenShapes: Set<Int> = []
  private var shiftedShapes: Set<Int> = []
  /// Shapes that are parts of numbers.
  private var parts: [Int: Int] = [:]
  /// Shapes that are halves of a pair of codes.
  private var pairedShapes: Set<Int> = []
  /// The greatest values of loops' counters, where they are known.
  private var greatest: [Int: Int] = [:]
  private(set) var counters: Set<Int> = []

  mutating func atom(_ shape: Shape, _ arguments: [Argument] = [], isUneven: Bool = false) -> Int {
    // What hangs on so much is no operand of a product.
    let isLarge = arguments.count > 64
    let shape = isLarge ? Shape.fresh(shapes.count) : shape
    let number = shapes[shape] ?? shapes.count
    shapes[shape] = number
    if isUneven { unevenShapes.insert(number) }
    switch shape {
    case .apply(.halvesOfE4M3(_, let part), _, _):
      parts[number] = part
      pairedShapes.insert(number)
    case .apply(.halvesOfE2M1, _, _): pairedShapes.insert(number)
    default: break
    }
    return intern(Atom(shape: number, arguments: isLarge ? [] : arguments))
  }

  private mutating func intern(_ atom: Atom) -> Int {
    if let known = atomNumbers[atom] { return known }
    atoms.append(atom)
    atomNumbers[atom] = atoms.count - 1
    return atoms.count - 1
  }

  /// Whether an atom is the halves of a pair of codes.
  func isPair(_ atom: Int) -> Bool { pairedShapes.contains(atoms[atom].shape) }

  /// Which part of a number an atom is, where it is one.
  func part(of atom: Int) -> Int? { parts[atoms[atom].shape] }

  mutating func fresh() -> ByteForm { ByteForm(atom: atom(.fresh(shapes.count))) }

  mutating func counter(greatest most: Int?) -> Int {
    let atom = atom(.fresh(shapes.count))
    counters.insert(atom)
    greatest[atom] = most
    return atom
  }

  func isUneven(_ form: ByteForm) -> Bool {
    form.parts.contains { unevenShapes.contains(atoms[$0.atom].shape) }
  }

  /// The most that a number can be, as far as its shape tells.
  func most(_ form: ByteForm) -> Int? {
    guard form.parts.count == 1, form.parts[0].factor > 0 else { return form.isConstant ? form.constant : nil }
    return greatest[form.parts[0].atom].map { $0 * form.parts[0].factor + form.constant }
  }
  mutating func bound(_ form: ByteForm, by most: Int) {
    if let atom = form.atom { greatest[atom] = min(greatest[atom] ?? most, most) }
  }

  /// What an instruction makes of operands of which nothing but their places is of interest, and of a number of its own.
  mutating func apply(
    _ shape: ([Operand]) -> Shape, _ operands: [(value: ByteForm, isNumber: Bool)], number: Int? = nil,
    isUneven: Bool = false
  ) -> ByteForm {
    var arguments = number.map { [Argument.number(ByteForm($0))] } ?? []
    var isUneven = isUneven
    let operands = operands.map { operand -> Operand in
      if operand.isNumber, !operand.value.isConstant {
        arguments.append(.number(operand.value))
        return .argument
      }
      isUneven = isUneven || self.isUneven(operand.value)
      let parts = operand.value.parts.sorted {
        (atoms[$0.atom].shape, $0.factor) < (atoms[$1.atom].shape, $1.factor)
      }
      for part in parts where arguments.count <= 64 { arguments += atoms[part.atom].arguments }
      return .form(
        parts.map { Operand.Part(shape: atoms[$0.atom].shape, factor: $0.factor) }, operand.value.constant)
    }
    return ByteForm(atom: atom(shape(operands), arguments, isUneven: isUneven))
  }

  /// Words shifted to the right.
  mutating func shifted(_ word: ByteForm, right places: Int) -> ByteForm {
    let isUneven = isUneven(word)
    let arguments = word.parts.flatMap { atoms[$0.atom].arguments } + [.number(ByteForm(places))]
    let parts = word.parts.map { Operand.Part(shape: atoms[$0.atom].shape, factor: $0.factor) }
    let shape = Shape.apply(.shiftRightLogical, [.form(parts, word.constant), .argument], MachineType(.i32))
    let form = ByteForm(atom: atom(shape, arguments, isUneven: isUneven))
    shiftedShapes.insert(atoms[form.parts[0].atom].shape)
    return form
  }
  func isShifted(_ form: ByteForm) -> Bool {
    form.atom.map { shiftedShapes.contains(atoms[$0].shape) } ?? false
  }

  // MARK: Rewriting

  /// The form with places as another lane has them.
  mutating func shifted(_ form: ByteForm, byWords words: Int) -> ByteForm {
    rewritten(form) { _, argument in
      guard case .read(let memory, let place, let step) = argument, step != 0 else { return argument }
      return .read(memory: memory, place: place + ByteForm(step * words), step: step)
    }
  }

  /// The form where lanes become as wide as those of another type: four bytes are a word.
  mutating func spaced(_ form: ByteForm, from: MachineScalar, to: MachineScalar) -> ByteForm {
    let (a, b) = (min(from.byteCount, 4), min(to.byteCount, 4))
    if a == b { return form }
    return rewritten(form) { _, argument in
      guard case .read(let memory, let place, let step) = argument else { return argument }
      return .read(memory: memory, place: place, step: step * a / b)
    }
  }

  /// The form with numbers in the place of atoms.
  mutating func replacing(_ form: ByteForm, _ numbers: [Int: ByteForm]) -> ByteForm {
    if numbers.isEmpty { return form }
    var result = ByteForm(form.constant)
    for part in form.parts {
      if let number = numbers[part.atom] {
        result = result + number * part.factor
      } else {
        let atom = rewritten(part.atom) { terms, argument in
          switch argument {
          case .read(let memory, let place, let step):
            .read(memory: memory, place: terms.replacing(place, numbers), step: step)
          case .number(let number): .number(terms.replacing(number, numbers))
          }
        }
        result = result + ByteForm(atom: atom, factor: part.factor)
      }
    }
    return result
  }

  mutating func rewritten(_ form: ByteForm, _ change: (inout ByteTerms, Argument) -> Argument) -> ByteForm {
    form.parts.reduce(into: ByteForm(form.constant)) { result, part in
      result = result + ByteForm(atom: rewritten(part.atom, change), factor: part.factor)
    }
  }

  private mutating func rewritten(_ atom: Int, _ change: (inout ByteTerms, Argument) -> Argument) -> Int {
    let old = atoms[atom]
    if old.arguments.isEmpty { return atom }
    var arguments = old.arguments
    for index in arguments.indices { arguments[index] = change(&self, arguments[index]) }
    return arguments == old.arguments ? atom : intern(Atom(shape: old.shape, arguments: arguments))
  }

  /// The memory and the first place that an atom reads as it is, or the pair of codes there that it is the halves of; how
  /// far behind are the other places that make one word with it.
  func place(of atom: Int) -> (memory: String, place: ByteForm, others: [Int], pair: Int)? {
    var arguments = atoms[atom].arguments[...]
    var pair = 0
    let isPaired = isPair(atom)
    if isPaired, case .number(let number)? = arguments.popFirst() { pair = number.constant }
    guard arguments.count == 1 || isPaired, case .read(let memory, let place, _)? = arguments.popFirst() else {
      return nil
    }
    var others: [Int] = []
    for argument in arguments {
      // How far bits are shifted is no place.
      if case .number(let number) = argument, number.isConstant { continue }
      guard case .read(memory, let other, _) = argument, (other - place).isConstant else { return nil }
      let distance = (other - place).constant
      if distance != 0, !others.contains(distance) { others.append(distance) }
    }
    return (memory, place, others, pair)
  }
}
