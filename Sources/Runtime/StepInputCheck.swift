import Steps
import TileIR

/// What a step's readers ask of the integers of an input, checked where they enter.
final class InputCheck {
  private let buffer: StepBuffer
  private let memory: UnsafeMutableRawPointer
  private let count: CompiledSize
  private let rowLength: CompiledSize
  private let facts: [(fact: Fact, size: CompiledSize)]
  /// For permutations: which integers were seen.
  private var seen: [Bool]

  init(_ buffer: StepBuffer, memory: UnsafeMutableRawPointer, _ numbers: [RunNumber], largest: [Int]) {
    self.buffer = buffer
    self.memory = memory
    count = CompiledSize(buffer.elementCount, numbers)
    rowLength = CompiledSize(buffer.shape.last ?? 1, numbers)
    facts = buffer.facts.map { fact in
      switch fact {
      case .partition(let size), .permutation(let size), .coordinate(let size):
        (fact, CompiledSize(size, numbers))
      case .range, .increasing: (fact, CompiledSize(0, numbers))
      }
    }
    let hasPermutation = buffer.facts.contains { if case .permutation = $0 { true } else { false } }
    seen = hasPermutation ? Array(repeating: false, count: count.value(largest)) : []
  }

  /// Throws what was expected and which element is something else. `numbers` are those of the run.
  func run(_ numbers: [Int]) throws {
    let values = UnsafeRawBufferPointer(start: memory, count: 4 * count.value(numbers))
      .bindMemory(to: Int32.self)
    for (fact, size) in facts { try check(values, fact, size.value(numbers), rowLength.value(numbers)) }
  }

  private func check(_ values: UnsafeBufferPointer<Int32>, _ fact: Fact, _ extent: Int, _ row: Int) throws {
    switch fact {
    case .range(let lower, let upper):
      for at in values.indices where !(lower...upper).contains(Int(values[at])) {
        throw refusal("integers in \(lower)...\(upper)", at, values)
      }
    case .coordinate:
      for at in values.indices where values[at] < 0 || Int(values[at]) >= extent {
        throw refusal("integers in 0..<\(extent)", at, values)
      }
    case .partition:
      guard values.first == 0, values.last.map({ Int($0) == extent }) == true else {
        throw RuntimeError("\(buffer.name): offsets from 0 to \(extent) expected")
      }
      for at in values.indices.dropFirst() where values[at] < values[at - 1] {
        throw refusal("offsets that never decrease", at, values)
      }
    case .permutation:
      for at in values.indices { seen[at] = false }
      for at in values.indices {
        guard values[at] >= 0, Int(values[at]) < values.count, !seen[Int(values[at])] else {
          throw refusal("each of 0..<\(extent) once", at, values)
        }
        seen[Int(values[at])] = true
      }
    case .increasing:
      for at in values.indices where at % max(row, 1) != 0 && values[at] <= values[at - 1] {
        throw refusal("ascending integers along the last axis", at, values)
      }
    }
  }

  private func refusal(_ expected: String, _ at: Int, _ values: UnsafeBufferPointer<Int32>) -> RuntimeError {
    RuntimeError("\(buffer.name): \(expected) expected, element \(at) is \(values[at])")
  }
}
