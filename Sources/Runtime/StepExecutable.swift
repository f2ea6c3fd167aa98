import Foundation
import Steps
import TileIR

/// A step on a device: compiled, its weights laid out, its temporaries in one arena, every launch bound
/// ahead. A run allocates and compiles nothing.
///
/// Not for several threads at once.
public final class StepExecutable {
  public let step: Step
  public let device: Device
  /// The most that a run may give for each of the step's numbers.
  public let largest: [Int]
  private var numbers: [Int]
  private let arena: AlignedMemory
  /// Inputs and outputs, by buffer.
  private let areas: [AlignedMemory?]
  private let bases: [TensorView]
  private let launches: [BoundLaunch]
  private let prepared: [Executable.PreparedWeights?]
  private let workspaceArea: AlignedMemory
  private let scratch: ThreadScratch
  private let inputChecks: [InputCheck]

  /// Compiles the step's programs and binds everything.
  ///
  /// - Parameters:
  ///   - largest: the most that any run gives for each run number, by name; the upper end of its range
  ///     where it is not named.
  ///   - memory: where a weight or a state lies. It must stay in place while the step is in use; a weight
  ///     must keep its contents.
  ///   - progress: told what is being done, from several threads.
  public init(
    _ step: Step, on device: Device, largest: [String: Int] = [:],
    progress: @escaping @Sendable (Device.Progress) -> Void = { _ in },
    memory: (StepBuffer) throws -> TensorView
  ) throws {
    self.step = step
    self.device = device
    let largest = step.numbers.map { largest[$0.name] ?? $0.range.upperBound }
    self.largest = largest
    numbers = largest
    try device.compile(step.programs, progress: progress)

    let plan = StepArena(step, numbers: largest)
    let arena = try device.memory(plan.byteCount)
    self.arena = arena
    var areas: [AlignedMemory?] = []
    var bases: [TensorView] = []
    for (number, buffer) in step.buffers.enumerated() {
      let shape = buffer.shape.map { CompiledSize($0, step.numbers).value(largest) }
      switch buffer.kind {
      case .weight, .state:
        areas.append(nil)
        let view = try Self.accept(try memory(buffer), for: buffer, shape)
        bases.append(try device.resident(view, isWritten: buffer.kind == .state, buffer.name))
      case .input, .output:
        let area = try device.memory(HostTensor.byteCount(of: buffer.element, shape))
        memset(area.pointer, 0, area.byteCount)
        areas.append(area)
        bases.append(TensorView(buffer.element, area.pointer, shape: shape))
      case .temporary:
        areas.append(nil)
        bases.append(
          TensorView(buffer.element, plan.offsets[number].map { arena.pointer + $0 }, shape: shape))
      }
    }
    self.areas = areas
    self.bases = bases

    let places = try step.launches.map { try Self.places(of: $0, step, largest, bases) }
    let work = try Self.workspaces(step, device, largest, places)
    let workspaceArea = try device.memory(work.byteCount)
    self.workspaceArea = workspaceArea
    var launches: [BoundLaunch] = []
    var prepared: [Executable.PreparedWeights?] = []
    for (number, launch) in step.launches.enumerated() {
      let executable = device.executable(step.programs[launch.program])
      let weights = try device.prepare(
        executable, BoundLaunch.arguments(launch, step, largest, places[number]))
      prepared.append(weights)
      let workspaces = work.offsets[number].enumerated().map { position, offset in
        weights?.memory[position]?.pointer ?? workspaceArea.pointer + offset
      }
      launches.append(
        try BoundLaunch(
          launch, of: step, executable, largest: largest, places: places[number], workspaces: workspaces))
      progress(.laidOut(number + 1, of: step.launches.count))
    }
    self.launches = launches
    self.prepared = prepared
    let bytes = launches.map { $0.scratchBytes() }.max() ?? 0
    scratch = try ThreadScratch(threads: device.pool.threads, byteCount: bytes)
    inputChecks = step.buffers.enumerated().compactMap { number, buffer in
      guard buffer.kind == .input, !buffer.facts.isEmpty else { return nil }
      return InputCheck(buffer, memory: bases[number].pointer!, step.numbers, largest: largest)
    }
    for (number, buffer) in step.buffers.enumerated() where buffer.kind == .weight && !buffer.facts.isEmpty {
      try InputCheck(buffer, memory: bases[number].pointer!, step.numbers, largest: largest).run(largest)
    }
  }

