import ElementaryOracle
import Foundation
import MachineIR
import Synchronization
import TileIR

/// Runs one compiled function over its inputs in order of value.
struct Sweep: Sendable {
  let promise: ElementaryPromise
  let machine: MachineDescription
  let threads: Int
  /// Ranges of places in the order of value.
  let ranges: [Range<Int>]

  static let allPlaces = 0..<(1 << 32)

  /// The bits of the float at a place: NaN of negative sign, -infinity up to +infinity, NaN.
  static func bits(at place: Int) -> UInt32 {
    let key = UInt32(place)
    return key >> 31 == 0 ? ~key : key & 0x7FFF_FFFF
  }

  /// The place of a float.
  static func place(of x: Float) -> Int {
    let bits = x.bitPattern
    return Int(bits >> 31 == 1 ? ~bits : bits | 0x8000_0000)
  }

  /// Every input, or about `sample` of them: short runs spread evenly, and a run around each special place.
  init(
    _ promise: ElementaryPromise, on machine: MachineDescription, threads: Int, sample: Int?
  ) {
    self.promise = promise
    self.machine = machine
    self.threads = threads
    let count = CompiledFunction.capacity - 1
    guard let sample else {
      ranges = stride(from: 0, to: Self.allPlaces.upperBound, by: count).map {
        $0..<min($0 + count, Self.allPlaces.upperBound)
      }
      return
    }
    let run = 1024
    let special = promise.specialValues.map { Self.place(of: $0.x) }
      + [-0.0, 0, 0x1p-126, -0x1p-126, 1, -1].map { Self.place(of: $0) }
    let runs = max(1, sample / run)
    let step = Self.allPlaces.upperBound / runs
    let spread = (0..<runs).map { $0 * step + step / 2 }
    ranges = (special + spread).map {
      max(0, $0 - run / 2)..<min(Self.allPlaces.upperBound, $0 + run / 2)
    }
  }

  /// Judges every input of the ranges; `progress` gets the share that is done, from several threads.
  func run(_ progress: @escaping @Sendable (Double) -> Void) throws -> Findings {
    let next = Atomic<Int>(0)
    let total = Mutex(Result<Findings, any Error>.success(Findings()))
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      let part = Result<Findings, any Error> {
        let compiled = try CompiledFunction(promise.function, on: machine)
        var findings = Findings()
        while true {
          let number = next.add(1, ordering: .relaxed).oldValue
          guard number < ranges.count else { return findings }
          try judge(ranges[number], compiled, &findings)
          progress(Double(number + 1) / Double(ranges.count))
        }
      }
      total.withLock { sum in
        sum = Result {
          var merged = try sum.get()
          merged.merge(try part.get())
          return merged
        }
      }
    }
    return try total.withLock { try $0.get() }
  }

  private func judge(
    _ range: Range<Int>, _ compiled: CompiledFunction, _ findings: inout Findings
  ) throws {
    // The neighbour below comes along, so that directions are checked across ranges too.
    let start = max(range.lowerBound - 1, 0)
    let count = range.upperBound - start
    for i in 0..<count { compiled.arguments[i] = Self.bits(at: start + i) }
    try compiled.evaluate(count)
    findings.inputs += range.count
    let (arguments, results) = (compiled.arguments, compiled.results)
    let canonical = Float.nan.bitPattern
    for i in (range.lowerBound - start)..<count {
      let (xBits, yBits) = (arguments[i], results[i])
      let (x, y) = (Float(bitPattern: xBits), Float(bitPattern: yBits))
      if x.isNaN {
        if yBits != canonical { findings.noteNaN(Evaluation(x: xBits, y: yBits, error: .infinity)) }
        continue
      }
      let exact = promise.isDefined(x) ? promise.approximate(Double(x)) : .nan
      let error = UlpError.of(y, against: exact)
      if error >= findings.threshold, error > 0 {
        findings.note(Evaluation(x: xBits, y: yBits, error: error))
      }
    }
    for (pieces, isRising) in [(promise.rises, true), (promise.falls, false)] {
      for piece in pieces {
        let lower = max(Self.place(of: piece.lowerBound) - start, 0) + 1
        let upper = min(Self.place(of: piece.upperBound) - start, count - 1)
        guard lower <= upper else { continue }
        var previous = Float(bitPattern: results[lower - 1])
        for i in lower...upper {
          let y = Float(bitPattern: results[i])
          if isRising ? previous > y : previous < y {
            findings.noteReversal(Evaluation(x: arguments[i], y: results[i], error: 0))
          }
          previous = y
        }
      }
    }
  }
}
