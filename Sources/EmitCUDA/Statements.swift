import CFamily
import MachineIR
import TileIR

/// Stores, and what else touches memory.
extension CUDADialect: CStatements {
  func pragma(before loop: CountedLoop) -> String? { loop.isUnrolled ? "#pragma unroll" : nil }

  func turns(of loop: CountedLoop) throws -> (first: String, step: String) {
    guard let sharingWarps else { throw Refusal("rounds of \(loop.counter.name) are shared out, and warps share none") }
    return (loop.step == 1 ? "warp" : "warp * \(loop.step)", "\(sharingWarps * loop.step)")
  }

  func lines(of statement: MachineStatement, _ printer: inout Printer) throws -> [Layout] {
    switch statement {
    case .store(let access, let value, let active):
      let storage = Storage(access.element, as: value.type.scalar)
      return [try store(storage, Place(access.buffer, access.offset), value, active, &printer)]
    case .storeRaw(let buffer, let offset, let value):
      return [try store(.plain(value.type.scalar.cName), Place(buffer, offset), value, nil, &printer)]
    case .scatter(let access, let lanes, let value, let active):
      return [try scatter(access, lanes, value, active, &printer)]
    case .clear(let buffer, let offset, let count):
      let place = try self.offset(Place(buffer, offset), CExpression("at"), &printer)
      let target = CExpression.subscripted(printer.names.identifier(buffer), place)
      let limit = try printer.print(count).atLeast(.shift).flat
      return [
        .sequence([.text("for (i64 at = lane; at < \(limit); at += \(threads)) "), target.layout, .text(" = 0;")])
      ]
    case .check(let condition, let code): return [try check(condition, code, &printer)]
    case .synchronise(.warp) where agentWarps == 1: return [.text("__syncwarp();")]
    case .synchronise(.block) where agentWarps > 1 || sharingWarps != nil: return [.text("__syncthreads();")]
    case .synchronise(let group):
      throw Refusal("an agent of \(agentWarps) warps does not wait as a \(group.rawValue)")
    case .stream: throw Refusal("the machine has no streaming stores")
    case .prefetch: throw Refusal("the machine has no prefetch")
    case .startCopy(let copy): return [line(try startCopy(copy, &printer))]
    case .closeCopies: return [line(closeCopies())]
    case .multiplySlices: throw Refusal("the machine has no matrix unit of whole tiles")
    case .awaitCopies(let latest): return [line(awaitCopies(latest))]
    default: preconditionFailure("a statement about memory")
    }
  }

  private func call(_ function: String, _ arguments: [CExpression]) -> Layout {
    line(.call(function, arguments))
  }

  private func line(_ expression: CExpression) -> Layout { .sequence([expression.layout, .text(";")]) }

  /// `if (condition) target = value;`
  private func assign(
    _ target: CExpression, _ value: CExpression, _ storage: Storage, where condition: CExpression?
  ) -> Layout {
    let stored = storage.memory == storage.register ? value : .cast(storage.memory, value)
    let assignment: [Layout] = [target.layout, .text(" = "), stored.layout, .text(";")]
    guard let condition else { return .sequence(assignment) }
    return .sequence([.text("if ("), condition.layout, .text(") ")] + assignment)
  }

  // MARK: Stores

  private func store(
    _ storage: Storage, _ place: Place, _ value: Expression, _ active: Expression?, _ printer: inout Printer
  ) throws -> Layout {
    declare(storage.memory)
    try storage.requireLanes(of: value, in: place.buffer)
    let lanes = value.type.lanes
    if storage.isPacked { return try storePacked(place, value, active, &printer) }
    guard !isWide(value.type) else {
      let arguments = try printer.arguments(place, storage, isConst: false) + [try printer.printWide(value)]
      guard let active else { return call(wideStore(isPartial: false), arguments) }
      return call(wideStore(isPartial: true), arguments + [try printer.print(active)])
    }
    let condition =
      lanes == 1
      ? CExpression.binary(CExpression("lane"), "==", CExpression("0"), .equality)
      : try self.condition(lanes, active, &printer)
    let printed = try printer.printWide(value)
    if condition != nil, !value.isOwn {
      let pointer = try printer.arguments(place, storage, isConst: false)
      let count =
        lanes == 1 ? CExpression("1") : try active.map { try printer.print($0) } ?? CExpression("\(lanes)")
      return call(wideStore(isPartial: true), pointer + [printed, count])
    }
    let pointer = try printer.pointer(place.buffer, storage.memory, isConst: false)
    let offset = try self.offset(place, lanes == 1 ? nil : CExpression("lane"), &printer)
    return assign(.subscripted(pointer, offset), printed, storage, where: condition)
  }