  // MARK: Runs

  /// Sets a run number for the runs that follow.
  public func set(_ name: String, to value: Int) {
    guard let position = step.numbers.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("step \(step.name) has no run number \(name)")
    }
    numbers[position] = value
  }

  /// Runs every launch in order.
  ///
  /// Run numbers beyond `largest` and inputs that break what their readers ask for are refused before
  /// anything runs. Throws the message of a failed assertion. `observe` is told the number of each launch
  /// that is done, when buffers hold what it wrote. `by` may do a launch in the device's place, by the
  /// reference for one, and give its outputs and states; a launch for which it gives nil is the device's.
  public func run(
    threads: Int? = nil, by substitute: ((HostLaunch) throws -> [String: HostTensor]?)? = nil,
    observe: ((Int) throws -> Void)? = nil
  ) throws {
    var run = try begin(threads: threads)
    guard substitute != nil || observe != nil else {
      let threads = run.threads
      return try device.backend.run(self, numbers) {
        for launch in launches { try launch.run(numbers, threads: threads, scratch: scratch) }
      }
    }
    while let launch = try run.advance(by: substitute) { try observe?(launch.number) }
  }

  /// A run that is carried forward launch by launch; refused as `run` is.
  public func begin(threads: Int? = nil) throws -> StepRun {
    for (position, number) in step.numbers.enumerated() {
      guard number.range.lowerBound <= numbers[position], numbers[position] <= largest[position] else {
        throw RuntimeError(
          "step \(step.name) runs with \(number.range.lowerBound) to \(largest[position]) \(number.name), "
            + "\(numbers[position]) given")
      }
    }
    for check in inputChecks { try check.run(numbers) }
    for runs in step.runs { try check(runs) }
    return StepRun(self, threads: min(threads ?? device.pool.threads, device.pool.threads))
  }

  /// Does a launch of a run and waits for it.
  func launch(_ position: Int, threads: Int) throws {
    do {
      try launches[position].run(numbers, threads: threads, scratch: scratch)
    } catch {
      // What was asked for before is not left for the next run.
      try? device.backend.finish()
      throw error
    }
    try device.backend.finish()
  }

  private func check(_ runs: StepRuns) throws {
    let rows = CompiledSize(step.buffers[runs.key].elementCount, step.numbers).value(numbers)
    let here = SourceLocation(file: #fileID, line: #line)
    let buffers = Runs(
      key: runs.key, first: runs.first, counter: runs.counter, count: runs.count, location: here)
    func element(_ buffer: Int, _ row: Int) -> Int {
      Int(areas[buffer]!.pointer.load(fromByteOffset: 4 * row, as: Int32.self))
    }
    if let violation = buffers.violation(rows: rows, element) {
      throw RuntimeError(
        "\(step.buffers[violation.parameter].name): \(violation.expected) expected, "
          + "element \(violation.row) is \(element(violation.parameter, violation.row))")
    }
  }

  // MARK: Contents

  /// The memory of an input, as long as the largest run needs it; zeros until it is written.
  public func input(_ name: String) -> UnsafeMutableRawBufferPointer {
    let number = position(of: name, .input)
    return UnsafeMutableRawBufferPointer(start: areas[number]!.pointer, count: areas[number]!.byteCount)
  }

  /// The memory of an output; the run's numbers say how much of it counts.
  public func output(_ name: String) -> UnsafeRawBufferPointer {
    let number = position(of: name, .output)
    return UnsafeRawBufferPointer(start: areas[number]!.pointer, count: areas[number]!.byteCount)
  }

  /// What a view holds, at the numbers of the last run: a temporary is right between the launch that
  /// writes it and the last that reads it.
  public func contents(of view: View) -> HostTensor {
    let place = place(of: view)
    let size = HostTensor.byteCount(of: view.element, place.shape)
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { memory, done in
      place.visitRows { byte, count in
        memcpy(memory.baseAddress! + done, place.pointer! + byte, count)
        done += count
      }
    }
    return HostTensor(view.element, place.shape, bytes: bytes)
  }

  /// Puts a tensor of a view's type and shape in its place.
  func replace(_ view: View, by tensor: HostTensor) {
    let place = place(of: view)
    precondition(
      tensor.element == view.element && tensor.shape == place.shape,
      "\(view.element.rawValue) \(place.shape) expected, \(tensor.element.rawValue) \(tensor.shape) came")
    tensor.bytes.withUnsafeBytes { bytes in
      var done = 0
      place.visitRows { byte, count in
        (place.pointer! + byte).copyMemory(from: bytes.baseAddress! + done, byteCount: count)
        done += count
      }
    }
  }

  /// Where a view lies at the numbers of the last run. Only whole buffers have strides of their own.
  func place(of view: View) -> TensorView {
    let base = bases[view.buffer]
    let shape = view.shape.map { value(of: $0) }
    if base.shape == shape { return base }
    let offset = value(of: view.byteOffset)
    return TensorView(view.element, base.pointer.map { $0 + offset }, shape: shape)
  }

  /// A size at the numbers of the last run.
  func value(of size: Size) -> Int { CompiledSize(size, step.numbers).value(numbers) }

  private func position(of name: String, _ kind: BufferKind) -> Int {
    guard let number = step.buffer(named: name), step.buffers[number].kind == kind else {
      preconditionFailure("step \(step.name) has no \(kind.rawValue) \(name)")
    }
    return number
  }

  /// Bytes of the arena of temporaries and of workspaces.
  public var temporaryBytes: Int { arena.byteCount + workspaceArea.byteCount }
}

