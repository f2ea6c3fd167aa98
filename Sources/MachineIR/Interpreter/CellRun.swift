import TileIR

/// One cell of a kernel at work: its registers, its on-chip memory and the place where it is.
///
/// A cell works in order; when the copies that it starts land is the adversary's choice.
struct CellRun {
  let kernel: MachineKernel
  let cell: Int
  private var variables: [String: RegisterValue] = [:]
  private var registerArrays: [String: [RegisterValue]] = [:]
  private let memory: [String: CheckedMemory]
  private let functions: FunctionTable
  /// What threads share, where several work on a cell.
  private let races: WarpRaces?
  private let copies: CopiesInFlight
  /// The first code that a check raised; 0 for none.
  private(set) var status = 0
  private var location: SourceLocation?
  /// Whether a round of a loop that warps share is at hand.
  private var isInRound = false

  init(
    _ kernel: MachineKernel, cell: Int, numbers: [String: RegisterValue], memory: [String: CheckedMemory],
    functions: FunctionTable, races: WarpRaces?, order: MachineInterpreter.CellOrder
  ) {
    self.races = races
    copies = CopiesInFlight(order, races)
    self.kernel = kernel
    self.cell = cell
    self.memory = memory
    self.functions = functions
    variables = numbers
    variables[kernel.cell.name] = RegisterValue(.index, [UInt64(cell)])
  }

  mutating func run() throws(MachineFault) {
    do {
      _ = try block(kernel.body)
      do {
        try copies.finish()
      } catch {
        throw MachineFault(kind: error, kernel: kernel.name, cell: cell, statement: "", location: location)
      }
    } catch let fault as MachineFault {
      throw fault
    } catch {
      preconditionFailure("a block names the statement of a fault")
    }
  }

  // MARK: Statements

  /// Runs statements; true where one of them leaves the innermost loop.
  private mutating func block(_ statements: [MachineStatement]) throws -> Bool {
    let outer = location
    defer { location = outer }
    for statement in statements {
      do {
        if try run(statement) { return true }
      } catch let kind as MachineFault.Kind {
        throw MachineFault(
          kind: kind, kernel: kernel.name, cell: cell, statement: statement.headline, location: location)
      }
    }
    return false
  }

  private mutating func run(_ statement: MachineStatement) throws -> Bool {
    switch statement {
    case .define(let variable, let value), .declare(let variable, let value), .assign(let variable, let value):
      if case .assign = statement, variables[variable.name] == nil {
        throw MachineFault.Kind.malformed("\(variable.name) is assigned and not declared")
      }
      variables[variable.name] = try self.value(value, as: variable.type)
    case .registers(let array):
      let count = array.extents.reduce(1, *)
      registerArrays[array.name] = [RegisterValue](repeating: .undefined(array.type), count: count)
    case .setElement(let array, let indices, let value):
      let result = try self.value(value, as: array.type)
      registerArrays[array.name]![try element(array, indices)] = result
    case .store(let access, let value, let active):
      try store(access, try self.value(value), active: active)
    case .stream(let access, let value, let when):
      _ = try integer(when)
      try store(access, try self.value(value), active: nil)
    case .scatter(let access, let lanes, let value, let active):
      try scatter(access, try self.value(lanes), try self.value(value), active)
    case .storeRaw(let buffer, let offset, let value):
      let stored = try self.value(value)
      let memory = try self.memory(buffer)
      let first = try integer(offset)
      let bits = 8 * stored.type.scalar.byteCount
      try memory.check(first, stored.type.lanes, bits: bits)
      try share(memory, bits, stored.type.lanes, isWrite: true, stored.bits.indices.lazy.map { first + $0 })
      for lane in stored.bits.indices {
        let code = stored.type.scalar == .mask ? 0 &- stored.bits[lane] : stored.bits[lane]
        try memory.write(first + lane, bits: bits, code, flaw: stored.flaws?[lane] ?? 0, by: Int32(cell))
      }
    case .clear(let buffer, let offset, let count): try clear(buffer, try integer(offset), try integer(count))
    case .prefetch(_, let offset): _ = try integer(offset)
    case .startCopy(let copy):
      guard kernel.fits(copy) else { throw MachineFault.Kind.malformed("\(copy.target) takes no such copy") }
      try copies.start(
        copy, try memory(copy.source.buffer), try integer(copy.source.offset), try memory(copy.target),
        try integer(copy.offset), barriers: copy.barriers.flatMap(kernel.barrierCount), by: Int32(cell))
    case .closeCopies: try copies.close()
    case .awaitCopies(let latest): try copies.await(allBut: latest, by: Int32(cell))
    case .multiplySlices(let product):
      try product.run(
        try memory(product.left.buffer), try integer(product.left.offset), try memory(product.right.buffer),
        try integer(product.right.offset), to: try memory(product.target), by: Int32(cell))
    case .loop(let loop): try run(loop)
    // One agent does the work of all here, in order; what the others may do is noted.
    case .synchronise(let group):
      guard group == (isInRound ? .warp : kernel.agentGroup) else {
        throw MachineFault.Kind.malformed("an agent of \(kernel.agentWarps) warps waits as a \(group.rawValue)")
      }
      races?.wait(group)
      copies.meet()
    case .leave: return true
    case .branch(let condition, let then, let otherwise): return try block(try truth(condition) ? then : otherwise)
    case .check(let condition, let code):
      let holds = try value(condition)
      if let flaw = holds.flaw(before: holds.type.lanes) { throw MachineFault.Kind.noValue(flaw) }
      if holds.bits.contains(0), status == 0 { status = code }
    case .note(_, let place): if let place { location = place }
    }
    return false
  }

