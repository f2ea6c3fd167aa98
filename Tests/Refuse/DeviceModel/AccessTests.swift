import DeviceModel
import Foundation
import Testing

/// Planted faults of single accesses.
@Suite struct AccessTests {
  private static let scale = PlantedFault(
    """
    __device__ __forceinline__ float twice(const float *from) {
      return *from * 2.0f;  // @inner
    }
    extern "C" __global__ void scale(const float *x, float *y, int n) {
      extern __shared__ __align__(16) unsigned char tessera_shared[];
      float *s = (float *)tessera_shared;
      const int i = blockIdx.x * blockDim.x + threadIdx.x;
      s[threadIdx.x] = 0;  // @store
      // Scale.swift:4
      if (i < n) s[threadIdx.x] = twice(x + i);  // @load
      __syncthreads();
      if (i < n) y[i] = s[threadIdx.x];  // @write
      const float4 *rows = (const float4 *)x;  // @rows
      if (i < n / 4) y[i] += rows[i].x + rows[i].w;  // @row
    }
    """, DeviceLaunch("scale", grid: 2, block: 64, sharedBytes: 256, [.buffer(0), .buffer(1), .integer(100)]),
    [.floats(100), .undefined(400)])

  @Test func readingOneElementTooFar() throws {
    try Self.scale.expect(
      .outOfBounds, replacing: "if (i < n) s[threadIdx.x] = twice", by: "if (i <= n) s[threadIdx.x] = twice", line: "load",
      where: { report in
        report.memory == .buffer(0) && report.offset == 400 && report.party.block == 1 && report.party.thread == 36
          && report.party.place?.lines.count == 2 && report.party.place?.note == "Scale.swift:4"
      })
  }

  @Test func writingOneElementTooFar() throws {
    try Self.scale.expect(
      .outOfBounds, replacing: "if (i < n) y[i]", by: "if (i < n) y[i + 1]", line: "write",
      where: { $0.memory == .buffer(1) && $0.offset == 400 })
    try Self.scale.expect(
      .outOfBounds, replacing: "if (i < n) y[i]", by: "if (i < n) y[i - 1]", line: "write",
      where: { $0.memory == .buffer(1) && $0.offset == -4 })
  }

  @Test func leavingSharedMemory() throws {
    try Self.scale.expect(
      .outOfBounds, replacing: "s[threadIdx.x] = 0;  // @store", by: "s[threadIdx.x + 1] = s[threadIdx.x] = 0;  // @store",
      line: "store", where: { $0.memory == .shared && $0.offset == 256 })
  }

  @Test func leavingEverything() throws {
    try Self.scale.expect(
      .outOfBounds, replacing: "y[i] = s[threadIdx.x];  // @write", by: "*(float *)(4 * i + 64ul) = 1;  // @write", line: "write",
      where: { $0.memory == nil && $0.offset >= 64 })
  }

  @Test func aVectorOffItsBoundary() throws {
    try Self.scale.expect(
      .misaligned, replacing: "rows[i].x + rows[i].w;  // @row",
      by: "((const float4 *)(x + 4 * i + 1))->x;  // @row", line: "row", where: { $0.memory == .buffer(0) })
  }

  @Test func readingSharedMemoryThatHoldsNothing() throws {
    try Self.scale.expect(
      .undefined, replacing: "s[threadIdx.x] = 0;  // @store", by: "if (i < n) s[threadIdx.x] = s[threadIdx.x] + 1;  // @store",
      line: "store", where: { $0.memory == .shared })
  }

  @Test func readingAnOutputThatHoldsNothing() throws {
    try Self.scale.expect(
      .undefined, replacing: "y[i] = s[threadIdx.x];  // @write", by: "y[i] += s[threadIdx.x];  // @write", line: "write",
      where: { $0.memory == .buffer(1) })
  }

  @Test func writingAnInput() throws {
    try Self.scale.expect(
      .readOnly, replacing: "if (i < n) y[i] = s[threadIdx.x];  // @write",
      by: "if (i < n) y[i] = s[threadIdx.x], ((float *)x)[i] = 1;  // @write", line: "write", where: { $0.memory == .buffer(0) })
  }

  @Test func operandsWithoutMeaning() throws {
    try Self.scale.expect(
      .undefinedOperand, replacing: "s[threadIdx.x] = 0;", by: "s[threadIdx.x] = __byte_perm(i, n, 0x3218);", line: "store")
  }

  @Test func whatTheProcessorRefuses() throws {
    try Self.scale.expect(
      .trapped, replacing: "s[threadIdx.x] = 0;", by: "s[threadIdx.x] = 0; if (i == 70) __trap();", line: "store",
      where: { $0.party.thread == 6 && $0.party.block == 1 })
  }

