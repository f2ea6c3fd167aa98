import DeviceModel
import Foundation
import Proofs
import Runtime
import Testing

@testable import Export

/// Probes ask what they say, of the device model and of stand-ins for chips, and their answers are read
/// strictly.
@Suite("Probes of a chip", .serialized) struct ProbeTests {
  /// The given words of a probe.
  private func given(_ probe: Probe) -> [UInt32] {
    stride(from: 0, to: probe.given.count, by: 4).map { at in
      (0..<4).reduce(0) { $0 | UInt32(probe.given[at + $1]) << UInt32(8 * $1) }
    }
  }

  @Test func theModelAnswersAlikeWheneverPipesGoOn() throws {
    let early = try ProbeAnswers.modelled()
    for order in [PipeOrder.late, .shuffled(seed: 5)] {
      #expect(try ProbeAnswers.modelled(order: order).words == early.words)
    }
    #expect(Set(early.words.keys) == Set(Probe.supposed.map(\.name)))
    // Words differ, but for sums that are all the same.
    for (name, words) in early.words { #expect((Set(words).count > 1) == (name != "overflow"), "\(name)") }
  }

  /// What is supposed, written down once more.
  @Test func theModelsAnswersAreWhatTheAssumptionsSay() throws {
    let answers = try ProbeAnswers.modelled().words
    func floats(_ words: ArraySlice<UInt32>) -> [Float] { words.map { Float(bitPattern: $0) } }
    for probe in [Probe.rounding, .subnormals] {
      let (a, b) = (floats(given(probe)[..<64]), floats(given(probe)[64...]))
      let found = try #require(answers[probe.name])
      #expect(floats(found[..<64]) == zip(a, b).map { $0 + $1 })
      #expect(floats(found[64..<128]) == zip(a, b).map { $0 - $1 })
    }
    let triples = given(.comparisons)
    let (a, b) = (floats(triples[..<64]), floats(triples[64..<128]))
    let relations: [(Float, Float) -> Bool] = [(<), (<=), (==), (!=), (>), (>=)]
    var ones: [UInt32] = []
    for holds in relations { ones += zip(a, b).map { holds($0, $1) ? 0x3f80_0000 : 0 } }
    #expect(answers["comparisons"] == ones)
    let integers = given(.integers)
    #expect(
      answers["integers"].map { Array($0[..<64]) } == (0..<64).map { integers[$0] &+ integers[64 + $0] })
    let repeated = given(.repeated)
    let sums = (0..<128).map { repeated[8 + $0 % 64] &+ repeated[72 + $0] }
    let ofBlock = (0..<128).map { repeated[8 + $0 % 8] &+ repeated[72 + $0] }
    let ofEach = (0..<128).map { (at: Int) -> UInt32 in
      let place = 8 + at / 64 * 8 + at % 8
      return repeated[place] &+ repeated[72 + at]
    }
    let copies = (0..<128).map { repeated[$0 % 8] }
    #expect(answers["repeated"] == copies + sums + ofBlock + ofEach)
    let bytes = Probe.layouts.given.map { Int32(Int8(bitPattern: $0)) }
    let products = (0..<32 * 48).map { (at: Int) -> UInt32 in
      let (row, column) = (at / 48 * 96, (32 + at % 48) * 96)
      var sum: Int32 = 0
      for k in 0..<96 { sum += bytes[row + k] * bytes[column + k] }
      return UInt32(bitPattern: sum)
    }
    #expect(answers["layouts"] == products)
    #expect(answers["overflow"] == [UInt32](repeating: UInt32(truncatingIfNeeded: 2100 << 20), count: 256))
    #expect(answers["narrow"]?[0] == 0xeeee_00ee | UInt32(Probe.narrow.given[0]) << 8)
  }

