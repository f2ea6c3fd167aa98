import TileIR

/// Collects the launches of a step while a model's layers run once, and refuses what does not fit.
///
/// The first mistake is kept and thrown by `finish()`, so that layers read as plain Swift and no step with
/// a mistake exists.
public final class StepBuilder {
  private(set) var step: Step
  /// The first mistake; what is launched after it is not looked at.
  public private(set) var mistake: Diagnostic?
  private var scopes: [String] = []
  private var programNumbers: [Program: Int] = [:]
  private var bufferNumbers: [String: Int] = [:]
  /// By buffer: the launch that wrote it.
  private var writers: [Int?] = []

  public init(_ name: String) { step = Step(name: name) }

  /// The finished step, or the first mistake with the line in the model and the one in the operator.
  public func finish() throws(Diagnostic) -> Step {
    if let mistake { throw mistake }
    for (buffer, writer) in zip(step.buffers, writers) where buffer.kind == .output && writer == nil {
      throw Diagnostic("output \(buffer.name) of step \(step.name) is never written", at: [])
    }
    return step
  }

  // MARK: Declarations

  /// A number that every run gives.
  public func number(_ name: String, in range: ClosedRange<Int>) -> Size {
    let number = RunNumber(name, in: range)
    if let known = step.numbers.first(where: { $0.name == name }) {
      if known != number { refuse("run number \(name) has two ranges") }
    } else {
      step.numbers.append(number)
    }
    return Size(number)
  }

  /// A buffer given for every run.
  public func input(_ name: String, _ element: ElementType, _ shape: [Size]) -> View {
    declare(name, .input, element, shape)
  }

  /// A buffer whose contents are the same in every run; asked for again, the same one.
  public func weight(_ name: String, _ element: ElementType, _ shape: [Size]) -> View {
    declare(name, .weight, element, shape)
  }

  /// A buffer kept from run to run; asked for again, the same one.
  public func state(_ name: String, _ element: ElementType, _ shape: [Size]) -> View {
    declare(name, .state, element, shape)
  }

  /// A buffer handed out after every run, to be written by a launch.
  public func output(_ name: String, _ element: ElementType, _ shape: [Size]) -> View {
    declare(name, .output, element, shape)
  }

  private func declare(
    _ name: String, _ kind: BufferKind, _ element: ElementType, _ shape: [Size]
  ) -> View {
    let buffer = StepBuffer(name: name, kind: kind, element: element, shape: shape)
    var number = step.buffers.count
    if let known = bufferNumbers[name] {
      number = known
      let twin = step.buffers[known]
      if twin.kind != kind || twin.element != element || twin.shape != shape {
        refuse("buffer \(name) is \(twin.element.rawValue) \(twin.shape) and \(element.rawValue) \(shape)")
      } else if kind != .weight, kind != .state {
        refuse("buffer \(name) is declared twice")
      }
    } else {
      if element.bitWidth == 4, shape.last?.fixed.map({ $0 % 2 == 0 }) != true {
        refuse("buffer \(name) packs two elements a byte; its last extent is \(shape.last ?? 1)")
      }
      bufferNumbers[name] = number
      step.buffers.append(buffer)
      writers.append(nil)
    }
    return View(buffer: number, element: element, shape: shape, offset: 0)
  }

  /// Everything that `body` launches stands under `name` in the printed step.
  public func scope<T>(_ name: String, _ body: () throws -> T) rethrows -> T {
    scopes.append(name)
    defer { scopes.removeLast() }
    return try body()
  }

  // MARK: Launches

  /// The buffers that a launch wrote.
  public struct Results {
    let views: [String: View]
    fileprivate let fallback: View
    /// What it wrote for a parameter.
    public subscript(name: String) -> View { views[name] ?? fallback }
  }

  /// Adds a launch.
  ///
  /// - Parameters:
  ///   - views: buffers and pieces of buffers by parameter: all but outputs.
  ///   - numbers: integer scalars by parameter.
  ///   - outputs: where outputs go; those that are not named become temporaries.
  ///   - extents: of dimensions that no view has, by name.
  @discardableResult
  public func launch(
    _ program: Program, _ views: [String: View], numbers: [String: Size] = [:],
    floats: [String: Float] = [:], into outputs: [String: View] = [:], extents: [String: Size] = [:],
    file: String = #fileID, line: Int = #line
  ) -> Results {
    let location = SourceLocation(file: file, line: line)
    let fallback = View(buffer: 0, element: .float32, shape: [], offset: 0)
    if mistake != nil { return Results(views: [:], fallback: fallback) }
    var check = LaunchCheck(program: program, location: location)
    do throws(Diagnostic) {
      try check.refuseStrangers(Set(views.keys).union(numbers.keys).union(floats.keys), Set(outputs.keys))
      try check.bind(views.merging(outputs) { view, _ in view }, numbers, extents)
      var arguments: [StepArgument] = []
      var made: [String: View] = [:]
      for (position, parameter) in program.parameters.enumerated() {
        switch parameter.role {
        case .scalar where parameter.element == .float32:
          guard let value = floats[parameter.name] else { throw check.missing(position) }
          arguments.append(.float(value))
        case .scalar:
          guard let value = numbers[parameter.name] else { throw check.missing(position) }
          arguments.append(.integer(value))
        case .output:
          let shape = try check.shape(of: position)
          let view = outputs[parameter.name] ?? temporary(parameter, shape)
          arguments.append(.view(view))
          made[parameter.name] = view
        case .input, .weight, .state:
          guard let view = views[parameter.name] else { throw check.missing(position) }
          arguments.append(.view(view))
        }
      }
      try admit(program, arguments, check)
      for runs in program.runs { try note(runs, arguments, check) }
      step.launches.append(
        StepLaunch(
          program: number(of: program), scope: scopes.joined(separator: "."), arguments: arguments,
          extents: check.extents, location: location))
      return Results(views: made, fallback: fallback)
    } catch {
      mistake = error
      return Results(views: [:], fallback: fallback)
    }
  }