  /// The function that stores registers, of which only the first lanes may be active.
  private func wideStore(isPartial: Bool) -> String {
    lanes()
    let name = isPartial ? "store_active_lanes" : "store_lanes"
    let parameters = isPartial ? ", i64 active" : ""
    let condition = isPartial ? "if (lane < active) " : ""
    if isPartial {
      add("\(name) of one") {
        inline(
          "void", name, "T *p, V x, i64 active",
          body: "  if (\(ownThread) < active) p[\(ownThread)] = (T)x;",
          why: "All threads come here with a value, since they may shuffle for it.",
          template: "typename T, typename V")
      }
    }
    return add(name) {
      inline(
        "void", name, "T *p, Lanes<V, N> x\(parameters)",
        body: """
          #pragma unroll
            for (int n = 0; n < N; n++) {
              const int lane = \(threads) * n + \(ownThread);
              \(condition)p[lane] = (T)x.at[n];
            }
          """, template: "typename T, typename V, int N")
    }
  }

  private func scatter(
    _ access: Access, _ lanes: Expression, _ value: Expression, _ active: Expression?,
    _ printer: inout Printer
  ) throws -> Layout {
    let storage = Storage(access.element)
    declare(storage.memory)
    try storage.requireLanes(of: value, in: access.buffer)
    guard !storage.isPacked else {
      throw Refusal("packed elements of \(access.buffer) at places of their own")
    }
    guard value.type.lanes > 1 else {
      let offset = access.offset + lanes.converted(to: .i64)
      return try store(storage, Place(access.buffer, offset), value, nil, &printer)
    }
    let place = Place(access.buffer, access.offset)
    if !isWide(value.type), value.isOwn, lanes.isOwn {
      let pointer = try printer.pointer(place.buffer, storage.memory, isConst: false)
      let offset = try self.offset(place, try printer.printWide(lanes), &printer)
      let condition = try self.condition(value.type.lanes, active, &printer)
      return assign(.subscripted(pointer, offset), try printer.printWide(value), storage, where: condition)
    }
    var arguments = try printer.arguments(place, storage, isConst: false)
    arguments += [try printer.printWide(lanes), try printer.printWide(value)]
    arguments.append(try active.map { try printer.print($0) } ?? CExpression("\(value.type.lanes)"))
    guard isWide(value.type) else {
      add("scatter_lanes of one") {
        inline(
          "void", "scatter_lanes", "T *p, int at, V x, i64 active",
          body: "  if (\(ownThread) < active) p[at] = (T)x;", template: "typename T, typename V")
      }
      return call("scatter_lanes", arguments)
    }
    self.lanes()
    add("scatter_lanes") {
      inline(
        "void", "scatter_lanes", "T *p, Lanes<int, N> at, Lanes<V, N> x, i64 active",
        body: """
          #pragma unroll
            for (int n = 0; n < N; n++) {
              if (\(threads) * n + \(ownThread) < active) p[at.at[n]] = (T)x.at[n];
            }
          """, template: "typename T, typename V, int N")
    }
    return call("scatter_lanes", arguments)
  }

  // MARK: Packed elements

