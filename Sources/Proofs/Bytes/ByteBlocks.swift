import MachineIR
import TileIR

/// Whether what is rounded as a block's value is the exact sum of its products, each once.
///
/// Both operands of a block are cut into slices, whose products meet with the weights of both. The slices of one
/// coordinate are multiplied with each other and with nothing else, so that coordinates are what hangs together. They
/// have to be alike, with weights that are those of the slices, to stand next to each other in both operands, and to be
/// as many as the block is long.
struct ByteBlocks {
  /// What a program states of a product.
  struct Stated {
    /// How many addends a block has.
    let block: Int
    /// How many there are along the axis, where that is known.
    let length: Int?
    /// Bits of the operands' integers without their signs.
    let leftBits: Int
    let rightBits: Int
  }

  private let terms: ByteTerms

  init(_ walk: ByteWalk) { terms = walk.terms }

  /// Bytes of the operands that meet: those of some coordinates that stand together.
  private struct Coordinates {
    let sum: Int
    let count: Int
    let left: [Int]
    let right: [Int]
    /// How often each product of a left and a right slice is in the sum; last of a row what the left slice alone has.
    let weights: [[Int]]
    /// Where the left operand's first slice is: a place, and which of the pairs of codes there.
    var first = 0
    var pair = 0
  }

  /// Why it is not; nil where it is.
  func fault(_ sums: [ByteSum], _ stated: Stated) -> String? {
    var all: [Coordinates] = []
    for (number, sum) in sums.enumerated() {
      guard sum.rest == ByteForm(0) else { return "something else is added" }
      guard let found = coordinates(of: sum, number) else { return "its products are not of slices" }
      all += found
    }
    guard !all.isEmpty else { return "nothing is multiplied" }
    guard Set(all.flatMap(\.left)).count == all.reduce(0, { $0 + $1.left.count }) else {
      return "bytes are multiplied twice"
    }
    if let why = faultOfWeights(all, stated) ?? faultOfPlaces(&all) ?? faultOfScales(all, sums) { return why }
    let count = all.reduce(0) { $0 + $1.count }
    let isWhole =
      count == stated.block
      || stated.length.map { $0 <= stated.block && count >= $0 && count - $0 < all[0].count } ?? false
    return isWhole ? nil : "\(count) products are added"
  }

  /// Slices that are multiplied with each other; nil where one is no slice by place.
  private func coordinates(of sum: ByteSum, _ number: Int) -> [Coordinates]? {
    var right: [Int: Set<Int>] = [:]
    var counts: [Int: Int] = [:]
    for product in sum.products.keys {
      if let other = product.right { right[product.left, default: []].insert(other) }
      guard counts[product.left, default: product.coordinates] == product.coordinates else { return nil }
      counts[product.left] = product.coordinates
    }
    var groups: [Set<Int>: [Int]] = [:]
    for (left, others) in right { groups[others, default: []].append(left) }
    guard right.count == counts.count,
      Set(groups.keys.flatMap { $0 }).count == groups.keys.reduce(0, { $0 + $1.count })
    else { return nil }
    var found: [Coordinates] = []
    for (others, members) in groups {
      guard let count = counts[members[0]], members.allSatisfy({ counts[$0] == count }) else { return nil }
      func weight(_ left: Int, _ right: Int?) -> Int {
        sum.products[ByteSum.Product(right: right, left: left, coordinates: count)] ?? 0
      }
      // Slices by what they weigh, parts by their numbers.
      func order(_ atom: Int, _ weights: [Int]) -> (Int, Int) { (weights.max()!, terms.part(of: atom) ?? 0) }
      let own = members.sorted { a, b in
        order(a, others.map { weight(a, $0) }) < order(b, others.map { weight(b, $0) })
      }
      let other = others.sorted { a, b in
        order(a, own.map { weight($0, a) }) < order(b, own.map { weight($0, b) })
      }
      found.append(
        Coordinates(
          sum: number, count: count, left: own, right: other,
          weights: own.map { left in other.map { weight(left, $0) } + [weight(left, nil)] }))
    }
    return found
  }

  /// Each product has the weight of its left slice times that of its right slice, and slices make up whole integers.
  private func faultOfWeights(_ all: [Coordinates], _ stated: Stated) -> String? {
    let weights = all[0].weights
    guard all.allSatisfy({ $0.weights == weights && $0.count == all[0].count }) else {
      return "its coordinates are not alike"
    }
    let (left, right) = (weights.map { $0[0] }, Array(weights[0].dropLast()))
    guard make(stated.leftBits, left, all[0].left), make(stated.rightBits, right, all[0].right) else {
      return "its slices do not make up its integers"
    }
    for row in weights {
      guard zip(row, right).allSatisfy({ $0 == row[0] * $1 }) else {
        return "its slices do not weigh what they are"
      }
      guard row.last! == row[0] * weights[0].last! else {
        return "what its bytes are shifted by is not taken back"
      }
    }
    return nil
  }

