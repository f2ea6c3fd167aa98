import Foundation
import Testing

@testable import tessera

/// What is made of samples; nothing here is timed.
@Suite struct BenchReportTests {
  @Test func bestAndMedian() {
    #expect(Samples(seconds: [3, 1, 2]).best == 1)
    #expect(Samples(seconds: [3, 1, 2]).median == 2)
    #expect(Samples(seconds: [4, 1, 2, 9]).median == 3)
    #expect(Samples(seconds: []).best == .infinity)
    #expect(Samples(seconds: []).median == .infinity)
  }

  @Test func figuresAreWorkOverSeconds() {
    let contender = Contender("x", work: 12) {}
    #expect(
      contender.figure(Samples(seconds: [3, 6, 4])) == Figure(name: "x", best: 4, median: 3))
  }

  /// Every contender runs in every round, in turns, after its two runs that are not counted.
  @Test func contendersRunInTurns() throws {
    var calls = ""
    func contender(_ name: String) -> Contender {
      Contender(name, work: 1) {
        calls += name
        Thread.sleep(forTimeInterval: 0.005)
      }
    }
    let samples = try Contest(leastRounds: 3, seconds: 0).samples([contender("a"), contender("b")])
    #expect(samples.map(\.seconds.count) == [3, 3])
    #expect(calls == "aabb" + "ab" + "ab" + "ab")
  }

  @Test func pausedContendersRunOnceMore() throws {
    var runs = 0
    let slow = Contender("slow", work: 1) {
      runs += 1
      Thread.sleep(forTimeInterval: 0.005)
    }
    _ = try Contest(leastRounds: 2, seconds: 0, pause: 0.001).samples([slow])
    #expect(runs == 2 + 2 * 2)
  }

  private func row(
    _ ours: Double, _ peers: [Double], unit: String = "Gop/s", _ requirement: Requirement? = nil
  ) -> BenchRow {
    BenchRow(
      "a row", unit: unit, ours: Figure(name: "tessera", best: ours, median: ours / 2),
      peers: peers.map { Figure(name: "peer \(Int($0))", best: $0, median: $0) }, requirement)
  }

  @Test func theBestPeerCounts() {
    let measured = row(90, [80, 120, 100], .ratio(atLeast: 0.75))
    #expect(measured.peer?.name == "peer 120")
    #expect(measured.ratio == 0.75)
    #expect(measured.isMet == true)
    #expect(row(89, [120], .ratio(atLeast: 0.75)).isMet == false)
  }

  @Test func requirementsOfFigures() {
    #expect(row(100, [], .figure(atLeast: 100)).isMet == true)
    #expect(row(99, [], .figure(atLeast: 100)).isMet == false)
    #expect(row(0.3, [], .figure(atMost: 0.3)).isMet == true)
    #expect(row(0.31, [], .figure(atMost: 0.3)).isMet == false)
  }

  /// Without a peer a ratio is neither met nor missed.
  @Test func missingPeersDecideNothing() {
    #expect(row(99, [], .ratio(atLeast: 0.85)).isMet == nil)
    #expect(row(99, [100]).isMet == nil)
  }

  @Test(arguments: [
    (0, "0"), (0.04217, "0.0422"), (0.5, "0.500"), (1.234, "1.23"), (98.76, "98.8"), (416.4, "416"),
    (12345, "12345"), (-0.5, "-0.500"), (.infinity, "-"), (.nan, "-"),
  ])
  func threeDigits(_ value: Double, _ text: String) {
    #expect(BenchReport.digits(value) == text)
  }

  @Test func tableIsAligned() {
    let table = BenchReport.table([
      row(90, [120], .ratio(atLeast: 0.85)), row(0.2, [], unit: "s", .figure(atMost: 0.3)), row(7, []),
    ])
    #expect(
      table == """
        | measurement | tessera           | peer               | ratio | required  |        |
        |-------------|-------------------|--------------------|-------|-----------|--------|
        | a row       | 90.0 (45.0) Gop/s | peer 120 120 (120) | 0.75  | ≥ 0.85    | missed |
        | a row       | 0.200 (0.100) s   |                    |       | ≤ 0.300 s | met    |
        | a row       | 7.00 (3.50) Gop/s |                    |       |           |        |
        """)
  }

  private var report: BenchReport {
    BenchReport(
      machine: BenchMachine(
        processor: "Chip (R) 9000, family 1 model 2", target: "cpu-avx512", cores: 2, coreCache: 1 << 20,
        lastLevelCache: 32 << 20, memory: 24_000_000_000, system: "A system", compiler: "clang 21", load: 0.1),
      date: "2026-01-02", command: "tessera bench", peers: ["OpenBLAS 1"], remarks: ["A remark"],
      rows: [row(90, [120], .ratio(atLeast: 0.85))])
  }

  @Test func filesAreNamedByDateProcessorAndTarget() {
    #expect(report.fileName == "2026-01-02-chip-r-9000-family-1-model-2-cpu-avx512")
  }

  @Test func pageNamesWhatAReaderNeeds() {
    let page = report.markdown
    for part in [
      "Chip (R) 9000", "2 cores", "1024 KiB", "32 MiB", "24 GB", "cpu-avx512", "clang 21", "OpenBLAS 1",
      "`tessera bench`", "- A remark", "| a row ",
    ] {
      #expect(page.contains(part), "\(part)")
    }
  }

  @Test func jsonComesBackAndShowsTheVerdict() throws {
    let text = try tessera.json(report)
    #expect(try JSONDecoder().decode(BenchReport.self, from: Data(text.utf8)) == report)
    #expect(text.contains("\"isMet\" : false"))
    #expect(text.contains("\"ratio\" : 0.75"))
  }

  @Test func writingGivesAPageAndJSON() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let files = try report.write(into: folder)
    #expect(files.map(\.pathExtension) == ["json", "md"])
    #expect(try String(contentsOf: files[1], encoding: .utf8) == report.markdown)
  }

  @Test(arguments: [("32768K", 32 << 20), ("1M", 1 << 20), ("2G", 2 << 30), ("512", 512), ("x", nil), ("", nil)])
  func cacheSizes(_ text: String, _ bytes: Int?) {
    #expect(CacheSizes.bytes(text) == bytes)
  }

  @Test func measurementsHaveNamesOfTheirOwn() {
    #expect(Set(Benchmark.all.map(\.name)).count == Benchmark.all.count)
  }

  @Test func anUnknownFilterIsRefused() throws {
    let outcome = try Command.run("tessera", ["bench", "--filter", "linear_fp5"])
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("no measurement linear_fp5"))
  }
}