// MARK: Binding

extension StepExecutable {
  /// Memory that the caller gives for a weight or a state, if it is what the step says.
  private static func accept(_ view: TensorView, for buffer: StepBuffer, _ shape: [Int]) throws -> TensorView
  {
    guard view.element == buffer.element, view.shape == shape else {
      throw RuntimeError(
        "\(buffer.name): \(buffer.element.rawValue) \(shape) expected, \(view.element.rawValue) \(view.shape) came"
      )
    }
    return view
  }

  /// Where each argument of a launch lies.
  private static func places(
    of launch: StepLaunch, _ step: Step, _ largest: [Int], _ bases: [TensorView]
  ) throws -> [BoundLaunch.Place?] {
    try launch.arguments.map { argument in
      guard case .view(let view) = argument else { return nil }
      let base = bases[view.buffer]
      let shape = view.shape.map { CompiledSize($0, step.numbers).value(largest) }
      let offset = CompiledSize(view.byteOffset, step.numbers)
      if base.shape == shape { return BoundLaunch.Place(view: base, offset: offset) }
      let whole = TensorView(base.element, base.pointer, shape: base.shape)
      guard whole.strides == base.strides else {
        throw RuntimeError("\(step.buffers[view.buffer].name) has strides of its own and is used in pieces")
      }
      let start = offset.isFixed ? base.pointer.map { $0 + offset.value([]) } : base.pointer
      return BoundLaunch.Place(view: TensorView(view.element, start, shape: shape), offset: offset)
    }
  }

  /// Offsets of every launch's workspaces in one area: launches follow one another, so all begin at 0.
  private static func workspaces(
    _ step: Step, _ device: Device, _ largest: [Int], _ places: [[BoundLaunch.Place?]]
  ) throws -> (offsets: [[Int]], byteCount: Int) {
    var most = 0
    var offsets: [[Int]] = []
    for (number, launch) in step.launches.enumerated() {
      let executable = device.executable(step.programs[launch.program])
      let numbers = try BoundLaunch.numbers(launch, step, executable, largest, places[number])
      var total = 0
      var own: [Int] = []
      for (size, workspace) in zip(executable.host.workspaceSizes, executable.plan.workspaces) {
        own.append(total)
        if workspace.prepares == nil { total += (size.value(numbers) + 63) / 64 * 64 }
      }
      offsets.append(own)
      most = max(most, total)
    }
    return (offsets, most)
  }
}
