import MachineIR

/// What arrays on chip hold of byte operands and of their sums, for every value of the loops that have filled them.
struct ByteContents {
  struct Entry: Hashable {
    let place: ByteForm
    let lanes: Int
    let value: Value
    /// The round of a loop that has stored it.
    let nest: Int
  }
  enum Value: Hashable {
    /// Bytes that an atom stands for.
    case bytes(Int)
    /// The sum of what lies so many elements further on.
    case sum([Int])
    case sums([ByteSum])
  }

  private var entries: [String: [Entry]] = [:]
  /// What a matrix unit has left of sums of products, and how many elements have one.
  private var tiles: [String: (sums: [ByteSum], size: Int)] = [:]

  mutating func forget(_ array: String) {
    entries[array] = nil
    tiles[array] = nil
  }

  /// Keeps the sums of a matrix unit, each of so many elements, one after the other from the array's first on.
  mutating func store(_ sums: [ByteSum], each size: Int, in array: String) {
    forget(array)
    tiles[array] = (sums, size)
  }

  /// What both sides of a branch leave: bytes at the same places, whichever they are.
  func common(_ other: ByteContents, _ terms: inout ByteTerms) -> ByteContents {
    var result = ByteContents()
    result.tiles = tiles.filter { array, own in
      other.tiles[array].map { $0.sums == own.sums && $0.size == own.size } ?? false
    }
    for (array, own) in entries {
      guard let list = other.entries[array], own.count == list.count else { continue }
      var joined: [Entry] = []
      for (a, b) in zip(own, list) where a.place == b.place && a.lanes == b.lanes && a.nest == b.nest {
        if a.value == b.value {
          joined.append(a)
        } else if case .bytes = a.value, case .bytes = b.value, let bytes = terms.fresh().atom {
          joined.append(Entry(place: a.place, lanes: a.lanes, value: .bytes(bytes), nest: a.nest))
        }
      }
      if joined.count == own.count { result.entries[array] = joined }
    }
    return result
  }

  mutating func store(
    _ value: ByteValue, in array: String, at place: ByteForm, lanes: Int, nest: Int, _ terms: inout ByteTerms
  ) {
    if tiles[array] != nil || entries[array]?.contains(where: { $0.nest != nest }) ?? false { forget(array) }
    let known = entries[array] ?? []
    func position(_ atom: Int) -> Int? {
      known.first { $0.value == .bytes(atom) && $0.lanes == lanes && ($0.place - place).isConstant }
        .map { ($0.place - place).constant }
    }
    let kept: Value?
    switch value {
    case .form(let form):
      if let atom = form.atom {
        kept = .bytes(atom)
      } else {
        let positions = form.parts.map { $0.factor == 1 ? position($0.atom) : nil }
        let isSum = form.constant == 0 && positions.count > 1 && !positions.contains(nil)
        kept = isSum ? .sum(positions.map { $0! }) : nil
      }
    case .sums(let sums): kept = .sums(sums.map { named($0, lanes: lanes, nest, &terms) })
    }
    guard let kept else {
      // Something else lies there now.
      entries[array] = known.filter { !($0.place - place).isConstant }
      return
    }
    entries[array, default: []].append(Entry(place: place, lanes: lanes, value: kept, nest: nest))
  }

  /// A sum in so many lanes with its operands named by where they have been stored.
  func named(_ sum: ByteSum, lanes: Int, _ nest: Int, _ terms: inout ByteTerms) -> ByteSum {
    var result = sum
    result.products = [:]
    for (product, count) in sum.products {
      var left = named(product.left, nest, &terms) ?? product.left
      // One lane stays where it is.
      if lanes == 1 { left = terms.still(left) }
      let key = ByteSum.Product(right: product.right, left: left, coordinates: product.coordinates)
      result.products[key, default: 0] += count
    }
    return result
  }

  private func named(_ atom: Int, _ nest: Int, _ terms: inout ByteTerms) -> Int? {
    for (array, list) in entries.sorted(by: { $0.key < $1.key }) {
      for entry in list where entry.nest == nest {
        guard case .bytes(let stored) = entry.value, let word = terms.words(from: stored, to: atom),
          0..<entry.lanes ~= word
        else { continue }
        return terms.read(array, entry.place + ByteForm(word), step: 1, .i32)
      }
    }
    return nil
  }

