import CUDADriver
import Foundation
import MachineIR
import Operators
import Roofline
import Runtime
import Schedules

/// A folder that `gpu-check pack` wrote.
struct PackedChecks {
  let folder: URL
  let index: CheckIndex
  private let code: PackedCode

  /// Throws where the folder has no index that this program can read.
  init(_ folder: URL) throws {
    let file = folder.appendingPathComponent(CheckIndex.name)
    guard let bytes = try? Data(contentsOf: file) else {
      throw CheckFailure("\(file.path) cannot be read; a folder that `gpu-check pack` wrote is expected")
    }
    do {
      index = try JSONDecoder().decode(CheckIndex.self, from: bytes)
    } catch {
      throw CheckFailure("\(file.path) is no index of `gpu-check pack`: \(error)")
    }
    self.folder = folder
    code = PackedCode(folder: folder)
  }

  /// Carries out all checks; what cannot run is a result of its own. `progress` gets a line for each operator.
  func run(on gpu: CUDADevice, isTimed: Bool, progress: (String) -> Void) throws -> CheckReport {
    let machine = try gpu.driver.target(of: gpu.facts.number)
    var report = CheckReport(
      device: gpu.facts.name, target: machine.name, driver: "CUDA \(gpu.driver.versionText)",
      date: ISO8601DateFormatter().string(from: Date()))
    var last = ""
    func begin(_ name: String, _ what: String) {
      if name != last { progress("\(what) \(name)") }
      last = name
    }
    for check in index.checks {
      begin(check.operator, "checking")
      report.checks.append(result(of: check, machine, gpu))
    }
    if !index.models.isEmpty {
      let device = try Device(gpu, code: code.image)
      for check in index.models {
        progress("running the model, \(check.arithmetic)")
        report.models += PackedModel.results(of: check, in: folder, on: device)
      }
    }
    guard isTimed else { return report }
    let peer = Result { try CuBLAS(on: gpu) }
    if case .failure(let error) = peer { report.cublasError = "\(error)" }
    last = ""
    for timing in index.timings {
      begin(timing.operator, "timing")
      report.timings.append(result(of: timing, machine, gpu, try? peer.get()))
    }
    return report
  }

  private func executable(
    _ name: String, _ instance: String, _ machine: MachineDescription, _ gpu: CUDADevice
  ) throws -> (CUDAExecutable, OperatorInstance) {
    guard let found = OperatorLibrary.named(name)?.instance(instance) else {
      throw CheckFailure("no instance \(instance) of \(name) in this program")
    }
    let plan = try Lowering.plan(found.kernel().program(), for: machine)
    return (try CUDAExecutable(plan: plan, on: gpu, image: code.image(of: plan)), found)
  }

  private func result(
    of check: CheckIndex.Check, _ machine: MachineDescription, _ gpu: CUDADevice
  ) -> CheckReport.CheckResult {
    var result = CheckReport.CheckResult(
      operator: check.operator, instance: check.instance, extents: check.extents)
    do {
      let (executable, instance) = try executable(check.operator, check.instance, machine, gpu)
      guard let kind = InputKind(rawValue: check.kind) else { throw CheckFailure("no kind of inputs \(check.kind)") }
      let launch = try CheckLaunch(instance, check.extents, kind)
      let found = try executable.run(launch.arguments, extents: launch.extents) { _ in }
      result.differing = check.hashes.filter { name, hash in
        found[name].map { ContentHash.digest($0.bytes) != hash } ?? true
      }.keys.sorted()
    } catch {
      result.error = "\(error)"
    }
    return result
  }

  private func result(
    of timing: CheckIndex.Timing, _ machine: MachineDescription, _ gpu: CUDADevice, _ peer: CuBLAS?
  ) -> CheckReport.TimingResult {
    var result = CheckReport.TimingResult(
      operator: timing.operator, instance: timing.instance, extents: timing.extents)
    do {
      let (executable, instance) = try executable(timing.operator, timing.instance, machine, gpu)
      let launch = try CheckLaunch(instance, timing.extents, .ordinary)
      let host = try HostArguments(launch.program, launch.arguments, extents: launch.extents)
      let sizes = LaunchSizes(launch.program, timing.extents)
      // What the compiler reported is not packed: registers do not matter to the floor.
      let leastBytes = Prediction(executable.plan, sizes, resources: { _ in (32, 0) })?.leastBytes ?? 0
      let copies = Self.copies(leastBytes)
      result.microseconds = try 1e3 * Double(
        executable.milliseconds(host.launch, extents: launch.extents, count: Self.launches, copies: copies))
      let bandwidth = 2 * Double(gpu.facts.memoryClock) * 1e3 * Double(gpu.facts.busBits) / 8
      if bandwidth > 0, leastBytes > 0 { result.floorMicroseconds = leastBytes / bandwidth * 1e6 }
      if let peer, let product = timing.product {
        let time = try peer.milliseconds(product.kind, product.shape, count: Self.launches, copies: copies)
        result.cublasMicroseconds = 1e3 * Double(time)
        result.cublasKind = product.kind.rawValue
      }
    } catch {
      result.error = "\(error)"
    }
    return result
  }

  private static let launches = 32

  /// How many places a launch's arguments lie in, so that the second-level cache has forgotten those of a launch when
  /// it is their turn again: four times the 50 MB that an H100 has.
  private static func copies(_ bytes: Double) -> Int {
    bytes > 0 ? max(1, min(launches, Int((200e6 / bytes).rounded(.up)))) : 1
  }
}
