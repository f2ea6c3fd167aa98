import MachineIR
import TileIR

/// Checks a launch's arguments against a program and binds its dimensions. Everything that does not
/// depend on the launch is worked out once, and a good launch allocates nothing here, so that it costs
/// well under a microsecond.
struct ArgumentCheck {
  /// A parameter in few words that are copied freely.
  private struct Expected {
    let element: ElementType
    let isScalar: Bool
    /// Whether a launch changes it: outputs and states.
    let isWritten: Bool
    let rank: Int
    /// Where its axes begin among those of all parameters.
    let base: Int
    /// Declared bounds of an integer scalar.
    let range: ClosedRange<Int>?
    let elementBits: Int
    let alignment: UInt
  }
  let program: Program
  private let expected: [Expected]
  /// The number of the dimension of each axis of each parameter.
  private let axes: [Int]
  private let ranges: [ClosedRange<Int>]
  /// Dimensions whose length is computed; that of buffers must agree.
  private let computed: [(dimension: Int, length: CompiledNumber)]
  /// Buffers that a launch writes, each with every other buffer.
  private let pairs: [(written: Int, other: Int)]
  /// Dimensions that buffers bind.
  private let bound: [Int]
  private let constraints: [(lower: CompiledNumber, upper: CompiledNumber, constraint: Constraint)]
  /// Bounds that refinements name.
  let bounds: [Index: CompiledNumber]
  let dimensionNumbers: [Dimension: Int]
  let strideBase: [Int]
  private let start: LaunchNumbers
  /// Buffers that kernels gather from with 32-bit offsets.
  private let narrowSpans: [Int]

  /// `narrowSpans` are the positions of buffers that must span less than 2^31 elements.
  init(_ program: Program, narrowSpans: Set<Int> = []) throws {
    self.program = program
    self.narrowSpans = narrowSpans.sorted()
    var numbers: [Dimension: Int] = [:]
    for (number, dimension) in program.dimensions.enumerated() { numbers[dimension] = number }
    dimensionNumbers = numbers
    axes = program.parameters.flatMap { $0.axes.map { numbers[$0]! } }
    var base: [Int] = []
    var total = 0
    for parameter in program.parameters {
      base.append(total)
      total += parameter.axes.count
    }
    strideBase = base
    expected = program.parameters.enumerated().map { position, parameter in
      var range: ClosedRange<Int>?
      for case .range(let lower, let upper) in parameter.refinements where parameter.role == .scalar {
        range = lower...upper
      }
      return Expected(
        element: parameter.element, isScalar: parameter.role == .scalar,
        isWritten: parameter.role == .output || parameter.role == .state, rank: parameter.axes.count,
        base: base[position], range: range, elementBits: parameter.element.bitWidth,
        alignment: UInt(max(1, parameter.element.bitWidth / 8)))
    }
    let expected = expected
    pairs = expected.indices.filter { expected[$0].isWritten }.flatMap { written in
      expected.indices.filter { other in
        other != written && !expected[other].isScalar && !(expected[other].isWritten && other < written)
      }.map { (written, $0) }
    }
    ranges = program.dimensions.map(\.range)
    bound = program.dimensions.indices.filter { program.lengths[program.dimensions[$0]] == .buffer }
    func compiled(_ index: Index) throws -> CompiledNumber {
      CompiledNumber(try HostExpression(index, in: program), dimensions: numbers, strideBase: base)
    }
    computed = try program.dimensions.enumerated().compactMap { number, dimension in
      guard case .computed(let index)? = program.lengths[dimension],
        program.parameters.contains(where: { $0.axes.contains(dimension) })
      else { return nil }
      return (number, try compiled(index))
    }
    var bounds: [Index: CompiledNumber] = [:]
    for case .below(let bound) in program.parameters.flatMap(\.refinements) {
      bounds[bound] = try compiled(bound)
    }
    self.bounds = bounds
    constraints = try program.constraints.map { (try compiled($0.lower), try compiled($0.upper), $0) }
    start = LaunchNumbers(
      extents: program.dimensions.map { $0.extent ?? -1 }, strides: [Int](repeating: 0, count: total),
      scalars: [Int](repeating: 0, count: program.parameters.count),
      memory: [Range<UInt>](repeating: 0..<0, count: program.parameters.count))
  }

  /// Numbers for `bind` to fill, again and again.
  var unbound: LaunchNumbers { start }