  /// What is read at a place; nil where it is what memory holds there, whatever that is.
  /// - Parameter asBytes: whether words stand for their bytes only, which may be sums of other words' bytes.
  func value(
    of array: String, at place: ByteForm, type: MachineType, asBytes: Bool, open: Set<Int>,
    _ terms: inout ByteTerms
  ) -> ByteValue? {
    if let (sums, size) = tiles[array] {
      // What counts the elements of a tile stays below its size.
      let most = place.parts.isEmpty ? 0 : terms.most(place.variablePart)
      let number = place.constant.floorDivided(by: size)
      guard let most, most + place.constant - number * size < size, sums.indices.contains(number) else {
        return nil
      }
      return .sums([sums[number]])
    }
    var found: ByteValue?
    for entry in entries[array] ?? [] {
      guard let numbers = match(entry, place, type.lanes, open, terms) else { continue }
      let value: ByteValue
      switch entry.value {
      case .sum where !asBytes: return nil
      case .bytes:
        value = .form(ByteForm(atom: terms.read(array, place, step: type.lanes == 1 ? 0 : 1, type.scalar)))
      case .sum(let positions):
        value = .form(
          positions.reduce(into: ByteForm(0)) { sum, position in
            let step = type.lanes == 1 ? 0 : 1
            sum = sum + ByteForm(atom: terms.read(array, place + ByteForm(position), step: step, type.scalar))
          })
      case .sums(let sums): value = .sums(sums.map { $0.replacing(numbers, &terms) })
      }
      // What may be one thing or another is not known.
      if let found, found != value { return nil }
      found = value
    }
    return found
  }

  /// The rounds of loops in which an entry was stored at a place.
  private func match(
    _ entry: Entry, _ place: ByteForm, _ lanes: Int, _ open: Set<Int>, _ terms: ByteTerms
  ) -> [Int: ByteForm]? {
    let own = entry.place.parts.filter { terms.counters.contains($0.atom) && !open.contains($0.atom) }
    var left = place - entry.place
    for part in own { left = left + ByteForm(atom: part.atom, factor: part.factor) }
    var numbers: [Int: ByteForm] = [:]
    for part in own.sorted(by: { $0.factor > $1.factor }) {
      guard part.factor > 0 else { return nil }
      let constant = left.constant.floorDivided(by: part.factor)
      var number = ByteForm(constant)
      for other in left.parts where other.factor % part.factor == 0 {
        number = number + ByteForm(atom: other.atom, factor: other.factor / part.factor)
      }
      guard constant >= 0, constant <= terms.most(ByteForm(atom: part.atom)) ?? constant else { return nil }
      left = left - number * part.factor
      numbers[part.atom] = number
    }
    guard left.isConstant else { return nil }
    switch entry.value {
    case .sums: return left.constant == 0 && entry.lanes == lanes ? numbers : nil
    case .bytes, .sum: return 0..<entry.lanes ~= left.constant ? numbers : nil
    }
  }
}

extension ByteTerms {
  /// How many lanes lie between two atoms that are the same function of what lanes of a vector read.
  fileprivate func words(from first: Int, to second: Int) -> Int? {
    let (a, b) = (atoms[first], atoms[second])
    guard a.shape == b.shape, a.arguments.count == b.arguments.count else { return nil }
    func numbers(_ atom: Atom) -> [Argument] {
      atom.arguments.filter { if case .number = $0 { true } else { false } }
    }
    guard numbers(a) == numbers(b) else { return nil }
    var words: Int?
    for case (.read(let memory, let place, let step), .read(let other, let otherPlace, _)) in zip(
      a.arguments, b.arguments)
    {
      let apart = otherPlace - place
      guard memory == other, apart.isConstant, step > 0, apart.constant % step == 0,
        words == nil || words == apart.constant / step
      else { return nil }
      words = apart.constant / step
    }
    return words
  }

  /// An atom whose places do not move from lane to lane.
  fileprivate mutating func still(_ atom: Int) -> Int {
    rewritten(ByteForm(atom: atom)) { _, argument in
      if case .read(let memory, let place, _) = argument {
        .read(memory: memory, place: place, step: 0)
      } else {
        argument
      }
    }.atom!
  }

  /// What memory holds at a place.
  mutating func read(_ memory: String, _ place: ByteForm, step: Int, _ scalar: MachineScalar) -> Int {
    atom(.read(MachineType(scalar)), [.read(memory: memory, place: place, step: step)])
  }
}

extension ByteSum {
  /// The sum with numbers in the place of atoms.
  func replacing(_ numbers: [Int: ByteForm], _ terms: inout ByteTerms) -> ByteSum {
    rewritten { terms.replacing($0, numbers) }
  }

  func rewritten(_ change: (ByteForm) -> ByteForm) -> ByteSum {
    var result = ByteSum(
      scale: scale.map { change(ByteForm(atom: $0)).atom! }, rest: change(rest), sites: sites)
    for (product, count) in products {
      let key = Product(
        right: product.right.map { change(ByteForm(atom: $0)).atom! },
        left: change(ByteForm(atom: product.left)).atom!,
        coordinates: product.coordinates)
      result.products[key, default: 0] += count
    }
    return result
  }
}