  private mutating func run(_ loop: CountedLoop) throws {
    var counter = try integer(loop.lower)
    defer {
      if loop.isSharedOut {
        isInRound = false
        races?.endRounds()
      }
    }
    while counter < (try integer(loop.upper)) {
      if loop.isSharedOut {
        isInRound = true
        races?.beginRound()
      }
      variables[loop.counter.name] = RegisterValue(.index, [UInt64(bitPattern: Int64(counter))])
      if try block(loop.body) { break }
      let (next, overflow) = counter.addingReportingOverflow(loop.step)
      if overflow { throw MachineFault.Kind.noValue(.overflow) }
      counter = next
    }
    variables[loop.counter.name] = nil
  }

  // MARK: Memory

  private func memory(_ name: String) throws -> CheckedMemory {
    guard let found = memory[name] else { throw MachineFault.Kind.malformed("there is no memory \(name)") }
    return found
  }

  /// Lanes that an access touches.
  private func count(_ active: Expression?, of lanes: Int) throws -> Int {
    guard let active else { return lanes }
    return min(max(0, try integer(active)), lanes)
  }

  /// Notes which thread touches which element: lane l of a vector over t threads is thread l % t's; a scalar is read
  /// by all and written by the first. Half bytes go in pairs.
  private func share(
    _ memory: CheckedMemory, _ bits: Int, _ lanes: Int, isWrite: Bool, _ places: some Sequence<Int>
  ) throws {
    if !copies.isEmpty {
      for place in places {
        try copies.check(memory, place * bits / 8..<((place + 1) * bits + 7) / 8, isWrite: isWrite)
      }
    }
    guard let races else { return }
    races.begin()
    for (lane, place) in places.enumerated() {
      let thread = lanes > 1 ? (bits < 8 ? lane / 2 : lane) % kernel.vectorThreads : isWrite ? 0 : nil
      try races.touch(memory, place, bits: bits, by: thread, isWrite: isWrite)
    }
  }

  private func store(_ access: Access, _ value: RegisterValue, active: Expression?) throws {
    let isWord = value.type.scalar == .i16 && access.element.bitWidth == 16
    guard value.type.scalar == access.element.register || isWord else {
      throw MachineFault.Kind.malformed("\(access.buffer) takes no \(value.type.scalar.rawValue)")
    }
    let memory = try self.memory(access.buffer)
    let first = try integer(access.offset)
    let count = try count(active, of: value.type.lanes)
    try checkPacked(access, first, value.type.lanes, active)
    let bits = access.element.bitWidth
    try memory.check(first, count, bits: bits)
    try share(memory, bits, value.type.lanes, isWrite: true, (0..<count).lazy.map { first + $0 })
    for lane in 0..<count {
      try memory.write(
        first + lane, bits: bits, value.bits[lane], flaw: value.flaws?[lane] ?? 0, by: Int32(cell))
    }
  }

