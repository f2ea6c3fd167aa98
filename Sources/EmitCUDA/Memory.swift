import CFamily
import MachineIR
import TileIR

/// Loads: neighbouring threads read neighbouring elements, where each lane has no place of its own.
extension CUDADialect {
  func load(
    _ storage: Storage, _ place: Place, _ type: MachineType, _ active: Expression?, _ printer: inout Printer
  ) throws -> CExpression {
    declare(storage.memory)
    if type.lanes == 1 { return try element(storage, place, nil, &printer) }
    guard isWide(type) else {
      let lane = CExpression("lane")
      let value = try element(storage, place, lane, &printer)
      return guarded(value, try condition(type.lanes, active, &printer), type)
    }
    let arguments = try printer.arguments(place, storage, isConst: true)
    let name = wideLoad(storage, isPartial: active != nil)
    let rest = try active.map { [try printer.print($0)] } ?? []
    return .call("\(name)<\(registers(type.lanes))>", arguments + rest)
  }

  func gather(
    _ storage: Storage, _ place: Place, _ lanes: Expression, _ type: MachineType, _ active: Expression?,
    _ printer: inout Printer
  ) throws -> CExpression {
    declare(storage.memory)
    let at = try printer.printWide(lanes)
    guard isWide(type) else {
      let value = try element(storage, place, at, &printer)
      return guarded(value, try condition(type.lanes, active, &printer), type)
    }
    let arguments = try printer.arguments(place, storage, isConst: true)
    let name = wideGather(storage, isPartial: active != nil)
    let rest = try active.map { [try printer.print($0)] } ?? []
    return .call(name, arguments + [at] + rest)
  }

  // MARK: One register

  /// An element at a place and `lane` beyond.
  private func element(
    _ storage: Storage, _ place: Place, _ lane: CExpression?, _ printer: inout Printer
  ) throws -> CExpression {
    let pointer = try printer.pointer(place.buffer, storage.memory, isConst: true)
    let offset = try self.offset(place, lane, &printer)
    if case .packed(let signed) = storage {
      return .call(nibble(signed: signed), [CExpression(pointer), offset])
    }
    let element = CExpression.subscripted(pointer, offset)
    return storage == .truth ? .binary(element, "!=", CExpression("0"), .equality) : element
  }

  /// `offset + lane`.
  func offset(_ place: Place, _ lane: CExpression?, _ printer: inout Printer) throws -> CExpression {
    guard let lane else { return try printer.print(place.offset) }
    return place.offset.constantValue == 0 ? lane : .binary(try printer.print(place.offset), "+", lane, .sum)
  }

  /// Which threads have a lane of a value that takes one register at most; nil where all have.
  func condition(_ lanes: Int, _ active: Expression?, _ printer: inout Printer) throws -> CExpression? {
    let lane = CExpression("lane")
    let exists = lanes < threads ? CExpression.binary(lane, "<", CExpression("\(lanes)"), .relation) : nil
    guard let active else { return exists }
    let isActive = CExpression.binary(lane, "<", try printer.print(active), .relation)
    return exists.map { .binary($0, "&", isActive, .and) } ?? isActive
  }

  private func guarded(_ value: CExpression, _ condition: CExpression?, _ type: MachineType) -> CExpression {
    guard let condition else { return value }
    let zero =
      switch type.scalar {
      case .f32: "0.0f"
      case .f64: "0.0"
      case .mask: "false"
      default: "0"
      }
    return .conditional(condition, value, CExpression(zero))
  }

  func nibble(signed: Bool) -> String {
    let name = signed ? "signed_nibble" : "nibble"
    let code = "(p[offset >> 1] >> (offset & 1) * 4 & 15)"
    return add(name) {
      inline(
        "i32", name, "const u8 *p, i64 offset",
        returns: signed ? "(\(code) ^ 8) - 8" : String(code.dropFirst().dropLast()),
        why: "Two codes a byte, the even one in the low half.")
    }
  }

  // MARK: Several registers

  /// What a function that loads or stores many registers is named after: how an element is read.
  private func wideReading(_ storage: Storage) -> (
    suffix: String, parameters: String, element: (String) -> String, result: String
  ) {
    switch storage {
    case .plain, .extended: ("lanes", "const T *p", { "p[\($0)]" }, "decltype(+T())")
    case .truth: ("truths", "const u8 *p", { "p[\($0)] != 0" }, "bool")
    case .packed(let signed):
      (
        signed ? "signed_nibbles" : "nibbles", "const u8 *p, i64 offset",
        { "\(self.nibble(signed: signed))(p, offset + \($0))" }, "i32"
      )
    }
  }

  private func wideLoad(_ storage: Storage, isPartial: Bool) -> String {
    lanes()
    let reading = wideReading(storage)
    let name = isPartial ? "load_active_\(reading.suffix)" : "load_\(reading.suffix)"
    let element = reading.element("lane")
    let isTyped = reading.result.contains("T")
    return add(name) {
      inline(
        "auto", name, reading.parameters + (isPartial ? ", i64 active" : ""),
        body: """
            Lanes<\(reading.result), N> y;
          #pragma unroll
            for (int n = 0; n < N; n++) {
              const int lane = \(threads) * n + \(ownThread);
              y.at[n] = \(isPartial ? "lane < active ? \(element) : 0" : element);
            }
            return y;
          """, template: isTyped ? "int N, typename T" : "int N")
    }
  }

  private func wideGather(_ storage: Storage, isPartial: Bool) -> String {
    lanes()
    let reading = wideReading(storage)
    let name = isPartial ? "gather_active_\(reading.suffix)" : "gather_\(reading.suffix)"
    let element = reading.element("at.at[n]")
    let isTyped = reading.result.contains("T")
    return add(name) {
      inline(
        "auto", name, reading.parameters + ", Lanes<int, N> at" + (isPartial ? ", i64 active" : ""),
        body: """
            Lanes<\(reading.result), N> y;
          #pragma unroll
            for (int n = 0; n < N; n++) {
              y.at[n] = \(isPartial ? "\(threads) * n + \(ownThread) < active ? \(element) : 0" : element);
            }
            return y;
          """, template: isTyped ? "typename T, int N" : "int N")
    }
  }
}
