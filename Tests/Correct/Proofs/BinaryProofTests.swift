@testable import MachineIR
@testable import Proofs
import Testing
import TileIR

/// Linear algebra over F2 decides what layouts of powers of two promise, and nothing that does not hold.
@Suite struct BinaryProofTests {
  private func variable(_ name: String, _ width: Int = 8) -> Word { .variable(name, width: width) }
  private func constant(_ value: UInt64, _ width: Int = 8) -> Word { .constant(value, width: width) }

  /// Whether equal images of two words make them equal.
  private func isInjective(_ map: (Word) -> Word, width: Int = 8) -> Bool {
    let (a, b) = (variable("a", width), variable("b", width))
    return BinaryProof.proves(a .== b, from: [map(a) .== map(b)])
  }

  @Test func injectiveMapsAreFound() {
    #expect(isInjective { $0 ^ ($0 >> 3) })
    #expect(isInjective { ($0 & constant(3)) * constant(64) + ($0 >> 2) })
    #expect(isInjective { .not($0) })
    // Rows of 8 padded to 40 bytes: 32 + 8 times a row below 4, and a column below 8.
    let padded = { (lane: Word) in (lane >> 3) * self.constant(40, 16) + (lane & self.constant(7, 16)) }
    #expect(isInjective({ padded(.extended($0, width: 16, signed: false)) }, width: 5))
  }

  @Test func mapsThatJoinWordsAreNot() {
    #expect(!isInjective { $0 & constant(0x7F) })
    #expect(!isInjective { ($0 << 1) ^ ($0 << 2) })
    #expect(!isInjective { $0 >> 1 })
  }

  @Test func sumsThatCarryAreLeftOpen() {
    // Injective, but no sum of bits: 3 a.
    #expect(!isInjective { $0 * constant(3) })
  }

  @Test func whatIsImpossibleIsFound() {
    let even = variable("a") << 1
    #expect(BinaryProof.proves(even .!= constant(5), from: []))
    #expect(!BinaryProof.proves(even .!= constant(4), from: []))
  }

  /// Random linear maps: the rank says what counting images says.
  @Test func rankAgreesWithCounting() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<200 {
      let images = (0..<6).map { _ in Int(random.next() % 64) & (random.next() % 3 == 0 ? 0x1F : 0x3F) }
      func place(_ lane: Int) -> Int { (0..<6).reduce(0) { lane >> $1 & 1 == 1 ? $0 ^ images[$1] : $0 } }
      let isBijection = Set((0..<64).map(place)).count == 64
      let obligation = LaneLayouts.bijection(
        "test", 64, of: 64, kernel: "k", at: SourceLocation(file: "f", line: 1), place)
      #expect(obligation.map { Prover(solver: nil).decide($0) == .proved(.binary) } == isBijection)
    }
  }

  @Test func operandsOfMatrixProductsAreBijections() {
    for matrices in [LaneLayouts.Matrices.bytes, .halves] {
      for obligation in LaneLayouts.matrices(matrices, kernel: "k", at: SourceLocation(file: "f", line: 1)) {
        #expect(obligation.map { Prover(solver: nil).decide($0) } == .proved(.binary))
      }
    }
  }

  /// Two maps that differ by what is not linear, or leave the matrix, have no such promise.
  @Test func whatIsNotLinearHasNoPromise() {
    let here = SourceLocation(file: "f", line: 1)
    #expect(LaneLayouts.bijection("test", 8, of: 8, kernel: "k", at: here) { ($0 + 1) % 8 } == nil)
    #expect(LaneLayouts.bijection("test", 8, of: 8, kernel: "k", at: here) { 2 * $0 } == nil)
  }

  /// How often a warp's words meet in a bank is 2 to the rank of places less that of banks.
  @Test func bankConflictsAreRanks() {
    var random = SplitMix64(seed: 6)
    for _ in 0..<200 {
      let images = (0..<5).map { _ in Int(random.next() % 1024) & ~(random.next() % 2 == 0 ? 24 : 0) }
      let places = (0..<32).map { lane in (0..<5).reduce(0) { lane >> $1 & 1 == 1 ? $0 ^ images[$1] : $0 } }
      func rank(_ mask: Int) -> Int {
        var system = BinarySystem()
        for image in images {
          var row = BinaryForms.zero
          row[0] = UInt64(image & mask)
          system.add(row)
        }
        return system.rank
      }
      #expect(BankConflicts.of(places, bytes: 4) == .degree(1 << (rank(1023) - rank(31))))
    }
  }
}