  private func checkPacked(_ access: Access, _ first: Int, _ lanes: Int, _ active: Expression?) throws {
    if access.element.bitWidth < 8, lanes > 1, active == nil, first % 2 != 0 {
      throw MachineFault.Kind.misaligned(memory: access.buffer, element: first)
    }
  }

  private func scatter(
    _ access: Access, _ lanes: RegisterValue, _ value: RegisterValue, _ active: Expression?
  ) throws {
    let memory = try self.memory(access.buffer)
    let base = try integer(access.offset)
    let bits = access.element.bitWidth
    let count = try count(active, of: value.type.lanes)
    try share(memory, bits, value.type.lanes, isWrite: true, try (0..<count).map { base + (try offset(lanes, $0)) })
    for lane in 0..<count {
      let at = base + (try offset(lanes, lane))
      try memory.check(at, 1, bits: bits)
      try memory.write(at, bits: bits, value.bits[lane], flaw: value.flaws?[lane] ?? 0, by: Int32(cell))
    }
  }

  private func clear(_ buffer: String, _ first: Int, _ count: Int) throws {
    guard let array = kernel.scratch.first(where: { $0.name == buffer }) else {
      throw MachineFault.Kind.malformed("\(buffer) is not on chip")
    }
    let memory = try self.memory(buffer)
    let bits = 8 * array.type.byteCount
    guard count >= 0 else {
      throw MachineFault.Kind.outOfBounds(
        memory: buffer, first: first, end: first + count, count: memory.count(bits: bits))
    }
    try memory.check(first, count, bits: bits)
    try share(memory, bits, max(2, count), isWrite: true, first..<first + count)
    for at in first..<first + count { try memory.write(at, bits: bits, 0, flaw: 0, by: Int32(cell)) }
  }

  private func offset(_ lanes: RegisterValue, _ lane: Int) throws -> Int {
    if let flaw = lanes.flaws?[lane], let reason = Flaw(rawValue: flaw) { throw MachineFault.Kind.noValue(reason) }
    return Int(Int64(bitPattern: lanes.bits[lane]))
  }

  private func load(_ access: Access, _ type: MachineType, _ active: Expression?) throws -> RegisterValue {
    let memory = try self.memory(access.buffer)
    let first = try integer(access.offset)
    let count = try count(active, of: type.lanes)
    try checkPacked(access, first, type.lanes, active)
    let bits = access.element.bitWidth
    try memory.check(first, count, bits: bits)
    try share(memory, bits, type.lanes, isWrite: false, (0..<count).lazy.map { first + $0 })
    var result = RegisterValue(type, repeating: 0)
    for lane in 0..<count {
      let (code, flaw) = try memory.read(first + lane, bits: bits, by: Int32(cell))
      result.bits[lane] = type.scalar.canonical(access.element.lane(code))
      if flaw != 0 { result.spoil(lane, flaw) }
    }
    return result
  }

  private func gather(
    _ access: Access, _ lanes: RegisterValue, _ type: MachineType, _ active: Expression?
  ) throws -> RegisterValue {
    let memory = try self.memory(access.buffer)
    let base = try integer(access.offset)
    let bits = access.element.bitWidth
    var result = RegisterValue(type, repeating: 0)
    let count = try count(active, of: type.lanes)
    try share(memory, bits, type.lanes, isWrite: false, try (0..<count).map { base + (try offset(lanes, $0)) })
    for lane in 0..<count {
      let at = base + (try offset(lanes, lane))
      try memory.check(at, 1, bits: bits)
      let (code, flaw) = try memory.read(at, bits: bits, by: Int32(cell))
      result.bits[lane] = type.scalar.canonical(access.element.lane(code))
      if flaw != 0 { result.spoil(lane, flaw) }
    }
    return result
  }

  private func raw(_ buffer: String, _ places: [Int], _ type: MachineType) throws -> RegisterValue {
    let memory = try self.memory(buffer)
    let bits = 8 * type.scalar.byteCount
    try share(memory, bits, type.lanes, isWrite: false, places)
    var result = RegisterValue(type, repeating: 0)
    for (lane, place) in places.enumerated() {
      try memory.check(place, 1, bits: bits)
      let (code, flaw) = try memory.read(place, bits: bits, by: Int32(cell))
      result.bits[lane] = type.scalar.canonical(code)
      if flaw != 0 { result.spoil(lane, flaw) }
    }
    return result
  }

