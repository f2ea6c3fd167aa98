import Foundation
@testable import Operators
import Testing
import TileIR

/// The rotary tables against mpmath, and against facts that need no other software.
@Suite struct V4RotaryTableTests {
  static let yarn = RotaryTable.Yarn(factor: 16, originalLength: 65536)

  @Test func frequenciesWithoutYarnArePowersOfTheBase() {
    let table = RotaryTable(rotated: 8, base: 10000)
    #expect(table.frequencies == [1, 0.1, 0.01, 0.001])
  }

  @Test func yarnKeepsFastPairsAndDividesSlowOnes() {
    let plain = RotaryTable(rotated: 64, base: 160000).frequencies
    let blended = RotaryTable(rotated: 64, base: 160000, yarn: Self.yarn).frequencies
    // The ramp of the released values runs from pair 15 to pair 25.
    #expect(Array(blended[...15]) == Array(plain[...15]))
    #expect(Array(blended[25...]) == plain[25...].map { $0 / 16 })
    for pair in 16..<25 { #expect(blended[pair] < plain[pair] && blended[pair] > plain[pair] / 16) }
  }

  @Test func anEmptyRampIsAStep() {
    // 20 tokens are a tenth of 32 rotations of the first pair: the ramp begins and ends at pair 0.
    let yarn = RotaryTable.Yarn(factor: 4, originalLength: 20, betaFast: 32, betaSlow: 32)
    let frequencies = RotaryTable(rotated: 4, base: 10000, yarn: yarn).frequencies
    #expect(frequencies[0] == 1 && frequencies[1] == 0.0025)
  }

  @Test func positionZeroIsNoRotation() {
    let (cos, sin) = RotaryTable(rotated: 64, base: 10000).table(of: 0..<1)
    #expect(cos.allSatisfy { $0 == 1 } && sin.allSatisfy { $0.bitPattern == 0 })
  }

  @Test func aRangeIsAPartOfTheWhole() {
    let table = RotaryTable(rotated: 6, base: 10000)
    let (whole, part) = (table.table(of: 0..<9), table.table(of: 4..<7))
    #expect(Array(whole.cos[12..<21]) == part.cos && Array(whole.sin[12..<21]) == part.sin)
  }

  @Test func doubleDoubleRoundsTiesByItsLowPart() {
    let tie = 1 + 0x1p-24
    #expect(DoubleDouble(tie, 0x1p-60).rounded(certainTo: 90) == 1 + 0x1p-23)
    #expect(DoubleDouble(tie, -0x1p-60).rounded(certainTo: 90) == 1)
    #expect(DoubleDouble(tie).rounded(certainTo: 90) == nil)
    #expect(DoubleDouble(2).logarithm.exponential.rounded(certainTo: 90) == 2)
  }

  /// 10000^(2/64) is 1.333521432163324…, which rounds to 1.3335215; its reciprocal is rounded again.
  @Test func everyStepRounds() {
    let table = RotaryTable(rotated: 64, base: 10000)
    #expect(table.frequencies[1] == 1 / (1.333521432163324 as Float))
  }

  @Test(.enabled(if: ProjectPython.isInstalled, "make test installs mpmath"), arguments: [false, true])
  func everyNumberIsTheNearest(_ blended: Bool) throws {
    var source = SplitMix64(seed: 5)
    let positions =
      [1, 2, 3, 299, 65535, 1_048_575]
      + (0..<60).map { Int.random(in: 0..<(1 << ($0 % 20 + 1)), using: &source) }
    let arguments = ["64", blended ? "160000" : "10000"] + positions.map(String.init)
      + (blended ? ["--yarn", "16", "65536", "32", "1"] : [])
    let data = try ProjectPython.output(of: "rotary_table.py", arguments)
    let expected = data.withUnsafeBytes { Array($0.bindMemory(to: UInt32.self)) }
    let table = RotaryTable(rotated: 64, base: blended ? 160000 : 10000, yarn: blended ? Self.yarn : nil)
    var found = table.frequencies
    for position in positions {
      let (cos, sin) = table.table(of: position..<position + 1)
      found += cos + sin
    }
    #expect(found.map(\.bitPattern) == expected)
  }

  /// The slow path agrees with the fast one where the fast one is certain.
  @Test func bothPathsGiveTheSame() {
    var source = SplitMix64(seed: 9)
    for _ in 0..<2000 {
      let angle = Float.random(in: 0..<0x1p20, using: &source)
      let (fast, slow) = (RotaryTable.cosineAndSine(angle), RotaryTable.certainCosineAndSine(angle))
      #expect(fast.cos == slow.cos && fast.sin == slow.sin)
    }
  }
}
