import Foundation
import Operators
import Reference
import Testing
import TileIR
import Tiles

/// A launch of an operator on the reference: its arguments and results by name, cut into rows.
struct V4Launch {
  let program: Program
  let arguments: [String: HostTensor]
  let results: [String: HostTensor]

  /// Runs an instance of a library's operator at `extents`, its default ones if nil.
  init(_ name: String, _ instance: String, _ extents: [String: Int]? = nil, seed: UInt64 = 3) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instance(instance))
    let extents = extents ?? instance.shapes[0]
    try self.init(
      instance.kernel(), instance.randomArguments(extents: extents, seed: seed), extents: extents)
  }

  /// Runs `kernel` on given arguments; `extents` binds dimensions that only outputs have.
  init(
    _ kernel: Kernel, _ arguments: [String: HostTensor], extents: [String: Int] = [:]
  ) throws {
    let program = try kernel.program()
    self.program = program
    self.arguments = arguments
    results = try Reference.run(program, arguments.mapValues { .tensor($0) }, extents: program.bound(extents))
  }

  func tensor(_ name: String) throws -> HostTensor {
    try #require(results[name] ?? arguments[name], "\(name)")
  }
  /// A tensor's numbers by rows of its last axis; a state buffer's are those before the launch.
  func rows(_ name: String) throws -> [[Float]] {
    V4Rows.cut(try #require(arguments[name] ?? results[name], "\(name)"))
  }
  func numbers(_ name: String) throws -> [Float] { try rows(name).flatMap { $0 } }
  func integers(_ name: String) throws -> [Int] { try tensor(name).integers }
  func codes(_ name: String) throws -> [UInt32] { try #require(results[name], "\(name)").codes }
  /// What it was given.
  var given: V4Rows { V4Rows(arguments) }
}

/// Tensors by name, cut into rows of their last axis.
struct V4Rows {
  private let tensors: [String: HostTensor]

  init(_ tensors: [String: HostTensor]) { self.tensors = tensors }

  subscript(name: String) -> [[Float]] { Self.cut(tensors[name]!) }

  /// The values of an activation's rows: `name`_codes under `name`_scale for each `group` columns.
  func dequantised(_ name: String, group: Int = 128) -> [[Float]] {
    scaled("\(name)_codes", "\(name)_scale", group: group, tile: 1)
  }

  /// The values of a weight's rows: `name` under `name`_scale for tiles of `tile` x `group`, which begin anew
  /// with each part.
  func dequantised(weight name: String, group: Int, tile: Int) -> [[Float]] {
    scaled(name, "\(name)_scale", group: group, tile: tile)
  }

  private func scaled(_ codes: String, _ scale: String, group: Int, tile: Int) -> [[Float]] {
    let scales = self[scale]
    let part = tensors[codes]!.shape.dropLast().last ?? 1
    return self[codes].enumerated().map { number, row in
      let scaleRow = number / part * ((part + tile - 1) / tile) + number % part / tile
      return row.enumerated().map { $1 * scales[scaleRow][$0 / group] }
    }
  }

  static func cut(_ tensor: HostTensor) -> [[Float]] {
    let (numbers, width) = (tensor.numbers, tensor.shape.last!)
    guard width > 0 else { return [] }
    return stride(from: 0, to: numbers.count, by: width).map { Array(numbers[$0..<$0 + width]) }
  }
}

/// Whether two lists of numbers are the same bit for bit; the first difference is recorded.
func expectSameBits(
  _ found: [Float], _ expected: [Float], _ what: String, location: Testing.SourceLocation = #_sourceLocation
) {
  guard found.count == expected.count else {
    Issue.record("\(what): \(found.count) numbers, not \(expected.count)", sourceLocation: location)
    return
  }
  if let at = found.indices.first(where: { found[$0].bitPattern != expected[$0].bitPattern }) {
    let count = found.indices.count { found[$0].bitPattern != expected[$0].bitPattern }
    Issue.record(
      "\(what): \(count) of \(found.count) differ, first \(at): \(found[at]) instead of \(expected[at])",
      sourceLocation: location)
  }
}
