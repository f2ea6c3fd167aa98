import CUDADriver
import DynamicLibrary
import Foundation
import MachineIR
import Operators
import Runtime
import Schedules
import Testing

@testable import gpu_check

/// The folder that a GPU is checked with: what is packed is what is run, and what is wrong is named.
@Suite(
  "A folder that checks a GPU", .enabled(if: CompiledLibrary.isPossible && Compiler.isHere, "no clang or NVRTC"),
  .serialized)
struct GPUCheckTests {
  private static func packed() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    try Pack.parse([folder.path, "--operators", "softmax"]).run()
    return folder
  }

  @Test("holds what it needs, and names what differs or is missing")
  func packAndRun() throws {
    let folder = try Self.packed()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect { try Pack.parse([folder.path]).run() } throws: { "\($0)".contains("exists already") }

    let standIn = try StandInDriver(memory: 1 << 30)
    try StandInKernels.join(standIn)
    // One small instance: the stand-in knows kernels by their names.
    for instance in try #require(OperatorLibrary.named("softmax")).instances where instance.isSmall {
      try StandInKernels.add(Lowering.plan(instance.kernel().program(), for: .sm90a))
    }
    let gpu = try CUDADevice(0, of: standIn.driver())
    var lines: [String] = []
    let report = try PackedChecks(folder).run(on: gpu, isTimed: false) { lines.append($0) }
    #expect(report.isEqual && !report.checks.isEmpty && lines == ["checking softmax"])
    #expect(report.table().hasSuffix("\(report.checks.count) of \(report.checks.count) launches return the reference's bits"))

    // One hash that no output has, and machine code that is gone.
    let file = folder.appendingPathComponent(CheckIndex.name)
    var index = try PackedChecks(folder).index
    let first = index.checks[0]
    index.checks[0] = .init(
      operator: first.operator, instance: first.instance, extents: first.extents, kind: first.kind,
      hashes: first.hashes.mapValues { String($0.reversed()) })
    try JSONEncoder().encode(index).write(to: file)
    let other = try PackedChecks(folder).run(on: gpu, isTimed: false) { _ in }
    #expect(!other.isEqual && other.checks[0].differing == ["y"])
    #expect(other.table().contains("other bits in y"))
    try FileManager.default.removeItem(at: folder.appendingPathComponent("kernels"))
    let bare = try PackedChecks(folder).run(on: gpu, isTimed: false) { _ in }
    #expect(bare.checks.allSatisfy { $0.error?.contains("machine code of softmax is expected") == true })
  }

  @Test("the model's bits do not depend on the cut; a token that differs, and machine code that is missing, are named")
  func model() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let place = folder.appendingPathComponent(PackedModel.name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: URL(fileURLWithPath: ModelFixture.tiny.folder), to: place)

    let device = try Device(pool: ModelRuns.pool)
    var hashes = try PackedModel(place.path, .float32, on: device).hashes(cut: PackedModel.cuts[0])
    #expect(hashes.count == 308 && Set(hashes).count == 308)
    func results(on device: Device) -> CheckReport {
      var report = CheckReport(device: "", target: "", driver: "", date: "")
      report.models = PackedModel.results(of: .init(arithmetic: "float32", hashes: hashes), in: folder, on: device)
      return report
    }
    let equal = results(on: device)
    #expect(equal.isEqual && equal.models.map(\.runs) == [9, 12])
    #expect(equal.table().contains("v4-tiny, float32, 308 tokens in 12 runs: the processor's bits"))
    hashes[301] = ""
    let other = results(on: device)
    #expect(!other.isEqual && other.models.map(\.differing) == [[301], [301]])
    #expect(other.table().contains("other logits from token 301 on, of 1"))

    let gpu = try CUDADevice(0, of: StandInDriver(memory: 1 << 30).driver())
    let bare = results(on: try Device(gpu, code: PackedCode(folder: folder).image))
    #expect(!bare.isEqual && bare.models.count == 1)
    #expect(bare.table().contains(".cubin cannot be read; machine code of "))
  }

  @Test("a folder that is none, an index that is none and an operator that is none are refused by name")
  func refusals() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-test-\(UUID().uuidString)")
    #expect { try PackedChecks(folder) } throws: { "\($0)".contains("a folder that `gpu-check pack` wrote is expected") }
    #expect { try Pack.parse([folder.path, "--operators", "nothing"]).run() } throws: {
      "\($0)".contains("no operator nothing")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("{".utf8).write(to: folder.appendingPathComponent(CheckIndex.name))
    #expect { try PackedChecks(folder) } throws: { "\($0)".contains("is no index of `gpu-check pack`") }
  }

  /// A library that checks the calling rules: what is made is given back, operands are depth first, one status a call.
  private static let standInCuBLAS = """
    typedef unsigned long size_t;
    typedef unsigned long long u64;
    static int open_things, products;
    struct layout { int type; u64 height, width; long pitch; };
    static struct layout layouts[64];
    static int used;
    static int make(void **p) { open_things++; *p = (void *)&open_things; return 0; }
    int cublasLtCreate(void **h) { return make(h); }
    int cublasLtDestroy(void *h) { open_things--; return 0; }
    int cublasLtMatmulDescCreate(void **d, int compute, int scale) { return compute == 68 && scale == 0 ? make(d) : 7; }
    int cublasLtMatmulDescSetAttribute(void *d, int a, const void *v, size_t n) {
      return a == 3 && n == 4 && *(const int *)v == 1 ? 0 : 7;
    }
    int cublasLtMatmulDescDestroy(void *d) { open_things--; return 0; }
    int cublasLtMatrixLayoutCreate(void **l, int type, u64 height, u64 width, long pitch) {
      open_things++; layouts[used] = (struct layout){type, height, width, pitch}; *l = &layouts[used++]; return 0;
    }
    int cublasLtMatrixLayoutDestroy(void *l) { open_things--; return 0; }
    int cublasLtMatmulPreferenceCreate(void **p) { return make(p); }
    int cublasLtMatmulPreferenceSetAttribute(void *p, int a, const void *v, size_t n) {
      return a == 1 && n == 8 && *(const u64 *)v == 32 << 20 ? 0 : 7;
    }
    int cublasLtMatmulPreferenceDestroy(void *p) { open_things--; return 0; }
    int cublasLtMatmulAlgoGetHeuristic(void *h, void *d, struct layout *a, struct layout *b, struct layout *c,
                                       struct layout *y, void *p, int wanted, u64 *results, int *found) {
      *found = a->type == 28 ? 0 : 1;
      results[0] = 77;
      return a->height == b->height && a->width == c->height && b->width == c->width && y == c && wanted == 1 ? 0 : 7;
    }
    int cublasLtMatmul(void *h, void *d, const float *one, u64 a, void *al, u64 b, void *bl, const float *zero, u64 c,
                       void *cl, u64 y, void *yl, const u64 *choice, u64 w, size_t n, void *stream) {
      products++;
      return *one == 1 && *zero == 0 && a && b && c == y && w && n == 32 << 20 && choice[0] == 77 && stream ? 0 : 7;
    }
    int held(void) { return open_things; }
    int counted(void) { return products; }
    """

  @Test("times cuBLAS by its rules, and says what it has not")
  func peer() throws {
    let library = try CompiledLibrary("libcublas-stand-in.so", source: Self.standInCuBLAS)
    let gpu = try CUDADevice(0, of: StandInDriver(memory: 1 << 30).driver())
    func held(_ name: String) throws -> CInt {
      try DynamicLibrary(named: [library.path]).symbol(name, as: (@convention(c) () -> CInt).self)()
    }
    do {
      let peer = try CuBLAS(on: gpu, environment: ["TESSERA_CUBLAS": library.path])
      let shape = CuBLAS.Shape(rows: 4, columns: 96, depth: 64)
      #expect(try peer.milliseconds(.bf16, shape, count: 4, copies: 2) == 0.125)
      #expect(try held("counted") == 4)
      #expect { try peer.milliseconds(.fp8, shape, count: 4, copies: 1) } throws: {
        "\($0)" == "cuBLAS has no fp8 product of 4 x 96 x 64"
      }
    }
    #expect(try held("held") == 0)
    #expect(throws: DynamicLibraryError.self) { try CuBLAS(on: gpu, environment: ["TESSERA_CUBLAS": "/nowhere"]) }
  }

  @Test("products are timed at few rows and at many, beside cuBLAS's of the same sizes")
  func timings() throws {
    let entry = try #require(OperatorLibrary.named("linear_fp4"))
    let timings = try CheckIndex.timings(of: entry, #require(entry.instance("matrix-vector")))
    #expect(timings.map { $0.product!.shape.rows } == [1, 4, 16, 4096])
    #expect(timings.allSatisfy { $0.product!.kind == .fp8 && $0.product!.shape.depth * $0.product!.shape.columns == 4096 * 14336 })
    let norm = try #require(OperatorLibrary.named("rms_norm"))
    #expect(try CheckIndex.timings(of: norm, norm.instances[0]).map { $0.product == nil } == [true])
  }
}
