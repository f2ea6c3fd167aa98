import TileIR

/// What a step's buffer is for.
public enum BufferKind: String, Hashable, Sendable {
  /// The same in every run.
  case weight
  /// Kept from run to run and written in place.
  case state
  /// Given for every run.
  case input
  /// Handed out after every run.
  case output
  /// Made and used up inside of a run.
  case temporary
}

/// A buffer of a step.
public struct StepBuffer: Hashable, Sendable {
  public let name: String
  public let kind: BufferKind
  public let element: ElementType
  /// Outermost first; row-major and contiguous.
  public let shape: [Size]
  /// What is known of its integers: what the launch that makes it establishes, or, for a buffer that
  /// comes from outside, what its readers ask for and the entry to a run checks.
  public internal(set) var facts: [Fact] = []

  public var elementCount: Size { View.count(shape) }
  /// 4-bit rows start on whole bytes; their last axis is even and fixed.
  public var byteCount: Size {
    (elementCount * element.bitWidth).dividedExactly(by: 8)!
  }
}

/// A contiguous piece of a buffer in row-major order, under axes of its own.
public struct View: Hashable, Sendable {
  /// By position in `Step.buffers`.
  public let buffer: Int
  public let element: ElementType
  public let shape: [Size]
  /// Where it begins, in elements from the buffer's start.
  public let offset: Size

  /// The same elements under other axes; their number must be the same.
  public func shaped(_ shape: [Size]) -> View {
    precondition(
      View.count(shape) == elementCount, "\(self.shape) and \(shape) hold different numbers of elements")
    return View(buffer: buffer, element: element, shape: shape, offset: offset)
  }

  /// Coordinates `first ..< first + count` of the outermost axis.
  public func rows(_ first: Size, count: Size) -> View {
    let row = View.count(Array(shape.dropFirst()))
    return View(
      buffer: buffer, element: element, shape: [count] + shape.dropFirst(),
      offset: offset + row * first)
  }

  /// One coordinate of the outermost axis, without that axis.
  public func row(_ position: Size) -> View {
    rows(position, count: 1).shaped(Array(shape.dropFirst()))
  }

  static func count(_ shape: [Size]) -> Size { shape.reduce(1, *) }

  public var elementCount: Size { View.count(shape) }
  public var byteCount: Size { (elementCount * element.bitWidth).dividedExactly(by: 8)! }
  /// Where it begins, in bytes.
  public var byteOffset: Size { (offset * element.bitWidth).dividedExactly(by: 8)! }
}

/// What a launch passes for one parameter.
public enum StepArgument: Hashable, Sendable {
  case view(View)
  case integer(Size)
  case float(Float)
}

/// Inputs over one axis that describe runs of rows, by position in `Step.buffers`: a program's `Runs`.
public struct StepRuns: Hashable, Sendable {
  public let key: Int
  public let first: Int
  public let counter: Int
  public let count: Int?
}

/// One operator at work on a step's buffers.
public struct StepLaunch: Hashable, Sendable {
  /// By position in `Step.programs`.
  public let program: Int
  /// Where in the model it stands, such as `layers.3.attn`.
  public let scope: String
  /// One for each parameter of the program, in order.
  public let arguments: [StepArgument]
  /// Extents of the program's dimensions that the arguments bind or the builder gave.
  public let extents: [Dimension: Size]
  /// Where the model asked for it.
  public let location: SourceLocation
}

/// A model's step as data: launches over named buffers, in order, with sizes that run numbers decide.
///
/// It knows no target. `StepBuilder` makes it and has checked it: whatever a device does with it, every
/// launch reads what was written and gets what its program asks for.
public struct Step: Hashable, Sendable {
  public let name: String
  public internal(set) var numbers: [RunNumber] = []
  public internal(set) var buffers: [StepBuffer] = []
  /// Each once, whatever the number of launches.
  public internal(set) var programs: [Program] = []
  public internal(set) var launches: [StepLaunch] = []
  /// What launches ask of several inputs together; the entry to a run checks it.
  public internal(set) var runs: [StepRuns] = []

  init(name: String) { self.name = name }

  public func buffer(named name: String) -> Int? { buffers.firstIndex { $0.name == name } }

  /// The program of a launch.
  public func program(of launch: StepLaunch) -> Program { programs[launch.program] }

  /// The launches that touch each buffer: from the first to the last.
  public var lifetimes: [ClosedRange<Int>?] {
    var found = [ClosedRange<Int>?](repeating: nil, count: buffers.count)
    for (number, launch) in launches.enumerated() {
      for case .view(let view) in launch.arguments {
        found[view.buffer] = (found[view.buffer]?.lowerBound ?? number)...number
      }
    }
    return found
  }
}