  /// Whether slices of so many weights make up integers of so many bits: bytes of at most seven bits, one on the other, the
  /// last with the sign; or all parts of an E4M3 number, each once.
  private func make(_ bits: Int, _ weights: [Int], _ atoms: [Int]) -> Bool {
    let parts = atoms.compactMap { terms.part(of: $0) }
    if !parts.isEmpty {
      return parts == Array(0..<HalfMatrices.parts) && weights == parts.map { _ in 1 }
        && bits == ElementType.e4m3.gridBits
    }
    let width = weights.count > 1 ? max(1, weights[1]).trailingZeroBitCount : 7
    return width <= 7 && width * weights.count >= bits
      && weights.enumerated().allSatisfy { $1 == 1 << (width * $0) }
  }

  /// Coordinates follow each other in both operands.
  private func faultOfPlaces(_ all: inout [Coordinates]) -> String? {
    var offsets: [[Int]] = []
    var memory: (name: String, base: ByteForm, others: [Int])?
    for index in all.indices {
      var own: [Int] = []
      for (slice, atom) in all[index].left.enumerated() {
        if let number = terms.part(of: atom), number != slice {
          return "its left parts are not those of its numbers"
        }
        guard let (name, place, others, pair) = terms.place(of: atom) else { return "its left bytes are not followed" }
        guard memory == nil || memory! == (name, place.variablePart, others) else {
          return "its left bytes lie apart"
        }
        memory = (name, place.variablePart, others)
        own.append(place.constant)
        if slice == 0 { all[index].pair = pair }
        guard pair == all[index].pair else { return "its left parts are not of one coordinate" }
      }
      all[index].first = own[0]
      offsets.append(own)
    }
    // Of two operands of computed codes, words are put together of the same places behind their first.
    if let others = memory?.others, all.contains(where: { terms.isPair($0.left[0]) && terms.part(of: $0.left[0]) == nil }),
      !all.allSatisfy({ $0.right.allSatisfy { terms.place(of: $0)?.others == others } })
    {
      return "its words are not put together alike"
    }
    let slices = offsets.map { own in own.map { $0 - own[0] } }
    guard Set(slices).count == 1 else { return "its left slices are not of one coordinate" }
    all.sort { ($0.first, $0.pair) < ($1.first, $1.pair) }
    let pairs = all.count { $0.first == all[0].first }
    let step = all.count > pairs ? all[pairs].first - all[0].first : 1
    let ascends = all.enumerated().allSatisfy {
      $1.first == all[0].first + $0 / pairs * step && $1.pair == all[$0 % pairs].pair
    }
    guard ascends, step > 0, Set(all[..<pairs].map(\.pair)).count == pairs else {
      return "its left bytes do not follow one another"
    }
    return faultOfRightPlaces(all)
  }

  private func faultOfRightPlaces(_ all: [Coordinates]) -> String? {
    for coordinates in all {
      let reads = coordinates.right.map { terms.atoms[$0].arguments.filter(\.isRead) }
      guard reads.allSatisfy({ $0 == reads[0] }) else { return "its right slices are not of one coordinate" }
    }
    for slice in all[0].right.indices {
      // How many coordinates share what one place holds.
      guard let finest = finest(all.map { terms.atoms[$0.right[slice]].arguments.filter(\.isRead) }) else {
        return "its right bytes do not follow one another"
      }
      let atoms = all.map { terms.atoms[$0.right[slice]] }
      if let number = terms.part(of: all[0].right[slice]), number != slice {
        return "its right parts are not those of its numbers"
      }
      let parts = atoms.map { [$0.shape] + $0.arguments.compactMap(\.constant) }
      let isPeriodic =
        Set(parts[..<finest]).count == finest && parts.allSatisfy { $0.count == parts[0].count }
        && parts[0].indices.allSatisfy { slot in Self.isPeriodic(parts.map { $0[slot] }, finest) }
      let isAscending =
        parts.allSatisfy { $0.count == parts[0].count && $0[0] == parts[0][0] }
        && finest == 1 && parts[0].indices.allSatisfy { slot in Self.run(parts.map { $0[slot] }) != nil }
      guard isPeriodic || isAscending else { return "its right bytes are not those of its coordinates" }
    }
    return nil
  }

