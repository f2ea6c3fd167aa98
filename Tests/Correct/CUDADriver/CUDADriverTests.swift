import CUDADriver
import DynamicLibrary
import Foundation
import Testing

@Suite("NVIDIA's driver", .enabled(if: CompiledLibrary.isPossible, "no clang on PATH"))
struct CUDADriverTests {
  // MARK: What is refused

  @Test("no driver, an old one, one without a device: each says what to do")
  func unusable() throws {
    let absent = try #require(StandInDriver.refusal(of: "/nonexistent/libcuda.so.1"))
    #expect("\(absent)".contains("set TESSERA_CUDA to the path of libcuda.so.1"))
    #expect("\(absent)".contains("/nonexistent/libcuda.so.1"))

    let old = try StandInDriver(version: 12040)
    #expect(old.refusal() == .oldDriver(found: 12040, needed: 13000, library: old.library.path))
    #expect("\(old.refusal()!)".contains("is a driver for CUDA 12.4; CUDA 13.0 or newer expected"))

    let empty = try StandInDriver(devices: 0)
    #expect(empty.refusal() == .noDevice(library: empty.library.path))
    let without = try StandInDriver(devices: 0, initialised: 100)
    #expect(without.refusal() == .noDevice(library: without.library.path))
    let broken = try StandInDriver(initialised: 999)
    #expect(broken.refusal() == .call(function: "cuInit", name: "CUDA_ERROR_UNKNOWN", text: "unknown error"))
  }