  private func temporary(_ parameter: Parameter, _ shape: [Size]) -> View {
    let name = "\(step.launches.count):" + parameter.name
    return declare(name, .temporary, parameter.element, shape)
  }

  private func number(of program: Program) -> Int {
    if let known = programNumbers[program] { return known }
    step.programs.append(program)
    programNumbers[program] = step.programs.count - 1
    return step.programs.count - 1
  }

  // MARK: Checks against the rest of the step

  /// Takes note of what a launch reads and writes, or says why it may not.
  private func admit(
    _ program: Program, _ arguments: [StepArgument], _ check: LaunchCheck
  ) throws(Diagnostic) {
    var written: [(parameter: Int, view: View)] = []
    for (position, argument) in arguments.enumerated() {
      guard case .view(let view) = argument else { continue }
      let parameter = program.parameters[position]
      let buffer = step.buffers[view.buffer]
      guard (view.offset + view.elementCount).isAtMost(buffer.elementCount), view.offset.range.lowerBound >= 0
      else {
        throw check.refusal(position, "a piece of \(buffer.name) \(buffer.shape)", "one from \(view.offset) on came")
      }
      if parameter.role == .weight, buffer.kind != .weight {
        throw check.refusal(position, "a weight", "\(buffer.kind.rawValue) \(buffer.name) came")
      }
      if program.writes(position) {
        if buffer.kind == .weight || buffer.kind == .input {
          throw check.refusal(position, "a buffer to write", "\(buffer.kind.rawValue) \(buffer.name) came")
        }
        written.append((position, view))
      }
      if parameter.role != .output { try read(view, position, check) }
    }
    for (position, view) in written {
      for (other, argument) in arguments.enumerated() where other != position {
        if case .view(let second) = argument, second.overlaps(view) {
          throw check.refusal(
            position, "a buffer of its own",
            "\(step.buffers[view.buffer].name) came, which is also \(program.parameters[other].name)")
        }
      }
      try write(view, position, check)
    }
  }

  private func read(_ view: View, _ position: Int, _ check: LaunchCheck) throws(Diagnostic) {
    let buffer = step.buffers[view.buffer]
    if buffer.kind == .temporary || buffer.kind == .output, writers[view.buffer] == nil {
      throw check.refusal(position, "a buffer with contents", "\(buffer.name) came, which nothing has written")
    }
    let isWhole = view.elementCount == buffer.elementCount
    for refinement in check.program.parameters[position].refinements {
      guard let fact = Fact(refinement, check.extents) else {
        throw check.refusal(position, "integers bounded by a dimension", "no argument has that dimension")
      }
      let known = buffer.facts.contains {
        $0.implies(fact) && (isWhole || $0.holdsForPieces)
          && (fact != .increasing || view.shape.last == buffer.shape.last)
      }
      if known { continue }
      guard buffer.kind == .input || buffer.kind == .weight, isWhole else {
        throw check.refusal(position, "integers that are \(fact)", "\(buffer.name) came, which is not known to be")
      }
      step.buffers[view.buffer].facts.append(fact)
    }
  }

  /// Inputs that describe runs come from outside as they are, so that the entry to a run can check them.
  private func note(
    _ runs: Runs, _ arguments: [StepArgument], _ check: LaunchCheck
  ) throws(Diagnostic) {
    var buffers: [Int: Int] = [:]
    for position in runs.parameters {
      guard case .view(let view) = arguments[position], step.buffers[view.buffer].kind == .input,
        view.elementCount == step.buffers[view.buffer].elementCount
      else { throw check.refusal(position, "a whole input", "something else came") }
      buffers[position] = view.buffer
    }
    let found = StepRuns(
      key: buffers[runs.key]!, first: buffers[runs.first]!, counter: buffers[runs.counter]!,
      count: runs.count.map { buffers[$0]! })
    if !step.runs.contains(found) { step.runs.append(found) }
  }

  private func write(_ view: View, _ position: Int, _ check: LaunchCheck) throws(Diagnostic) {
    let buffer = step.buffers[view.buffer]
    if buffer.kind == .temporary || buffer.kind == .output, check.program.parameters[position].role == .output {
      guard writers[view.buffer] == nil else {
        throw check.refusal(position, "a buffer that nothing has written", "\(buffer.name) came")
      }
      guard view.elementCount == buffer.elementCount else {
        throw check.refusal(position, "a whole buffer", "a piece of \(buffer.name) came")
      }
      step.buffers[view.buffer].facts = check.program.parameters[position].refinements.compactMap {
        Fact($0, check.extents)
      }
    }
    writers[view.buffer] = step.launches.count
  }

  private func refuse(_ message: String) {
    if mistake == nil { mistake = Diagnostic("step \(step.name): \(message)", at: []) }
  }
}

extension View {
  /// Whether the two may share an element in some run.
  func overlaps(_ other: View) -> Bool {
    buffer == other.buffer && !(offset + elementCount).isAtMost(other.offset)
      && !(other.offset + other.elementCount).isAtMost(offset)
  }
}

extension Program {
  /// Whether a launch writes a parameter's buffer.
  public func writes(_ parameter: Int) -> Bool {
    regions.contains { region in
      region.statements.contains {
        if case .store(parameter, _, _, _) = $0.effect { true } else { false }
      }
    }
  }
}
