import Foundation
import MachineIR
import Operators
import Reference
import Runtime
import TileIR

/// What a packed folder holds: a launch with known results for each operator, and launches to be timed.
struct CheckIndex: Codable {
  /// Of a small instance: what the reference returned.
  struct Check: Codable {
    let `operator`: String
    let instance: String
    let extents: [String: Int]
    let kind: String
    /// SHA-256 of each output and state.
    let hashes: [String: String]
  }

  /// Of an instance of a model's sizes.
  struct Timing: Codable {
    let `operator`: String
    let instance: String
    let extents: [String: Int]
    /// The product of two matrices that cuBLAS can be timed at in its place, where the operator is one.
    let product: Product?
  }

  struct Product: Codable {
    let kind: CuBLAS.Kind
    let shape: CuBLAS.Shape
  }

  /// The model of the folder in one arithmetic: SHA-256 of each token's logits.
  struct ModelCheck: Codable {
    let arithmetic: String
    let hashes: [String]
  }

  var checks: [Check] = []
  var models: [ModelCheck] = []
  var timings: [Timing] = []

  static let name = "index.json"
}

/// A launch with random arguments, the same on every machine.
struct CheckLaunch {
  static let seed: UInt64 = 7

  let program: Program
  let arguments: [String: TileIR.Argument]
  let extents: [TileIR.Dimension: Int]

  init(_ instance: OperatorInstance, _ extents: [String: Int], _ kind: InputKind) throws {
    let program = try instance.kernel().program()
    self.program = program
    arguments = program.arguments(try instance.randomArguments(extents: extents, kind: kind, seed: Self.seed))
    self.extents = program.bound(extents)
  }

  func hashesByReference() throws -> [String: String] {
    try Reference.run(program, arguments, extents: extents).mapValues { ContentHash.digest($0.bytes) }
  }
}

/// Why a folder cannot be made or used.
struct CheckFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
