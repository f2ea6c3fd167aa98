import CTesseraShims
import Foundation

/// A program of the device model that stays alive and does one launch after the other, on memory that it shares
/// with this process: nothing is copied. Without checks; memory faults are still reported.
///
/// Not for several threads at once.
public final class DeviceSession {
  public enum Argument {
    /// An address in the shared memory.
    case pointer(UnsafeRawPointer?)
    case integer(Int64)
    case float(Float)
  }

  private let program: DeviceProgram
  private let memory: SharedMemory
  private let folder: ScratchFolder
  private let job: UnsafeMutableRawPointer
  private var child: Int32 = 0
  private var launches: UInt32 = 0

  private static let mostArguments = 256
  private static let reportPlace = 8 * DeviceJob.headWords
  private static let mailboxPlace = reportPlace + 8 * DeviceJob.reportWords * DeviceJob.reportLimit
  private static let jobBytes = mailboxPlace + 16 + 8 * (5 + 3 * mostArguments)

  /// Starts the program. `workers` processes share the blocks of each grid.
  ///
  /// Throws where it cannot be started.
  public init(
    _ program: DeviceProgram, memory: SharedMemory, order: DeviceOrder = .ascending, chip: DeviceChip, workers: Int
  ) throws {
    precondition(!program.isChecked, "a session checks nothing")
    self.program = program
    self.memory = memory
    folder = try ScratchFolder()
    let (orderNumber, seed) = order.words
    let words: [Int64] = [
      0, 0, 0, 0, orderNumber, seed, 0, Int64(workers), Int64(chip.blockLength), Int64(chip.fractionBits),
      Int64(chip.leastExponent), Int64(chip.sharedBytes), Int64(Self.reportPlace), Int64(DeviceJob.reportLimit), 0, 0,
      Int64(Self.mailboxPlace), Int64(memory.place), Int64(SharedMemory.byteCount), 0,
    ]
    var bytes = words.withUnsafeBytes { Data($0) }
    bytes.append(Data(count: Self.jobBytes - bytes.count))
    let file = folder.file("job")
    try bytes.write(to: file)
    guard let job = tessera_map_file(file.path, UInt64(Self.jobBytes)) else {
      throw DeviceModelError("cannot map \(file.path): \(String(cString: strerror(errno)))")
    }
    self.job = job
    let command = program.host.emulator.map { [$0, program.file.path] } ?? [program.file.path]
    let arguments = command.map { strdup($0) }
    defer { arguments.forEach { free($0) } }
    let error = tessera_start_process(
      command[0], arguments.map { UnsafePointer($0) } + [nil], file.path, memory.file, folder.file("messages").path,
      &child)
    guard error == 0 else {
      tessera_unmap(job, UInt64(Self.jobBytes))
      throw DeviceModelError("cannot run \(command[0]): \(String(cString: strerror(error)))")
    }
  }

  deinit {
    if child != 0 {
      var status: Int32 = 0
      if tessera_has_ended(child, 0, &status) == 0 {
        (box + 8).storeBytes(of: 1, as: UInt32.self)
        tessera_post(word(0), launches &+ 1)
        if !hasEnded(within: 2) {
          tessera_kill(child)
          _ = tessera_has_ended(child, 1, &status)
        }
      }
    }
    tessera_unmap(job, UInt64(Self.jobBytes))
  }

  private func hasEnded(within seconds: Double) -> Bool {
    var status: Int32 = 0
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      if tessera_has_ended(child, 0, &status) != 0 { return true }
      usleep(200)
    }
    return false
  }

  private var box: UnsafeMutableRawPointer { job + Self.mailboxPlace }
  /// 0 is the request, 1 the answer.
  private func word(_ number: Int) -> UnsafeMutablePointer<UInt32> {
    (box + 4 * number).assumingMemoryBound(to: UInt32.self)
  }

  /// Does one launch and waits for its end.
  ///
  /// Throws `DeviceModelError` where the launch fits no kernel, or with the reports of a fault; then the session is
  /// at its end.
  public func run(_ kernel: Int, grid: Int, block: Int, sharedBytes: Int, _ arguments: [Argument]) throws {
    guard child != 0 else { throw DeviceModelError("a launch after a fault in the device model") }
    precondition(arguments.count <= Self.mostArguments, "\(arguments.count) arguments")
    let words = (box + 16).assumingMemoryBound(to: Int64.self)
    (words[0], words[1], words[2]) = (Int64(kernel), Int64(grid), Int64(block))
    (words[3], words[4]) = (Int64(sharedBytes), Int64(arguments.count))
    for (number, argument) in arguments.enumerated() {
      let (kind, value): (Int64, Int64) =
        switch argument {
        case .pointer(let pointer): (3, Int64(Int(bitPattern: pointer)))
        case .integer(let value): (1, value)
        case .float(let value): (2, Int64(value.bitPattern))
        }
      let at = words + 5 + 3 * number
      (at[0], at[1], at[2]) = (kind, value, 0)
    }
    launches &+= 1
    tessera_post(word(0), launches)
    while tessera_await(word(1), launches, 100) == 0 {
      var status: Int32 = 0
      if tessera_has_ended(child, 0, &status) != 0 {
        child = 0
        throw try failure(kernel, status)
      }
    }
  }

  /// Why the program ended.
  private func failure(_ kernel: Int, _ status: Int32) throws -> DeviceModelError {
    let name = program.kernels[kernel]
    let head = job.assumingMemoryBound(to: Int64.self)
    let reports = (0..<Int(head[15])).map { number in
      (0..<DeviceJob.reportWords).map { head[DeviceJob.headWords + DeviceJob.reportWords * number + $0] }
    }
    if reports.contains(where: { $0[0] == DeviceReport.mismatchKind }) {
      return DeviceModelError("a launch of \(name) does not fit its parameters")
    }
    guard !reports.isEmpty else { return DeviceProgram.failure(status, "a launch of \(name)") }
    let places = try LineTable(
      program, Set(reports.flatMap { $0[9...10] }.filter { $0 != 0 }.map { UInt64($0) }).sorted(), in: folder)
    let lines = reports.compactMap { DeviceReport($0, kernel: name, places).map { "\n  \($0)" } }
    return DeviceModelError("the device model reports of \(name):\(lines.joined())")
  }
}
