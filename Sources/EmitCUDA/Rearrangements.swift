import CFamily
import MachineIR
import TileIR

/// Lanes that change places: other registers where whole ones move, else shuffles, or shared memory between the warps
/// of a block.
extension CUDADialect {
  /// What thread `from` of the agent, counted round, has of a value; all threads ask.
  private func ofThread(_ value: String, _ from: String) -> String {
    guard agentWarps > 1 else { return "__shfl_sync(\(wholeWarp()), \(value), \(from))" }
    return "\(exchange())(\(value), \(from))"
  }

  /// The function that brings a thread what another has.
  private func exchange() -> String {
    add("of_thread") {
      inline(
        "T", "of_thread", "T x, int from",
        body: """
            __shared__ T exchange[\(threads)];
            exchange[threadIdx.x] = x;
            __syncthreads();
            const T y = exchange[from & \(threads - 1)];
            __syncthreads();
            return y;
          """, why: "What another thread of the block has.", template: "typename T")
    }
  }

  func part(
    _ instruction: Instruction, _ value: Expression, _ type: MachineType, _ printer: inout Printer
  ) throws -> CExpression {
    let lanes = value.type.lanes
    switch instruction {
    case .lowHalf where lanes == 2: return try lane(0, value, type, &printer)
    case .highHalf where lanes == 2: return try lane(1, value, type, &printer)
    case .lowHalf where lanes <= threads: return try printer.printWide(value)
    case .highHalf where lanes <= GPU.warp:
      return shuffled(try printer.printWide(value), type) {
        .call("__shfl_down_sync", [CExpression(wholeWarp()), $0, CExpression("\(lanes / 2)")])
      }
    case .highHalf where lanes <= threads:
      let from = CExpression("(int)threadIdx.x + \(lanes / 2)")
      return shuffled(try printer.printWide(value), type) { .call(exchange(), [$0, from]) }
    case .lowHalf, .highHalf: return try half(instruction == .highHalf, value, &printer)
    default: return try alternate(instruction == .oddLanes, value, type, &printer)
    }
  }

  func lane(
    _ number: Int, _ value: Expression, _ type: MachineType, _ printer: inout Printer
  ) throws -> CExpression {
    var register = try printer.printWide(value)
    if isWide(value.type) {
      register = CExpression(.sequence([register.atLeast(.primary), .text(".at[\(number / threads)]")]))
    }
    let from = CExpression("\(number % threads)")
    return shuffled(register, type) {
      agentWarps > 1 ? .call(exchange(), [$0, from]) : .call("__shfl_sync", [CExpression(wholeWarp()), $0, from])
    }
  }

  /// One register moved between all threads, as `move` prints it.
  private func shuffled(
    _ value: CExpression, _ type: MachineType, _ move: (CExpression) -> CExpression
  ) -> CExpression {
    let isPlain = agentWarps > 1
    let moved = move(type.scalar == .i64 && !isPlain ? CExpression.cast("long long", value) : value)
    switch type.scalar {
    case .i64 where !isPlain: return .cast(declare("i64"), moved)
    case .mask where !isPlain: return .binary(moved, "!=", CExpression("0"), .equality)
    default: return moved
    }
  }

  /// Half of the registers of a wide value.
  private func half(_ isHigh: Bool, _ value: Expression, _ printer: inout Printer) throws -> CExpression {
    let operand = try printer.printWide(value)
    if value.type.lanes == 2 * threads {
      return CExpression(.sequence([operand.atLeast(.primary), .text(".at[\(isHigh ? 1 : 0)]")]))
    }
    lanes()
    let name = isHigh ? "high_half" : "low_half"
    add(name) {
      inline(
        "Lanes<T, N / 2>", name, "Lanes<T, N> x",
        body: """
            Lanes<T, N / 2> y;
          #pragma unroll
            for (int n = 0; n < N / 2; n++) y.at[n] = x.at[n\(isHigh ? " + N / 2" : "")];
            return y;
          """, template: "typename T, int N")
    }
    return .call(name, [operand])
  }

