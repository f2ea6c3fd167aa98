import MachineIR
import TileIR

/// Arrays whose size the launch decides.
extension MachineKernel {
  /// Bytes for all of them on chip, and elements behind those of an array that vectors of the shortest kind leave room for.
  private static let (openBytes, leastSlack) = (104 << 10, 512)

  var openArrays: [ScratchArray] {
    scratch.filter { array in
      guard case .constant = array.count else { return array.space == .onChip }
      return false
    }
  }

  /// The elements that one of them has on chip: a fair share.
  func room(for array: ScratchArray) -> Int {
    Self.openBytes / array.type.byteCount / openArrays.count / 64 * 64
      + max(0, array.count.slack - Self.leastSlack)
  }

  /// The kernel with them in main memory, for launches that have no room for them on chip.
  var withOpenArraysInMemory: MachineKernel {
    let open = openArrays
    return with(
      scratch: scratch.map {
        open.contains($0) ? ScratchArray($0.name, $0.type, count: $0.count, in: .device) : $0
      })
  }

  /// What is not negative where they have room on chip.
  var spareOnChip: [HostExpression] {
    openArrays.map { .constant(room(for: $0)) + $0.count * .constant(-1) }
  }
}

/// Arrays that have no room in the unified buffer: each core has its own in main memory, and copies what it needs.
extension PipeLowering {
  /// Bytes that arrays of known size may take of the unified buffer together: the most that are tried, what leaves
  /// enough beside them, and what does beside sums of large tiles.
  static let (mostArrays, manyArrays, fewArrays) = (112 << 10, 80 << 10, 48 << 10)

  /// Puts arrays into main memory: those that are to be there, and the largest others until the rest fits.
  func spill(from firstWorkspace: Int) {
    // What a vector core makes for a cube core goes there too.
    let handed = kernel.sliceProducts.map(\.left.buffer)
    for array in kernel.scratch where array.space == .device || handed.contains(array.name) {
      spill(array, from: firstWorkspace)
    }
    // What the cube core makes is copied to the chip at once, and its lines lie in memory of its own. Arrays of sums, which
    // are cleared at once, stay.
    let staying = kernel.sliceProducts.flatMap { [$0.target, $0.right.buffer] } + handed + kernel.clearedArrays
    var sizes: [(array: ScratchArray, bytes: Int)] = kernel.scratch.compactMap { array in
      guard !staying.contains(array.name), array.space == .onChip, case .constant(let count) = array.count else {
        return nil
      }
      return (array, count * (array.type.byteCount == 8 ? 8 : 4))
    }
    sizes.sort { ($0.bytes, $0.array.name) < ($1.bytes, $1.array.name) }
    while sizes.reduce(0, { $0 + $1.bytes }) > arrayBytes, let (array, _) = sizes.popLast() {
      spill(array, from: firstWorkspace)
    }
  }

  private func spill(_ array: ScratchArray, from firstWorkspace: Int) {
    let name = unique("\(array.name)_spilled")
    let buffer = KernelBuffer(
      name, .workspace(firstWorkspace + spills.count),
      array.type == .f32 ? .float32 : array.type == .i8 ? .int8 : .int32, isWritten: true)
    // Elements of 64 bits are copied as two words.
    let count = array.type.byteCount == 8 ? array.count * .constant(2) : array.count
    spills[array.name] = PipeKernel.Spill(
      buffer: buffer, count: KernelScalar(unique("\(array.name)_size"), count))
  }

  /// Where an element of a spilled array is in main memory, in words, of this core or another; nil for another array.
  func inMainMemory(
    _ array: String, _ offset: Expression, of core: Expression = .variable(PipeKernel.block)
  ) -> Access? {
    guard let spill = spills[array] else { return nil }
    let own = core * .variable(Variable(spill.count.name, .index))
    let words = isWideArray(array) ? offset * .constant(2) : offset
    return Access(spill.buffer.name, spill.buffer.element, own + words)
  }

  private func isWideArray(_ name: String) -> Bool {
    kernel.scratch.first { $0.name == name }!.type.byteCount == 8
  }

  /// Elements of an array where the scalar unit finds them: the array's own place, or a copy of a spilled one's.
  func arrayView(_ array: String, _ offset: Expression, lanes: Int) throws -> LocalView {
    try arrayView(array, at: scalar(offset), lanes: lanes)
  }

  /// The same at a place that the scalar unit has.
  func arrayView(_ array: String, at place: Expression, lanes: Int) throws -> LocalView {
    guard let access = inMainMemory(array, place) else {
      return LocalView(array, tensors[array]!.element, offset: place)
    }
    let isWide = isWideArray(array)
    let view = isWide ? wideTensor("\(array)_in", lanes: lanes) : fresh("\(array)_in", .int32, count: lanes)
    let count = isWide ? 2 * lanes : lanes
    append(
      .copyIn(
        PipeCopy(
          buffer: access.buffer, access.element, offset: access.offset,
          local: view.reinterpreted(as: access.element == .float32 ? .float32 : .int32),
          count: .constant(count),
          most: count)))
    return view
  }

  /// Stores to a spilled array: lanes behind a tail hold nothing and stay behind.
  func storeSpilled(_ array: String, _ offset: Expression, _ value: Expression) throws {
    let access = inMainMemory(array, offset)!
    guard isWideArray(array) else { return try store(access, value, activeLanes(of: value)) }
    let lanes = value.type.lanes
    let view = wideTensor("\(array)_out", lanes: lanes)
    if lanes > 1 { try assignWide(view, value) } else { append(.write(view, try scalar(value))) }
    append(
      .copyOut(
        PipeCopy(
          buffer: access.buffer, .int32, offset: try scalar(access.offset),
          local: view.reinterpreted(as: .int32),
          count: .constant(2 * lanes), most: 2 * lanes)))
  }
}
