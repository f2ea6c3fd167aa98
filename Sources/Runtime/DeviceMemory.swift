import Foundation
import Steps
import TileIR

/// Buffers that stay on a device from run to run, such as a model's caches; their outermost axis numbers
/// who they belong to. All zeros at first.
public final class DeviceMemory {
  public let buffers: [StepBuffer]
  private let areas: [String: AlignedMemory]
  private let shapes: [String: [Int]]

  /// Memory for buffers whose shapes are fixed. Throws where there is none left.
  public init(_ buffers: [StepBuffer], on device: Device) throws {
    var areas: [String: AlignedMemory] = [:]
    var shapes: [String: [Int]] = [:]
    for buffer in buffers {
      let shape = buffer.shape.map { extent in
        guard let fixed = extent.fixed else {
          preconditionFailure("\(buffer.name) is kept from run to run and has the extent \(extent)")
        }
        return fixed
      }
      let area = try device.memory(HostTensor.byteCount(of: buffer.element, shape))
      memset(area.pointer, 0, area.byteCount)
      areas[buffer.name] = area
      shapes[buffer.name] = shape
    }
    self.buffers = buffers
    self.areas = areas
    self.shapes = shapes
  }

  public var byteCount: Int { areas.values.reduce(0) { $0 + $1.byteCount } }

  /// The memory of a buffer, for a step to be bound to.
  public func view(of buffer: StepBuffer) throws -> TensorView {
    guard let area = areas[buffer.name], let shape = shapes[buffer.name] else {
      throw RuntimeError("no memory is kept for \(buffer.name)")
    }
    return TensorView(buffer.element, area.pointer, shape: shape)
  }

  /// The bytes of one coordinate of a buffer's outermost axis.
  private func row(_ name: String, _ number: Int) -> UnsafeMutableRawBufferPointer {
    let (area, shape) = (areas[name]!, shapes[name]!)
    precondition((0..<shape[0]).contains(number), "\(name) has \(shape[0]) rows, row \(number) is meant")
    let size = area.byteCount / shape[0]
    return UnsafeMutableRawBufferPointer(start: area.pointer + number * size, count: size)
  }

  /// Sets row `number` of every buffer to zeros.
  public func clear(row number: Int) {
    for buffer in buffers {
      let row = row(buffer.name, number)
      memset(row.baseAddress!, 0, row.count)
    }
  }

  /// Makes row `target` of every buffer equal to row `source`.
  public func copy(row source: Int, to target: Int) {
    guard source != target else { return }
    for buffer in buffers {
      row(buffer.name, target).copyMemory(from: UnsafeRawBufferPointer(row(buffer.name, source)))
    }
  }

  /// The first `count` bytes of a row.
  public func read(_ name: String, row number: Int, count: Int) -> [UInt8] {
    Array(row(name, number).prefix(count))
  }

  /// Replaces the first bytes of a row.
  public func write(_ name: String, row number: Int, _ bytes: some Collection<UInt8>) {
    let row = row(name, number)
    precondition(bytes.count <= row.count, "\(bytes.count) bytes do not fit into a row of \(name)")
    row.copyBytes(from: bytes)
  }
}