  @Test func tooMuchLocalMemory() throws {
    let source = """
      extern "C" __global__ void fill(int *y) {
        volatile char local[2000000];
        for (int i = 0; i < 2000000; i += 1000) local[i] = 1;
        y[0] = local[1000];
      }
      """
    for isChecked in [true, false] {
      let found = try PlantedFault.reports(
        on: source, DeviceLaunch("fill", grid: 1, block: 64, [.buffer(0)]), [.undefined(4)], order: .ascending,
        isChecked: isChecked)
      #expect(found.map(\.kind) == [.stackOverflow], "\(found)")
    }
  }

  /// Without checks, pages stop what leaves a buffer or writes an input.
  @Test func whatIsSeenWithoutChecks() throws {
    func found(_ right: String, _ wrong: String) throws -> [DeviceReport] {
      let fault = Self.scale
      return try PlantedFault.reports(
        on: fault.source.replacingOccurrences(of: right, with: wrong), fault.launch, fault.buffers, order: .ascending,
        isChecked: false)
    }
    #expect(try found("none", "none").isEmpty)
    let far = try found("twice(x + i)", "twice(x + i + 4096)")
    #expect(far.map(\.kind) == [.outOfBounds])
    #expect(far.first?.memory == .buffer(0) && far.first?.party.place?.line == 10)
    let input = try found("y[i] = s[threadIdx.x];  // @write", "y[i] = s[threadIdx.x], ((float *)x)[i] = 1;")
    #expect(input.map(\.kind) == [.readOnly])
    #expect(input.first?.memory == .buffer(0))
  }

  /// A fault in one process ends the others.
  @Test func whatOneOfSeveralProcessesMeets() throws {
    let source = """
      extern "C" __global__ void fill(int *y) {
        y[blockIdx.x] = 1;
        if (blockIdx.x == 77) __trap();
      }
      """
    let outcome = try PlantedFault.compiled(source, "fill", isChecked: false) { program in
      var memory: [DeviceBuffer] = [.undefined(400_000)]
      let launch = DeviceLaunch("fill", grid: 100_000, block: 1, [.buffer(0)])
      return try program.run([launch, launch], buffers: &memory, workers: 3)
    }
    #expect(outcome.finished == 0)
    #expect(outcome.reports.map(\.kind) == [.trapped])
    #expect(outcome.reports.first?.party.block == 77)
  }

  @Test func endlessWork() throws {
    let source = """
      extern "C" __global__ void wait(const volatile int *x, int *y) {
        while (x[0] == 0) {}
        y[0] = 1;
      }
      """
    for isChecked in [true, false] {
      let found = try PlantedFault.reports(
        on: source, DeviceLaunch("wait", grid: 1, block: 1, [.buffer(0), .buffer(1)]),
        [DeviceBuffer([0, 0, 0, 0]), .undefined(4)], isChecked: isChecked, timeLimit: 1)
      #expect(found.map(\.kind) == [.outOfTime])
      // With checks, time may run out in one of them, which is no line of the text.
      #expect(found.first?.party.place?.line == 2 || isChecked)
    }
  }

  @Test func reportsReadAsSentences() throws {
    let fault = Self.scale
    let found = try PlantedFault.reports(
      on: fault.source.replacingOccurrences(of: "if (i < n) s", with: "if (i <= n) s"), fault.launch, fault.buffers,
      order: .ascending)
    #expect(
      found.map(\.description) == [
        "outOfBounds: scale, block 1, thread 36 at line 10 in line 2 (Scale.swift:4) leaves its memory: "
          + "4 bytes at byte 400 of buffer 0"
      ])
  }

  // MARK: What is no text's fault

  @Test func launchesThatFitNoKernel() throws {
    let fault = Self.scale
    func error(_ change: (inout DeviceLaunch) -> Void) -> String {
      var launch = fault.launch
      change(&launch)
      do {
        try PlantedFault.compiled(fault.source, "scale") { program in
          var memory = fault.buffers
          _ = try program.run([launch], buffers: &memory)
        }
        return ""
      } catch { return "\(error)" }
    }
    #expect(error { $0.kernel = "none" } == "no kernel none among scale")
    #expect(error { $0.block = 1025 } == "scale: a grid of 2 blocks of 1025 threads")
    #expect(error { $0.sharedBytes = 1 << 20 } == "scale: 1048576 bytes of shared memory, of which a block has 232448")
    #expect(error { $0.arguments.removeLast() } == "scale has another number of parameters than 2")
    #expect(error { $0.arguments[2] = .float(1) } == "scale: argument 2 is of another kind than its parameter")
    #expect(error { $0.arguments[1] = .buffer(2) } == "scale: no byte 0 of a buffer 2")
  }

  @Test func textsThatClangRefuses() throws {
    let error = #expect(throws: DeviceModelError.self) {
      try PlantedFault.compiler.get().compile(
        [DeviceText("extern \"C\" __global__ void f() { undeclared(); }", kernels: ["f"])], isChecked: true,
        to: URL(fileURLWithPath: "/dev/null"))
    }
    #expect(error?.description.contains("f.cu:1:") == true)
  }
}
