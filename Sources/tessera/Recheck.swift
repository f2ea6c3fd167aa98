import ArgumentParser
import Foundation
import Proofs
import Runtime
import Synchronization

/// Certificates put to another solver: every query must answer `unsat`.
struct Recheck {
  let folder: String
  /// A program's name or path.
  let solver: String

  func run() throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let files = names.filter { $0.hasSuffix(".smt2") }.sorted()
    guard !files.isEmpty else { throw Refusal("no certificates (.smt2) in \(folder)") }
    // Solvers work beside one another, a file each.
    let line = ProgressLine(isQuiet: false)
    let done = Mutex(0)
    let results = concurrently(files.count) { number in
      let checked = try check(files[number])
      done.withLock {
        $0 += 1
        line.show("certificates", $0, of: files.count)
      }
      return checked
    }
    line.clear()
    let checked = try results.map { try $0.get() }
    let confirmed = checked.reduce(0) { $0 + $1.confirmed }
    let total = checked.reduce(0) { $0 + $1.total }
    let problems = checked.compactMap(\.problem)
    print("\(solver) confirms \(confirmed) of \(total) obligations in \(files.count) certificates")
    for problem in problems { print(problem) }
    if !problems.isEmpty { throw ExitCode.failure }
  }

  private struct Checked {
    let confirmed: Int
    let total: Int
    let problem: String?
  }

  private func check(_ name: String) throws -> Checked {
    let file = URL(fileURLWithPath: folder).appendingPathComponent(name)
    guard let count = Certificate.queryCount(of: try String(contentsOf: file, encoding: .utf8)) else {
      return Checked(confirmed: 0, total: 0, problem: "\(name) is no certificate")
    }
    let answers = try self.answers(to: file)
    let agreed = answers.count { $0 == "unsat" }
    guard answers.count != count || agreed != count else {
      return Checked(confirmed: agreed, total: count, problem: nil)
    }
    let other = answers.enumerated().filter { $0.element != "unsat" }.prefix(3)
    let list = other.map { "query \($0.offset + 1) answers \($0.element)" }.joined(separator: ", ")
    return Checked(
      confirmed: agreed, total: count, problem: "\(name): \(agreed) of \(count) queries confirmed; \(list)")
  }

  /// What the solver prints for each query.
  private func answers(to file: URL) throws -> [Substring] {
    let isCVC5 = solver.hasSuffix("cvc5")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // A query that takes longer than 20 s is not confirmed.
    let options = isCVC5 ? ["--incremental", "--lang=smt2", "--tlimit-per=20000"] : ["-smt2", "-t:20000"]
    process.arguments = [solver] + options + [file.path]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if process.terminationStatus == 127 {
      throw Refusal("no program \(solver): install it (Debian has cvc5 and z3) or give its path")
    }
    return text.split(separator: "\n")
  }
}