  /// How many neighbours read the same, where places ascend evenly; nil where they do not.
  private func finest(_ arguments: [[ByteTerms.Argument]]) -> Int? {
    guard arguments.allSatisfy({ $0.count == arguments[0].count }) else { return nil }
    var finest = arguments.count
    for slot in arguments[0].indices {
      var offsets: [Int] = []
      for own in arguments {
        guard case .read(let memory, let place, _) = own[slot],
          case .read(let first, let base, _) = arguments[0][slot],
          memory == first, (place - base).isConstant
        else { return nil }
        offsets.append((place - base).constant)
      }
      guard let run = Self.run(offsets) else { return nil }
      finest = min(finest, run)
    }
    return finest
  }

  /// How many neighbours are alike in numbers that ascend evenly; nil where they do not.
  private static func run(_ numbers: [Int]) -> Int? {
    guard let next = numbers.firstIndex(where: { $0 != numbers[0] }) else { return numbers.count }
    let step = numbers[next] - numbers[0]
    return step > 0 && numbers.indices.allSatisfy { numbers[$0] == numbers[0] + $0 / next * step }
      ? next : nil
  }

  /// Whether numbers repeat after so many; or whole periods have one number, and these ascend evenly.
  private static func isPeriodic(_ numbers: [Int], _ period: Int) -> Bool {
    numbers.indices.allSatisfy { numbers[$0] == numbers[$0 % period] }
      || (run(numbers).map { $0 % period == 0 } ?? false)
  }

  /// Groups with a scale of their own are runs of coordinates of one length, their scales in the same order.
  private func faultOfScales(_ all: [Coordinates], _ sums: [ByteSum]) -> String? {
    let order = all.map(\.sum).reduce(into: [Int]()) { if $0.last != $1 { $0.append($1) } }
    guard order.count == sums.count, Set(order).count == sums.count else { return "its groups are not runs" }
    guard sums.count > 1 else { return nil }
    guard Set(sums.indices.map { number in all.count { $0.sum == number } }).count == 1 else {
      return "its groups differ in length"
    }
    let scales = order.map { sums[$0].scale }
    guard scales.allSatisfy({ $0.count == scales[0].count }) else {
      return "its groups' scales are not alike"
    }
    // Each factor is one for all groups, or ascends with them.
    let moving = scales[0].indices.filter { slot in Set(scales.map { $0[slot] }).count > 1 }
    let ascends = !moving.isEmpty && moving.allSatisfy { slot in
      let atoms = scales.map { terms.atoms[$0[slot]] }
      let bits = atoms.map { $0.arguments.compactMap(\.constant) }
      let ascends =
        bits.allSatisfy { $0.count == bits[0].count }
        && bits[0].indices.contains { part in
          Self.run(bits.map { $0[part] }) == 1
        }
      return atoms.allSatisfy { $0.shape == atoms[0].shape }
        && (ascends || finest(atoms.map { $0.arguments.filter(\.isRead) }) == 1)
    }
    return ascends ? nil : "its groups' scales are not theirs"
  }
}

extension Program {
  /// The products that are stated at a line to be summed in exact blocks.
  func byteBlocks(at location: SourceLocation) -> [ByteBlocks.Stated] {
    nodes.compactMap { node in
      guard node.location == location, case .product(let axis, let numericClass, _, _) = node.operation else {
        return nil
      }
      let types = node.operands[..<2].map { self[$0].type }
      switch numericClass {
      case .exactBlock(let block):
        return ByteBlocks.Stated(
          block: block, length: axis.extent, leftBits: types[0].gridBits, rightBits: types[1].gridBits)
      case .fixedPoint(let bits, let block), .fixedPointFolded(let bits, let block, _):
        return ByteBlocks.Stated(block: block, length: axis.extent, leftBits: bits, rightBits: bits)
      case .ordered, .exact: return nil
      }
    }
  }
}

extension ElementType {
  /// Bits of the integer that an element on a grid is some power of two times, without its sign: of E4M3 the greatest is
  /// 448 times 2^9, of E2M1 6 times 2.
  fileprivate var gridBits: Int {
    switch self {
    case .e4m3: 18
    case .e2m1: 4
    case .int4: 3
    default: 7
    }
  }
}

extension ByteTerms.Argument {
  fileprivate var isRead: Bool { if case .read = self { true } else { false } }
  fileprivate var constant: Int? {
    if case .number(let number) = self, number.isConstant { number.constant } else { nil }
  }
}
