/// Launches recorded once and asked for together, as often as wanted: what a decode step costs the host is then
/// one call.
public final class CUDAGraph {
  private let device: CUDADevice
  private let instance: OpaquePointer

  /// Records what `body` asks of the device's stream, without doing it. Launches in it keep the values of their
  /// arguments; memory that these point to is the caller's to keep.
  ///
  /// Throws what `body` throws, and what the driver says of something that cannot be recorded, such as a wait.
  public init(on device: CUDADevice, recording body: () throws -> Void) throws {
    self.device = device
    let functions = device.functions
    try functions.check("cuStreamBeginCapture", functions.beginCapture(device.stream, Self.thisThread))
    var graph: OpaquePointer?
    do {
      try body()
    } catch {
      // The stream must leave its recording whatever went wrong.
      _ = functions.endCapture(device.stream, &graph)
      if let graph { _ = functions.destroyGraph(graph) }
      throw error
    }
    try functions.check("cuStreamEndCapture", functions.endCapture(device.stream, &graph))
    defer { _ = functions.destroyGraph(graph) }
    var instance: OpaquePointer?
    try functions.check("cuGraphInstantiateWithFlags", functions.instantiateGraph(&instance, graph, 0))
    self.instance = instance!
  }

  deinit { _ = device.functions.destroyGraphInstance(instance) }

  /// Asks for everything that was recorded, in the stream's order.
  public func launch() throws(CUDAError) {
    try device.functions.check("cuGraphLaunch", device.functions.launchGraph(instance, device.stream))
  }

  /// Milliseconds that a launch takes on the device; one that uploads the graph goes before.
  public func milliseconds() throws(CUDAError) -> Float {
    try launch()
    let (start, end) = (try CUDAEvent(on: device), try CUDAEvent(on: device))
    try start.record()
    try launch()
    try end.record()
    return try end.milliseconds(since: start)
  }

  /// `CU_STREAM_CAPTURE_MODE_THREAD_LOCAL`: other threads may go on using the driver meanwhile.
  private static let thisThread: CInt = 1
}

/// A moment in a device's stream.
public final class CUDAEvent {
  private let device: CUDADevice
  private let event: OpaquePointer

  public init(on device: CUDADevice) throws(CUDAError) {
    self.device = device
    var event: OpaquePointer?
    try device.functions.check("cuEventCreate", device.functions.createEvent(&event, 0))
    self.event = event!
  }

  deinit { _ = device.functions.destroyEvent(event) }

  /// Makes this the moment when everything that was asked for so far is done.
  public func record() throws(CUDAError) {
    try device.functions.check("cuEventRecord", device.functions.recordEvent(event, device.stream))
  }

  /// Milliseconds from an earlier moment to this one, which is waited for. The clock ticks in half microseconds.
  public func milliseconds(since earlier: CUDAEvent) throws(CUDAError) -> Float {
    try device.functions.check("cuEventSynchronize", device.functions.synchroniseEvent(event))
    var time: Float = 0
    try device.functions.check(
      "cuEventElapsedTime", device.functions.elapsedTime(&time, earlier.event, event))
    return time
  }
}
