import DeviceModel
import MachineIR
import Runtime
import Testing

/// The device model on the other kind of processor: its own switching of stacks, calls of the system and
/// layout of shared memory.
@Suite(.enabled(if: Emulation.missing == nil, "\(Emulation.missing ?? "")"))
struct EmulatedDeviceTests {
  private static let compiler = Result {
    let host = try Emulator.find(for: .neon).path.map(DeviceHost.aarch64) ?? .this
    return DeviceCompiler(clang: try Clang.find().path, host: host)
  }

  @Test func bulkCopiesAndBarriers() throws {
    let text = try KernelText(PipelineText.source, ["pipeline"], Self.compiler)
    let x = (0..<320).map(Float.init)
    let y = try text.run([PipelineText.launch(5)], [.input(x), .undefined(1280)], result: 1).values(Float.self)
    let expected: [Float] = (0..<320).map { at in x[at / 64 * 64 + 63 - at % 64] }
    #expect(y == expected)
  }

  @Test func reports() throws {
    let source = """
      extern "C" __global__ void turn(const float *x, float *y) {
        __shared__ float s[32];
        s[threadIdx.x] = x[threadIdx.x];
        y[threadIdx.x] = __fmaf_rn(s[31 - threadIdx.x], 2.0f, 1.0f);
        if (threadIdx.x == 31) y[threadIdx.x + 1] = 0;
      }
      """
    let text = try KernelText(source, ["turn"], Self.compiler)
    let launch = DeviceLaunch("turn", grid: 1, block: 32, [.buffer(0), .buffer(1)])
    var memory: [DeviceBuffer] = [.input((0..<32).map(Float.init)), .undefined(128)]
    let found = try text.programs[0].run([launch], buffers: &memory).reports
    #expect(Set(found.map(\.kind)) == [.undefined, .race, .outOfBounds])
    #expect(found.last?.party.place?.line == 5)
    // Without checks, what crashes is still named.
    memory = [.input((0..<32).map(Float.init)), .undefined(128)]
    let far = DeviceLaunch("turn", grid: 1, block: 32, [.buffer(0), .buffer(0)])
    let seen = try text.programs[1].run([far], buffers: &memory).reports
    #expect(seen.map(\.kind) == [.readOnly])
    #expect(seen.first?.party.place?.line == 4)
  }
}