  private func element(_ array: RegisterArray, _ indices: [Expression]) throws -> Int {
    guard registerArrays[array.name] != nil else {
      throw MachineFault.Kind.malformed("there are no registers \(array.name)")
    }
    var place = 0
    for (index, extent) in zip(indices, array.extents) {
      let at = try integer(index)
      guard at >= 0, at < extent else {
        throw MachineFault.Kind.registerIndex(array: array.name, index: at, extent: extent)
      }
      place = place * extent + at
    }
    return place
  }

  // MARK: Values

  private func integer(_ expression: Expression) throws -> Int {
    if case .integer(let value, _) = expression { return Int(value) }
    let value = try self.value(expression)
    guard value.type.lanes == 1 else { throw MachineFault.Kind.notUniform(lanes: value.type.lanes) }
    if let flaw = value.flaw(before: 1) { throw MachineFault.Kind.noValue(flaw) }
    return Int(Int64(bitPattern: value.bits[0]))
  }

  private func truth(_ expression: Expression) throws -> Bool { try integer(expression) != 0 }

  private func value(_ expression: Expression, as type: MachineType) throws -> RegisterValue {
    let value = try self.value(expression)
    guard value.type == type else {
      throw MachineFault.Kind.malformed("\(type) expected, \(value.type) came")
    }
    return value
  }

  private func value(_ expression: Expression) throws -> RegisterValue {
    switch expression {
    case .variable(let variable):
      guard let value = variables[variable.name] else {
        throw MachineFault.Kind.malformed("\(variable.name) is read and not set")
      }
      return value
    case .integer(let value, let type):
      return RegisterValue(type, repeating: type.scalar.canonical(UInt64(bitPattern: value)))
    case .float(let bits, let type):
      let value = Double(bitPattern: bits)
      return RegisterValue(
        type, repeating: type.scalar == .f32 ? LaneArithmetic.real(Float(value)) : LaneArithmetic.real(value))
    case .laneNumbers(let lanes): return RegisterValue(MachineType(.i32, lanes), (0..<lanes).map { UInt64($0) })
    case .table(let table):
      return RegisterValue(MachineType(.u8, table.bytes.count), table.bytes.map { UInt64($0) })
    case .apply(let instruction, let operands, let type):
      return try functions.apply(instruction, try operands.map { try value($0) }, type)
    case .broadcast(let inner, let lanes):
      let value = try self.value(inner)
      guard value.type.lanes == 1 else { throw MachineFault.Kind.malformed("a broadcast of several lanes") }
      return RegisterValue(
        value.type.with(lanes: lanes), [UInt64](repeating: value.bits[0], count: lanes),
        value.flaws.map { [UInt8](repeating: $0[0], count: lanes) })
    case .load(let access, let type, let active): return try load(access, type, active)
    case .gather(let access, let lanes, let type, let active):
      return try gather(access, try value(lanes), type, active)
    case .element(let array, let indices):
      let place = try element(array, indices)
      let found = registerArrays[array.name]![place]
      if found.flaw(before: found.type.lanes) == .undefined {
        throw MachineFault.Kind.unwritten(memory: array.name, element: place)
      }
      return found
    case .raw(let buffer, let offset, let type):
      let first = try integer(offset)
      return try raw(buffer, (0..<type.lanes).map { first + $0 }, type)
    case .gatherRaw(let buffer, let offset, let lanes, let type):
      let base = try integer(offset)
      let offsets = try value(lanes)
      return try raw(buffer, try (0..<type.lanes).map { base + (try self.offset(offsets, $0)) }, type)
    case .conditional(let condition, let a, let b): return try value(try truth(condition) ? a : b)
    }
  }
}

extension ElementType {
  /// What a load of a code gives: integers and truth values as such, other formats as they are.
  fileprivate func lane(_ code: UInt64) -> UInt64 {
    switch self {
    case .int32, .int8, .int4: UInt64(bitPattern: Int64(integer(UInt32(truncatingIfNeeded: code))))
    case .bool: code != 0 ? 1 : 0
    case .bfloat16, .float16, .e4m3, .e5m2, .e8m0, .e2m1, .uint8: code
    case .float32: code
    }
  }
}
