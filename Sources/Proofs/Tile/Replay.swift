import Reference
import TileIR

/// A launch made from a counterexample, for the reference to run: extents, scalars and the elements that
/// the counterexample names; everything else is 0, or as plain as its declaration allows.
public struct Replay: Sendable {
  public let arguments: [String: Argument]
  public let extents: [Dimension: Int]
  private let program: Program

  /// Elements of a buffer that a replay is willing to make.
  private static let mostElements = 1 << 22

  /// Nil where the launch would be too large, or an extent is not known.
  public init?(_ counterexample: Counterexample, of program: Program) {
    self.program = program
    var extents: [Dimension: Int] = [:]
    for dimension in program.dimensions where program.lengths[dimension] == .buffer && dimension.extent == nil
    {
      extents[dimension] = counterexample["|\(dimension.name)|"] ?? dimension.range.lowerBound
    }
    self.extents = extents
    let values = TileValues(program)
    /// A length or bound of these extents; nil where it reads more.
    func value(_ index: Index) -> Int? {
      var terms: [Variable: Term] = [:]
      for (dimension, extent) in extents {
        terms[Variable("|\(dimension.name)|", in: dimension.range)] = .constant(extent)
      }
      guard case .constant(let number) = values.term(index, at: TileSite()).replacing(terms) else {
        return nil
      }
      return number
    }
    var arguments: [String: Argument] = [:]
    for parameter in program.parameters {
      switch parameter.role {
      case .output: continue
      case .scalar where parameter.element == .float32: arguments[parameter.name] = .float(0)
      case .scalar:
        var number = 0
        for case .range(let lower, _) in parameter.refinements { number = lower }
        arguments[parameter.name] = .int(Int32(counterexample[parameter.name] ?? number))
      case .input, .weight, .state:
        var shape: [Int] = []
        for axis in parameter.axes {
          guard let extent = value(.extent(axis)) else { return nil }
          shape.append(extent)
        }
        guard shape.reduce(1, { min($0 * min($1, Self.mostElements), Self.mostElements) }) < Self.mostElements
        else { return nil }
        var tensor = HostTensor(parameter.element, shape)
        Self.fill(&tensor, parameter, value)
        Self.fill(&tensor, parameter.name, counterexample)
        arguments[parameter.name] = .tensor(tensor)
      }
    }
    self.arguments = arguments
  }

  /// What the reference says against the launch; nil where it runs through.
  public func run() -> Diagnostic? {
    do throws(Diagnostic) {
      _ = try Reference.run(program, arguments, extents: extents)
      return nil
    } catch {
      return error
    }
  }

  /// Plain integers that a declaration admits.
  private static func fill(_ tensor: inout HostTensor, _ parameter: Parameter, _ value: (Index) -> Int?) {
    guard parameter.element.isInteger else { return }
    let row = max(1, tensor.shape.last ?? 1)
    for refinement in parameter.refinements {
      switch refinement {
      case .range(let lower, let upper) where lower > 0 || upper < 0:
        for position in 0..<tensor.count { tensor[position] = UInt32(truncatingIfNeeded: lower) }
      case .permutation, .increasing:
        for position in 0..<tensor.count { tensor[position] = UInt32(position % row) }
      case .partition(let dimension):
        if let last = value(.extent(dimension)), tensor.count > 0 { tensor[tensor.count - 1] = UInt32(last) }
      case .range, .coordinate, .below: break
      }
    }
  }

  /// The elements that the counterexample names by plain coordinates: `index[rows]`, `index[3]`.
  private static func fill(_ tensor: inout HostTensor, _ name: String, _ counterexample: Counterexample) {
    for value in counterexample.values where value.name.hasPrefix("\(name)[") && value.name.hasSuffix("]") {
      let list = value.name.dropFirst(name.count + 1).dropLast().split(separator: ", ")
      let places = list.map { Int($0) ?? counterexample[String($0)] }
      guard places.count == tensor.shape.count else { continue }
      var position = 0
      var isInside = true
      for (place, extent) in zip(places, tensor.shape) {
        guard let place, place >= 0, place < extent else {
          isInside = false
          break
        }
        position = position * extent + place
      }
      if isInside { tensor[position] = UInt32(truncatingIfNeeded: value.value) & tensor.element.mask }
    }
  }
}