  @Test("a library that lacks a function is no driver")
  func foreign() throws {
    let library = try CompiledLibrary("libforeign.so", source: "int cuInit(unsigned x) { return 0; }")
    #expect {
      _ = try CUDADriver(environment: ["TESSERA_CUDA": library.path])
    } throws: { error in
      "\(error)".contains("no symbol cuDriverGetVersion in \(library.path)")
    }
  }

  @Test("a device that is not there is refused with those that are")
  func unknownDevice() throws {
    let driver = try StandInDriver(devices: 2).driver()
    #expect { try driver.facts(of: 2) } throws: {
      "\($0)" == "no device cuda:2: cuda:0 to cuda:1 are here"
    }
    let one = try StandInDriver().driver()
    #expect { try CUDADevice(1, of: one) } throws: { "\($0)" == "no device cuda:1: only cuda:0 is here" }
  }

  @Test("too much memory is refused with what was needed and what is free", arguments: [false, true])
  func outOfMemory(isManaged: Bool) throws {
    let driver = try StandInDriver(memory: 4096).driver()
    let device = try CUDADevice(0, of: driver)
    let first = try device.allocate(byteCount: 3000, isManaged: isManaged)
    #expect { try device.allocate(byteCount: 2000, isManaged: isManaged) } throws: {
      $0 as? CUDAError == .outOfMemory(needed: 2000, free: 1096, total: 4096, device: "Stand-in")
    }
    withExtendedLifetime(first) {}
    #expect("\(CUDAError.outOfMemory(needed: 9 << 30, free: 1 << 30, total: 8 << 30, device: "H200"))"
      == "H200 is out of memory: 9216 MiB needed, 1024 MiB of 8192 MiB free")
  }

  @Test("what is no machine code and a kernel that is not in it are refused")
  func foreignImage() throws {
    let device = try CUDADevice(0, of: StandInDriver().driver())
    #expect { try Self.module(of: [0x20, 1], on: device) } throws: {
      "\($0)".contains("cuModuleLoadData: CUDA_ERROR_INVALID_IMAGE")
    }
    let module = try Self.module(on: device)
    #expect { try module.kernel("scael") } throws: {
      "\($0)".contains("cuModuleGetFunction scael: CUDA_ERROR_NOT_FOUND")
    }
  }

  // MARK: What is done

  @Test("the driver's word on its devices is kept")
  func facts() throws {
    let driver = try StandInDriver(version: 13020, devices: 2).driver()
    #expect(driver.version == 13020)
    #expect(driver.devices.map(\.number) == [0, 1])
    let facts = try driver.facts(of: 1)
    #expect(facts.name == "Stand-in")
    #expect(facts.capability == .init(9, 0))
    #expect((facts.multiprocessors, facts.memoryBytes, facts.sharedBytesPerBlock) == (132, 1 << 20, 227 << 10))
  }

  @Test("copies and kernels of a device that is as late as it may be give what was asked for")
  func launch() throws {
    let standIn = try StandInDriver()
    try Self.scale(on: CUDADevice(0, of: standIn.driver()))
    let held = try DynamicLibrary(named: [standIn.library.path])
    #expect(try held.symbol("held", as: (@convention(c) () -> CInt).self)() == 0)
    #expect(try held.symbol("held_bytes", as: (@convention(c) () -> CUnsignedLong).self)() == 0)
  }

  private static func scale(on device: CUDADevice) throws {
    let kernel = try module(on: device).kernel("scale")
    #expect(try kernel.residentBlocks(threads: 128, sharedBytes: 100 << 10) == 16)
    let memory = try device.allocate(byteCount: 12)
    try [Float(1), 2, 3].withUnsafeBytes { try memory.write($0) }
    try launch(kernel, memory, by: 3, sharedBytes: 100 << 10)
    #expect(try floats(memory) == [3, 6, 9])
    try memory.fill(0)
    #expect(try floats(memory) == [0, 0, 0])
    // No blocks are no launch, and nothing can be had and given back.
    try kernel.launch(blocks: 0, threads: 1, sharedBytes: 0, arguments: UnsafeMutableRawPointer(bitPattern: 8)!, at: [])
    _ = try device.allocate(byteCount: 0)
  }

  @Test("managed memory is the host's too, between waits")
  func managed() throws {
    let device = try CUDADevice(0, of: StandInDriver().driver())
    let memory = try device.allocate(byteCount: 12, isManaged: true)
    let values = UnsafeMutableRawBufferPointer(start: memory.pointer, count: 12).bindMemory(to: Float.self)
    _ = values.update(fromContentsOf: [1, 2, 3])
    try Self.launch(Self.module(on: device).kernel("scale"), memory, by: 2)
    try device.synchronise()
    #expect(Array(values) == [2, 4, 6])
    #expect(try device.allocate(byteCount: 12).pointer == nil)
  }

  @Test("a recorded graph does what it holds each time it is launched, and nothing while it is recorded")
  func graph() throws {
    let device = try CUDADevice(0, of: StandInDriver().driver())
    let kernel = try Self.module(on: device).kernel("scale")
    let memory = try device.allocate(byteCount: 12)
    try [Float(1), 2, 3].withUnsafeBytes { try memory.write($0) }
    let graph = try CUDAGraph(on: device) {
      try Self.launch(kernel, memory, by: 2)
      try Self.launch(kernel, memory, by: 5)
    }
    #expect(try Self.floats(memory) == [1, 2, 3])
    try graph.launch()
    #expect(try Self.floats(memory) == [10, 20, 30])
    try graph.launch()
    try graph.launch()
    #expect(try Self.floats(memory) == [1000, 2000, 3000])
  }

  @Test("a failure while a graph is recorded leaves the stream as it was")
  func brokenGraph() throws {
    let device = try CUDADevice(0, of: StandInDriver().driver())
    #expect { _ = try CUDAGraph(on: device) { try device.synchronise() } } throws: {
      "\($0)".contains("cuStreamSynchronize: CUDA_ERROR_NOT_PERMITTED")
    }
    try device.synchronise()
  }

  @Test("the time between two moments is the driver's")
  func events() throws {
    let device = try CUDADevice(0, of: StandInDriver().driver())
    let (start, end) = (try CUDAEvent(on: device), try CUDAEvent(on: device))
    try start.record()
    try end.record()
    #expect(try end.milliseconds(since: start) == 0.5)
  }

  // MARK: Helpers

  private static func module(of image: [UInt8] = [0x7f], on device: CUDADevice) throws -> CUDAModule {
    try image.withUnsafeBytes { bytes in try CUDAModule(bytes, on: device) }
  }

  /// Launches `scale` over all of the memory, with arguments whose bytes are gone when it is carried out.
  private static func launch(
    _ kernel: CUDAKernel, _ memory: CUDAMemory, by factor: Float, sharedBytes: Int = 0
  ) throws {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: 24, alignment: 8)
    defer { bytes.deallocate() }
    bytes.storeBytes(of: memory.address, as: UInt64.self)
    bytes.storeBytes(of: Int64(memory.byteCount / 4), toByteOffset: 8, as: Int64.self)
    bytes.storeBytes(of: factor, toByteOffset: 16, as: Float.self)
    try kernel.launch(blocks: 1, threads: 128, sharedBytes: sharedBytes, arguments: bytes, at: [0, 8, 16])
  }

  private static func floats(_ memory: CUDAMemory) throws -> [Float] {
    var values = [Float](repeating: -1, count: memory.byteCount / 4)
    try values.withUnsafeMutableBytes { try memory.read(into: $0) }
    return values
  }
}