  /// The launch's numbers, or an error that names the argument, what was expected and what came.
  ///
  /// Without `checksRelations` what the program declares about its numbers is left to `checkRelations`.
  func bind(
    _ arguments: [LaunchArgument], extents: [Dimension: Int] = [:], checksRelations: Bool = true,
    into numbers: inout LaunchNumbers
  ) throws {
    guard arguments.count == expected.count else {
      throw refusal(
        "\(program.name) takes \(expected.count) arguments, \(arguments.count) given", program.location)
    }
    for number in start.extents.indices { numbers.extents[number] = start.extents[number] }
    for (dimension, extent) in extents { try take(extent, of: dimension, &numbers) }
    for position in expected.indices {
      let expected = expected[position]
      switch arguments[position] {
      case .buffer(let view) where !expected.isScalar: try take(view, position, expected, &numbers)
      case .int(let value) where expected.isScalar && expected.element == .int32:
        if let range = expected.range, !range.contains(Int(value)) {
          throw refusal(
            position, "a number in \(range.lowerBound)...\(range.upperBound)", "\(value)")
        }
        numbers.scalars[position] = Int(value)
      case .float where expected.isScalar && expected.element == .float32: break
      default: throw refusal(position, describe(expected: position), describe(arguments[position]))
      }
    }
    for number in bound where numbers.extents[number] < 0 {
      throw refusal(
        "no argument has dimension \(program.dimensions[number].name); give its extent", program.location)
    }
    for (number, length) in computed where length.value(numbers) != numbers.extents[number] {
      throw mismatch(of: number, numbers.extents[number], length.value(numbers))
    }
    for position in narrowSpans {
      let bits = numbers.memory[position].count.multipliedReportingOverflow(by: 8)
      guard !bits.overflow, bits.partialValue <= expected[position].elementBits << 31 else {
        throw refusal(position, "a buffer that spans at most 2^31 elements", "one of more")
      }
    }
    if checksRelations { try checkRelations(numbers) }
    try checkOverlaps(arguments, numbers)
  }

  /// Refuses numbers that break a relation which the program declares.
  func checkRelations(_ numbers: borrowing LaunchNumbers) throws {
    for (lower, upper, constraint) in constraints where lower.value(numbers) > upper.value(numbers) {
      throw refusal(
        "this launch breaks \(constraint.lower.text(in: program)) <= \(constraint.upper.text(in: program)): "
          + "\(lower.value(numbers)) and \(upper.value(numbers)) came", constraint.location)
    }
  }

  // MARK: Extents

  private func take(_ extent: Int, of dimension: Dimension, _ numbers: inout LaunchNumbers) throws {
    guard let number = dimensionNumbers[dimension], program.lengths[dimension] == .buffer else {
      throw refusal(
        "\(dimension.name) is not a dimension that a launch of \(program.name) binds", program.location)
    }
    guard ranges[number].contains(extent) else {
      throw refusal(
        "the given extent of \(dimension.name): \(declared(number)) expected, \(extent) came",
        program.location)
    }
    numbers.extents[number] = extent
  }

  private func declared(_ number: Int) -> String {
    let range = ranges[number]
    return range.count == 1
      ? "\(range.lowerBound)" : "\(range.lowerBound)...\(range.upperBound)"
  }

  /// An extent that is not what the program computes it to be.
  private func mismatch(of number: Int, _ found: Int, _ length: Int) -> Diagnostic {
    let dimension = program.dimensions[number]
    let position = program.parameters.firstIndex { $0.axes.contains(dimension) }!
    return refusal(position, "extent \(length) of \(dimension.name)", "\(found)")
  }

  // MARK: Buffers

  private func take(
    _ view: TensorView, _ position: Int, _ expected: Expected, _ numbers: inout LaunchNumbers
  ) throws {
    guard view.element == expected.element, view.shape.count == expected.rank,
      view.strides.count == expected.rank
    else {
      let strides = view.strides.count == view.shape.count ? "" : " with \(view.strides.count) strides"
      throw refusal(position, describe(expected: position), describe(.buffer(view)) + strides)
    }
    var isEmpty = false
    // The last element along the axes so far, from the innermost, and whether a stride is not as it should.
    var last = 0
    var isOdd = false
    for axis in (0..<expected.rank).reversed() {
      let extent = view.shape[axis]
      let number = axes[expected.base + axis]
      let known = numbers.extents[number]
      if known < 0 {
        guard ranges[number].contains(extent) else {
          throw refusal(
            position, "extent of \(program.dimensions[number].name) in \(declared(number))", "\(extent)")
        }
        numbers.extents[number] = extent
      } else if known != extent {
        throw refusal(
          position, "extent \(known) of \(program.dimensions[number].name)", "\(extent)")
      }
      let stride = view.strides[axis]
      numbers.strides[expected.base + axis] = stride
      if extent == 0 { isEmpty = true }
      let (span, overflows) = stride.multipliedReportingOverflow(by: extent &- 1)
      let isLast = axis == expected.rank - 1
      isOdd = isOdd || overflows || span >= 1 << 56
        || (isLast ? stride != 1 : stride < (expected.isWritten && extent > 1 ? last &+ 1 : 0))
        || (!isLast && expected.elementBits < 8 && stride & 1 != 0)
      last &+= span
    }
    if isEmpty {
      numbers.memory[position] = 0..<0
      return
    }
    let address = UInt(bitPattern: view.pointer)
    let (end, overflows) = address.addingReportingOverflow(Self.bytes(last, expected.elementBits))
    if isOdd || overflows || address == 0 || address & (expected.alignment - 1) != 0 {
      numbers.memory[position] = try memory(of: view, position, expected)
    } else {
      numbers.memory[position] = address..<end
    }
  }