  /// Halves are added in ways that differ in what they return, so that an answer names one.
  @Test func measurementsTellChipsApart() throws {
    let supposed = try ProbeAnswers.modelled()
    let chips = [
      (
        true, 16, "rounds once in 64, twice in 0",
        "16 products at a time, exactly added to a float, which is rounded"
      ),
      (
        false, 1, "rounds once in 0, twice in 64",
        "one product after the other added to a float, which is rounded"
      ),
    ]
    for (isFused, width, multiplyAdd, products) in chips {
      let folder = try TemporaryFolder()
      let place = URL(fileURLWithPath: folder.file("package"))
      try PackageFolder(place.path).write(AscendPackage.probes().files)
      let built = try AscendCLStandIn(
        place, instructions: ChipInstructions.text(isFused: isFused, width: width))
      let outcome = try built.check()
      #expect(outcome.status == 0 && outcome.errors == "", "\(outcome.errors)\(outcome.output)")
      #expect(outcome.output.hasSuffix("asked: half_products\nwrote answers.json\n"))
      let file = try Data(contentsOf: place.appendingPathComponent("answers.json"))
      let answers = try ProbeAnswers(file: "answers.json", Array(file))
      // What the reader takes is what is written here too.
      #expect(answers.json == String(decoding: file, as: UTF8.self))
      let verdict = ProbeVerdict(answers, supposed: supposed)
      #expect(verdict.failing == [] && verdict.chip == "a stand-in")
      let text = verdict.text
      #expect(text.contains(multiplyAdd) && text.contains("half_products  measured: \(products)"), "\(text)")
      #expect(!text.contains("; or "), "\(text)")
      #expect(text.contains("exponential    measured: correctly rounded in 64 of 64, at most 0 floats away"))
      #expect(text.contains(/division       measured: correctly rounded in \d+ of 64, at most 1 floats away/))
    }
  }

  @Test func aDifferenceNamesWhatItSpeaksAgainst() throws {
    let supposed = try ProbeAnswers.modelled()
    let measured = Probe.measured.map { ($0.name, [UInt32](repeating: 0, count: $0.count)) }
    let whole = supposed.words.merging(measured) { $1 }
    #expect(ProbeVerdict(ProbeAnswers(chip: "x", words: whole), supposed: supposed).failing == [])
    for probe in Probe.supposed {
      var words = whole
      words[probe.name]![7] ^= 0x10
      let verdict = ProbeVerdict(ProbeAnswers(chip: "x", words: words), supposed: supposed)
      #expect(Set(verdict.failing) == Set(probe.assumptions), "\(probe.name)")
      #expect(verdict.text.contains("1 of \(probe.count) words differ, first 7: "), "\(verdict.text)")
      for assumption in probe.assumptions {
        #expect(verdict.text.contains("fails: \(assumption.rawValue): "))
      }
    }
    // Everything that is supposed is asked or named as what no probe can confirm.
    #expect(Set(Probe.unanswered) == [.completesOutOfOrder, .raisesWhenDone, .scalarsInOrder])
  }

  @Test func filesAreReadStrictly() throws {
    let words = Probe.all.map { ($0.name, [UInt32](repeating: 5, count: $0.count)) }
    let good = ProbeAnswers(chip: "a \"chip\"", words: Dictionary(uniqueKeysWithValues: words)).json
    #expect(try ProbeAnswers(file: "f", Array(good.utf8)).chip == "a \"chip\"")
    let cases: [(String, String, String)] = [
      (
        "probes 1\"", "probes 2\"",
        "f: format: \"tessera ascend probes 1\" expected, \"tessera ascend probes 2\" found"
      ),
      ("\"chip\"", "\"ship\"", "f: ship: format, chip or answers expected, another key found"),
      ("\"wide\"", "\"wider\"", "f: answers.wider: one of rounding, "),
      ("\"stored\": \"00000005 ", "\"stored\": \"", "f: answers.stored: 64 words expected, 63 found"),
      (
        "\"stored\": \"00000005 ", "\"stored\": \"0000000G ",
        "f: answers.stored: words of 8 hexadecimal digits expected, \"0000000G\" found"
      ),
      (
        "\"stored\": \"00000005 ", "\"stored\": \"00000005  ",
        "f: answers.stored: words of 8 hexadecimal digits expected, \"\" found"
      ),
      ("\"wide\"", "\"stored\"", "f: JSON that a package of probes writes expected, "),
      ("  \"chip\": \"a \\\"chip\\\"\",\n", "", "f: chip: a value expected, none found"),
      ("}\n}\n", "}\n", "f: JSON that a package of probes writes expected, "),
      ("\"chip\": \"a", "\"chip\": 3, \"x\": \"a", "f: JSON that a package of probes writes expected, "),
    ]
    for (from, to, message) in cases {
      let bad = good.replacingOccurrences(of: from, with: to)
      #expect(bad != good, "\(from)")
      #expect { try ProbeAnswers(file: "f", Array(bad.utf8)) } throws: { "\($0)".hasPrefix(message) }
    }
    let some = ProbeAnswers(chip: "c", words: ["wide": [UInt32](repeating: 0, count: 64)]).json
    #expect { try ProbeAnswers(file: "f", Array(some.utf8)) } throws: {
      "\($0)" == "f: answers.rounding: 320 words expected, none found"
    }
  }
}
