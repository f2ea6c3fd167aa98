import ArgumentParser
import AscendDriver
import CUDADriver
import DynamicLibrary
import Foundation
import MachineIR
import Proofs
import Runtime

/// `tessera doctor`: what this machine has of what Tessera uses.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Check what this machine has of what Tessera uses.",
    discussion: """
      Each line is a thing, whether it is there, and what to do where it is not. Status 1 means that operators \
      cannot be run here; what is only missed by tests or measurements does not change it.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let findings = Finding.all()
    print(json ? try tessera.json(findings) : columns(findings.map { ["[\($0.state.rawValue)]", $0.thing, $0.detail] }))
    if findings.contains(where: { $0.state == .failed }) { throw ExitCode.failure }
  }
}

/// One thing that was looked for.
struct Finding: Encodable {
  enum State: String, Encodable {
    case ok
    /// Something is lost, and operators still run.
    case missing
    /// Operators cannot run.
    case failed
  }

  let thing: String
  let state: State
  let detail: String

  static func all() -> [Finding] {
    [targets, threads, memory, compiler, cache, gpuCompiler, gpuDriver, npuDriver, mpfr, z3, emulator]
  }

  private static var targets: Finding {
    do {
      let best = try MachineDescription.host
      let here = MachineDescription.cpus.filter(\.runsHere).map(\.name)
      return Finding(thing: "targets", state: .ok, detail: "\(best.name) is used; runs \(here.joined(separator: ", "))")
    } catch {
      return Finding(thing: "targets", state: .failed, detail: "\(error)")
    }
  }

  private static var threads: Finding {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let setting = ProcessInfo.processInfo.environment["TESSERA_THREADS"]
    if let setting, Int(setting) == nil {
      return Finding(
        thing: "threads", state: .missing,
        detail: "TESSERA_THREADS is \(setting), which is no number; \(count(cores, "core")) are used")
    }
    return Finding(
      thing: "threads", state: .ok,
      detail: "\(ThreadPool.shared.threads), on \(count(cores, "core"))" + (setting == nil ? "" : ", by TESSERA_THREADS"))
  }

  private static var memory: Finding {
    let memory = HostMemory.current
    return Finding(
      thing: "memory", state: .ok,
      detail: "\(bytesText(memory.totalBytes)), \(bytesText(memory.availableBytes)) available")
  }

  private static var compiler: Finding {
    do {
      let clang = try Clang.find()
      return Finding(thing: "clang", state: .ok, detail: "\(try clang.version()), \(clang.path)")
    } catch {
      return Finding(thing: "clang", state: .failed, detail: "\(error)")
    }
  }

  private static var cache: Finding {
    let cache = KernelCache.standard
    // A folder that does not exist yet is made where its nearest parent can be written.
    var place = cache.folder
    while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
      place.deleteLastPathComponent()
    }
    guard FileManager.default.isWritableFile(atPath: place.path) else {
      return Finding(
        thing: "cache", state: .missing,
        detail: "\(place.path) cannot be written: set TESSERA_CACHE to a folder that can")
    }
    let files = (try? FileManager.default.contentsOfDirectory(
      at: cache.folder, includingPropertiesForKeys: [.fileSizeKey])) ?? []
    let objects = files.filter { $0.pathExtension == "so" }
    let bytes = objects.reduce(0) { $0 + ((try? $1.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0) }
    return Finding(
      thing: "cache", state: .ok,
      detail: "\(count(objects.count, "compiled kernel")), \(bytesText(bytes)), in \(cache.folder.path)")
  }

  private static var gpuCompiler: Finding {
    guard let compiler = try? NVRTC.standard.get() else {
      return Finding(thing: "NVRTC", state: .missing, detail: "Scripts/bootstrap test; compiles kernels for GPUs")
    }
    return Finding(thing: "NVRTC", state: .ok, detail: "\(compiler.version), \(compiler.path)")
  }

  private static var gpuDriver: Finding {
    switch CUDADriver.standard {
    case .success(let driver):
      let devices = driver.devices.map { device in
        "cuda:\(device.number) is \(device.name), compute capability \(device.capability), "
          + bytesText(device.memoryBytes)
      }
      return Finding(
        thing: "NVIDIA driver", state: .ok,
        detail: "CUDA \(driver.versionText), \(driver.path); " + devices.joined(separator: "; "))
    case .failure(.noDriver):
      return Finding(thing: "NVIDIA driver", state: .missing, detail: "none here; runs kernels on GPUs")
    case .failure(let error):
      return Finding(thing: "NVIDIA driver", state: .missing, detail: "\(error)")
    }
  }

  private static var npuDriver: Finding {
    switch AscendDriver.standard {
    case .success(let driver):
      return Finding(
        thing: "AscendCL", state: .ok, detail: "\(count(driver.deviceCount, "chip")), \(driver.chip), \(driver.path)")
    case .failure(.noLibrary):
      return Finding(thing: "AscendCL", state: .missing, detail: "none here; runs kernels on Ascend chips")
    case .failure(let error):
      return Finding(thing: "AscendCL", state: .missing, detail: "\(error)")
    }
  }

  private static var mpfr: Finding {
    library("MPFR", ["libmpfr.so.6", "libmpfr.so"], "apt-get install libmpfr6; judges elementary functions in tests")
  }

  private static var z3: Finding {
    guard let solver = Z3.standard else {
      return Finding(
        thing: "Z3", state: .missing, detail: "Scripts/bootstrap test; finds what is wrong with refused operators")
    }
    return Finding(thing: "Z3", state: .ok, detail: "\(solver.version), \(solver.path)")
  }

  private static func library(_ thing: String, _ names: [String], _ hint: String) -> Finding {
    if let library = try? DynamicLibrary(named: names) {
      return Finding(thing: thing, state: .ok, detail: library.path)
    }
    return Finding(thing: thing, state: .missing, detail: hint)
  }

  private static var emulator: Finding {
    let name = "qemu-aarch64"
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let path = folders.map { "\($0)/\(name)" }.first(where: FileManager.default.isExecutableFile(atPath:))
    return Finding(
      thing: name, state: path == nil ? .missing : .ok,
      detail: path ?? "apt-get install qemu-user; runs aarch64 kernels in tests")
  }
}