  private func storePacked(
    _ place: Place, _ value: Expression, _ active: Expression?, _ printer: inout Printer
  ) throws -> Layout {
    let arguments = try printer.arguments(place, .packed(signed: false), isConst: false)
    let lanes = value.type.lanes
    if lanes == 1 {
      add("store_nibble") {
        inline(
          "void", "store_nibble", "u8 *p, i64 offset, i32 code",
          body: """
              if (\(ownThread) == 0) {
                u8 *const byte = p + (offset >> 1);
                const i32 shift = (i32)(offset & 1) * 4;
                *byte = (u8)((*byte & ~(15 << shift)) | (code & 15) << shift);
              }
            """,
          why:
            "The first thread changes its own half of the byte only; the other half belongs to the same cell."
        )
      }
      return call("store_nibble", arguments + [try printer.print(value)])
    }
    let mask = wholeWarp()
    add("store_nibbles of one") {
      inline(
        "void", "store_nibbles", "u8 *p, i64 offset, i32 code, i64 active",
        body: """
            const int lane = \(ownThread);
            const i32 next = __shfl_down_sync(\(mask), code, 1);
            if (lane % 2 == 0 && lane < active) {
              u8 *const byte = p + (offset + lane >> 1);
              const i32 high = lane + 1 < active ? (next & 15) << 4 : *byte & 0xf0;
              *byte = (u8)((code & 15) | high);
            }
          """,
        why: """
          Two codes a byte, the even one in the low half; the offset is even. A thread of even number stores
          its neighbour's code with its own.
          """)
    }
    let count = try active.map { try printer.print($0) } ?? CExpression("\(lanes)")
    let operands = arguments + [try printer.printWide(value), count]
    guard isWide(value.type) else { return call("store_nibbles", operands) }
    self.lanes()
    add("store_nibbles") {
      inline(
        "void", "store_nibbles", "u8 *p, i64 offset, Lanes<int, N> x, i64 active",
        body: """
          #pragma unroll
            for (int n = 0; n < N; n++) store_nibbles(p, offset + \(threads) * n, x.at[n], active - \(threads) * n);
          """, template: "int N")
    }
    return call("store_nibbles", operands)
  }

  // MARK: Checks

  private func check(_ condition: Expression, _ code: Int, _ printer: inout Printer) throws -> Layout {
    var holds = try printer.print(condition)
    if condition.type.lanes > 1 { holds = try holdsEverywhere(holds, condition.type) }
    add("raise_status") {
      inline(
        "void", "raise_status", "i32 *status, i32 code",
        body: "  if (\(ownThread) == 0 && *(volatile i32 *)status == 0) atomicMax(status, code);",
        why: "The first failed check of a cell stays; of two cells that fail at once either's code is right.")
    }
    return .sequence([
      .text("if ("), CExpression.prefix("!", holds).layout, .text(") raise_status(status, \(code));"),
    ])
  }

  /// Whether every lane of a mask holds.
  private func holdsEverywhere(_ mask: CExpression, _ type: MachineType) throws -> CExpression {
    guard isWide(type) else {
      guard type.lanes < threads else { return vote(mask) }
      let absent = CExpression.binary(CExpression("lane"), ">=", CExpression("\(type.lanes)"), .relation)
      return vote(.binary(absent, "|", mask, .or))
    }
    lanes()
    let all = vote(CExpression("holds")).flat
    add("holds_everywhere") {
      inline(
        "bool", "holds_everywhere", "Lanes<bool, N> x",
        body: """
            bool holds = true;
          #pragma unroll
            for (int n = 0; n < N; n++) holds = holds && x.at[n];
            return \(all);
          """, template: "int N")
    }
    return .call("holds_everywhere", [mask])
  }

  /// Whether a truth value holds in every thread of an agent.
  private func vote(_ own: CExpression) -> CExpression {
    guard agentWarps > 1 else { return .call("__all_sync", [CExpression(wholeWarp()), own]) }
    add("holds_in_all") {
      inline(
        "bool", "holds_in_all", "bool holds",
        body: """
            __shared__ int failed;
            if (threadIdx.x == 0) failed = 0;
            __syncthreads();
            if (!holds) atomicMax(&failed, 1);
            __syncthreads();
            const bool all = failed == 0;
            __syncthreads();
            return all;
          """)
    }
    return .call("holds_in_all", [own])
  }
}