  /// Lanes of even or odd number.
  private func alternate(
    _ isOdd: Bool, _ value: Expression, _ type: MachineType, _ printer: inout Printer
  ) throws -> CExpression {
    guard value.type.scalar != .i64, value.type.scalar != .mask else {
      throw Refusal("no lanes of even number of \(value.type)")
    }
    if type.lanes == 1 { return try lane(isOdd ? 1 : 0, value, type, &printer) }
    let operand = try printer.printWide(value)
    let from = "2 * (\(ownThread))\(isOdd ? " + 1" : "")"
    guard isWide(value.type) else { return CExpression(ofThread(operand.flat, from)) }
    lanes()
    let name = isOdd ? "odd_lanes" : "even_lanes"
    add("\(name) of two") {
      inline(
        "T", name, "Lanes<T, 2> x",
        body: """
            const int from = \(from);
            const T low = \(ofThread("x.at[0]", "from"));
            const T high = \(ofThread("x.at[1]", "from"));
            return from < \(threads) ? low : high;
          """,
        why:
          "The lanes of \(isOdd ? "odd" : "even") number: threads from \(threads / 2) on take theirs from the second "
          + "register.",
        template: "typename T")
    }
    guard value.type.lanes > 2 * threads else { return .call(name, [operand]) }
    add("\(name) of many") {
      inline(
        "Lanes<T, N / 2>", name, "Lanes<T, N> x",
        body: """
            Lanes<T, N / 2> y;
          #pragma unroll
            for (int n = 0; n < N / 2; n++) {
              Lanes<T, 2> pair;
              pair.at[0] = x.at[2 * n];
              pair.at[1] = x.at[2 * n + 1];
              y.at[n] = \(name)(pair);
            }
            return y;
          """, template: "typename T, int N")
    }
    return .call(name, [operand])
  }

  /// The function that puts the lanes of two vectors one after the other.
  func concatenate(_ half: MachineType) -> String {
    guard half.lanes >= threads else {
      return add("concatenate_\(half.lanes)") {
        inline(
          "T", "concatenate_\(half.lanes)", "T a, T b",
          body: """
              const T moved = \(ofThread("b", "\(ownThread) - \(half.lanes)"));
              return \(ownThread) < \(half.lanes) ? a : moved;
            """, template: "typename T")
      }
    }
    lanes()
    if half.lanes == threads {
      return add("concatenate_registers") {
        inline(
          "Lanes<T, 2>", "concatenate_registers", "T a, T b",
          body: "  Lanes<T, 2> y;\n  y.at[0] = a;\n  y.at[1] = b;\n  return y;", template: "typename T")
      }
    }
    return add("concatenate") {
      inline(
        "Lanes<T, 2 * N>", "concatenate", "Lanes<T, N> a, Lanes<T, N> b",
        body: """
            Lanes<T, 2 * N> y;
          #pragma unroll
            for (int n = 0; n < N; n++) {
              y.at[n] = a.at[n];
              y.at[N + n] = b.at[n];
            }
            return y;
          """, template: "typename T, int N")
    }
  }

  /// The function that puts the lanes of two vectors in turns.
  func interleave(_ half: MachineType) -> String {
    add("interleave_within") {
      inline(
        "T", "interleave_within", "T a, T b, int first",
        body: """
            const int from = first + \(ownThread) / 2;
            const T even = \(ofThread("a", "from"));
            const T odd = \(ofThread("b", "from"));
            return threadIdx.x % 2 == 0 ? even : odd;
          """, why: "The lanes of two registers in turns, from lane `first` of each.", template: "typename T")
    }
    guard half.lanes >= threads else {
      return add("interleave_part") {
        inline(
          "T", "interleave_part", "T a, T b", returns: "interleave_within(a, b, 0)", template: "typename T")
      }
    }
    lanes()
    if half.lanes == threads {
      return add("interleave_registers") {
        inline(
          "Lanes<T, 2>", "interleave_registers", "T a, T b",
          body: """
              Lanes<T, 2> y;
              y.at[0] = interleave_within(a, b, 0);
              y.at[1] = interleave_within(a, b, \(threads / 2));
              return y;
            """, template: "typename T")
      }
    }
    return add("interleave") {
      inline(
        "Lanes<T, 2 * N>", "interleave", "Lanes<T, N> a, Lanes<T, N> b",
        body: """
            Lanes<T, 2 * N> y;
          #pragma unroll
            for (int n = 0; n < N; n++) {
              y.at[2 * n] = interleave_within(a.at[n], b.at[n], 0);
              y.at[2 * n + 1] = interleave_within(a.at[n], b.at[n], \(threads / 2));
            }
            return y;
          """, template: "typename T, int N")
    }
  }
}