  /// Bytes from the first element to the end of element `last`.
  private static func bytes(_ last: Int, _ elementBits: Int) -> UInt {
    elementBits < 8 ? UInt(bitPattern: last / 2 &+ 1) : UInt(bitPattern: (last &+ 1) &* (elementBits / 8))
  }

  /// The bytes that a view with elements spans, step by step, for the message where one is wrong.
  private func memory(
    of view: TensorView, _ position: Int, _ expected: Expected
  ) throws -> Range<UInt> {
    guard let pointer = view.pointer else { throw refusal(position, "memory", "null") }
    let address = UInt(bitPattern: pointer)
    guard address % expected.alignment == 0 else {
      throw refusal(position, "an address divisible by \(expected.alignment)", "\(pointer)")
    }
    // The last element along the axes so far, from the innermost.
    var last = 0
    for axis in (0..<expected.rank).reversed() {
      let (stride, extent) = (view.strides[axis], view.shape[axis])
      if axis == expected.rank - 1 {
        guard stride == 1 else { throw refusal(position, "stride 1 of the last axis", "\(stride)") }
      } else {
        // Rows of packed elements begin at whole bytes; rows of written buffers do not overlap.
        let minimum = expected.isWritten && extent > 1 ? last + 1 : 0
        let isEven = expected.elementBits >= 8 || stride % 2 == 0
        guard stride >= minimum, isEven else {
          let name = program.parameters[position].axes[axis].name
          throw refusal(
            position, "\(isEven ? "a" : "an even") stride of \(name) of at least \(minimum)", "\(stride)")
        }
      }
      let (span, overflows) = stride.multipliedReportingOverflow(by: extent - 1)
      let (sum, overflowsToo) = last.addingReportingOverflow(span)
      guard !overflows, !overflowsToo, sum < 1 << 56 else {
        throw refusal(position, "strides within the address space", "\(view.strides)")
      }
      last = sum
    }
    let (end, overflows) = address.addingReportingOverflow(Self.bytes(last, expected.elementBits))
    guard !overflows else { throw refusal(position, "memory within the address space", "\(pointer)") }
    return address..<end
  }

  // MARK: Overlaps

  /// What a launch writes shares no byte with any other argument: kernels assume it.
  private func checkOverlaps(_ arguments: [LaunchArgument], _ numbers: borrowing LaunchNumbers) throws {
    for pair in pairs {
      let (own, theirs) = (numbers.memory[pair.written], numbers.memory[pair.other])
      guard own.lowerBound < theirs.upperBound, theirs.lowerBound < own.upperBound else { continue }
      guard case .buffer(let view) = arguments[pair.written],
        case .buffer(let neighbour) = arguments[pair.other],
        areInterleaved(view, own, neighbour, theirs)
      else { throw overlap(pair.written, pair.other) }
    }
  }

  /// Whether two views lie in different columns of the same rows, as parts of one matrix do.
  private func areInterleaved(
    _ a: TensorView, _ spanA: Range<UInt>, _ b: TensorView, _ spanB: Range<UInt>
  ) -> Bool {
    guard let (rowA, widthA) = rows(a), let (rowB, widthB) = rows(b), rowA == rowB else { return false }
    let apart = (Int(bitPattern: spanB.lowerBound) - Int(bitPattern: spanA.lowerBound)) % rowA
    let column = apart < 0 ? apart + rowA : apart
    return column >= widthA && column + widthB <= rowA
  }

  /// Bytes from row to row and bytes of a row's elements, where all axes but the last are steps of rows.
  private func rows(_ view: TensorView) -> (step: Int, width: Int)? {
    let rank = view.shape.count
    guard rank >= 2 else { return nil }
    let step = view.strides[rank - 2]
    guard step > 0, (0..<rank - 1).allSatisfy({ view.strides[$0] % step == 0 }) else { return nil }
    let bits = view.element.bitWidth
    return (step * bits / 8, (view.shape[rank - 1] * bits + 7) / 8)
  }

  private func overlap(_ position: Int, _ other: Int) -> Diagnostic {
    let (own, theirs) = (program.parameters[position], program.parameters[other])
    return Diagnostic(
      "\(own.name): memory of its own expected, since the launch writes it; memory that \(theirs.name) has too came",
      at: [own.location, theirs.location])
  }

  // MARK: Messages

  private func describe(expected position: Int) -> String {
    let parameter = program.parameters[position]
    return parameter.role == .scalar
      ? "a number of \(parameter.element.rawValue)"
      : "\(parameter.element.rawValue) [\(parameter.axes.map(\.name).joined(separator: ", "))]"
  }

  private func describe(_ argument: LaunchArgument) -> String {
    switch argument {
    case .buffer(let view): "\(view.element.rawValue) \(view.shape)"
    case .int(let value): "the integer \(value)"
    case .float(let value): "the float \(value)"
    }
  }

  private func refusal(_ position: Int, _ expected: String, _ found: String) -> Diagnostic {
    let parameter = program.parameters[position]
    return refusal("\(parameter.name): \(expected) expected, \(found) came", parameter.location)
  }

  private func refusal(_ message: String, _ location: SourceLocation) -> Diagnostic {
    Diagnostic(message, at: [location])
  }
}
