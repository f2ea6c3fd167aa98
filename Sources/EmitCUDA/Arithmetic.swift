import CFamily
import MachineIR
import TileIR

/// Arithmetic that a C operator does not say, or says with another meaning.
extension CUDADialect {
  func function(_ instruction: Instruction, of operands: [MachineType], _ type: MachineType) throws -> String
  {
    switch instruction {
    case .multiplyBytes, .multiplyDoubles, .multiplyHalves:
      guard agentWarps == 1 else { throw Refusal("matrices are a warp's, not an agent's of \(agentWarps)") }
    default: break
    }
    switch instruction {
    case .absolute: return absolute(type)
    case .fusedMultiplyAdd:
      return named("fused_multiply_add", type, arity: 3, "a, b, c") { isWide in
        isWide ? "__fma_rn(a, b, c)" : "__fmaf_rn(a, b, c)"
      }
    case .squareRoot:
      return named("square_root", type, arity: 1, "x") { isWide in isWide ? "__dsqrt_rn(x)" : "__fsqrt_rn(x)"
      }
    case .reciprocalSquareRoot: return try reciprocalSquareRoot(type)
    case .minimum: return extremum("minimum", "<", sign: "|", type)
    case .maximum: return extremum("maximum", ">", sign: "&", type)
    case .shiftRightLogical:
      let t = declare(Self.registerName(type))
      let unsigned = declare(t == "i64" ? "u64" : "u32")
      return lanewise("shift_right_logical_\(t)", arity: 2, type) {
        inline(t, "shift_right_logical_\(t)", "\(t) a, \(t) n", returns: "(\(t))((\(unsigned))a >> n)")
      }
    case .divideFloor:
      let t = declare(Self.registerName(type))
      return lanewise("divide_floor_\(t)", arity: 1, type, and: "i64 n") {
        inline(
          t, "divide_floor_\(t)", "\(t) a, \(t) n", returns: "a / n - (a % n < 0)",
          why: "Rounds down, where C rounds toward zero.")
      }
    case .remainderFloor:
      let t = declare(Self.registerName(type))
      return lanewise("remainder_floor_\(t)", arity: 1, type, and: "i64 n") {
        inline(
          t, "remainder_floor_\(t)", "\(t) a, \(t) n",
          body: "  const \(t) rest = a % n;\n  return rest < 0 ? rest + n : rest;",
          why: "In 0..<n, where C's has the sign of a.")
      }
    case .roundedSum: return roundedSum(count: operands.count, type)
    case .concatenate: return concatenate(operands[0])
    case .interleave: return interleave(operands[0])
    case .multiplyBytes: return multiplyBytes()
    case .multiplyDoubles: return multiplyDoubles()
    case .multiplyHalves: return multiplyHalves()
    case .halvesOfE4M3(let pair, let part): return halvesOfE4M3(pair: pair, part: part, type)
    case .halvesOfE2M1(let pair): return halvesOfE2M1(pair: pair, type)
    case .dot4: throw Refusal("the machine has no exact dot product of four bytes (dot4)")
    case .lookup16: throw Refusal("the machine has no byte shuffle (lookup16)")
    case .lookup128: throw Refusal("the machine has no byte shuffle of 128 (lookup128)")
    default: preconditionFailure("an instruction with an operator")
    }
  }

  /// A function of one returned expression, which is told whether it is of f64.
  private func named(
    _ word: String, _ type: MachineType, arity: Int, _ letters: String, _ value: (Bool) -> String
  ) -> String {
    let t = declare(Self.registerName(type))
    return lanewise("\(word)_\(t)", arity: arity, type) {
      let parameters = letters.split(separator: ",").map { "\(t) \($0.drop { $0 == " " })" }
      return inline(t, "\(word)_\(t)", parameters.joined(separator: ", "), returns: value(t == "f64"))
    }
  }

  private func absolute(_ type: MachineType) -> String {
    let t = declare(Self.registerName(type))
    let value =
      switch t {
      case "f32": "__int_as_float(__float_as_int(x) & 0x7fffffff)"
      case "f64": "__longlong_as_double(__double_as_longlong(x) & 0x7fffffffffffffff)"
      default: "x < 0 ? -x : x"
      }
    return lanewise("absolute_\(t)", arity: 1, type) {
      inline(t, "absolute_\(t)", "\(t) x", returns: value)
    }
  }

  private func reciprocalSquareRoot(_ type: MachineType) throws -> String {
    guard type.scalar == .f32 else { throw Refusal("no reciprocal square root of \(type.scalar.rawValue)") }
    let (t, wide) = (declare("f32"), declare("f64"))
    return lanewise("reciprocal_square_root_\(t)", arity: 1, type) {
      inline(
        t, "reciprocal_square_root_\(t)", "\(t) x",
        returns: "__double2float_rn(__ddiv_rn(1.0, __dsqrt_rn((\(wide))x)))",
        why: "Correctly rounded: two roundings in f64 are too fine to change the one to f32.")
    }
  }

  /// Contract minimum and maximum of floats, plain ones of integers.
  private func extremum(_ word: String, _ comparison: String, sign: String, _ type: MachineType) -> String {
    let t = declare(Self.registerName(type))
    let name = "\(word)_\(t)"
    return lanewise(name, arity: 2, type) {
      let why = "NaN where either is NaN, and +0 above -0: IEEE 754-2019 \(word)."
      switch t {
      case "f32":
        let instruction = onlyOnAGPU("tessera_\(name)") {
          // Without its flag a number would win over NaN.
          inline(
            t, "tessera_\(name)", "\(t) a, \(t) b",
            body: """
                \(t) y;
                asm("\(word.prefix(3)).NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
                return y;
              """)
        }
        return inline(t, name, "\(t) a, \(t) b", returns: "\(instruction)(a, b)", why: why)
      case "f64":
        return inline(
          t, name, "\(t) a, \(t) b",
          body: """
              const \(t) equal = __longlong_as_double(__double_as_longlong(a) \(sign) __double_as_longlong(b));
              return a \(comparison) b ? a : b \(comparison) a ? b : a == b ? equal : a + b;
            """, why: why)
      default: return inline(t, name, "\(t) a, \(t) b", returns: "a \(comparison) b ? a : b")
      }
    }
  }

  /// f32 to i32: nearest even, saturating, NaN to 0.
  func roundToInteger(_ type: MachineType) -> String {
    let (t, result) = (declare("f32"), declare("i32"))
    return lanewise("round_to_\(result)", arity: 1, type) {
      inline(
        result, "round_to_\(result)", "\(t) x", returns: "__float2int_rn(x)",
        why: "Nearest even, saturating, NaN to 0: so the instruction is defined for 32-bit integers.")
    }
  }

  /// The exact sum of `count` f64, rounded once to f32.
  private func roundedSum(count: Int, _ type: MachineType) -> String {
    let (t, w) = (declare("f32"), declare("f64"))
    let name = "rounded_sum_of_\(count)_\(t)"
    let odd = sumRoundedToOdd()
    return lanewise(name, arity: count, type) {
      let parameters = (0..<count).map { "\(w) a\($0)" }.joined(separator: ", ")
      let terms = (0..<count).map { "a\($0)" }.joined(separator: ", ")
      return inline(
        t, name, parameters,
        body: """
            \(w) part[\(count)] = {\(terms)};
          #pragma unroll
            for (int i = 1; i < \(count); i++) {
              \(w) carry = part[i];
          #pragma unroll
              for (int j = 0; j < i; j++) {
                const \(w) sum = carry + part[j];
                const \(w) taken = sum - carry;
                part[j] = (carry - (sum - taken)) + (part[j] - taken);
                carry = sum;
              }
              part[i] = carry;
            }
            \(w) total = part[0];
          #pragma unroll
            for (int i = 1; i < \(count); i++) total = \(odd)(total, part[i]);
            return __double2float_rn(total + 0.0);
          """,
        why: """
          The exact sum of all, rounded once: TwoSum turns the terms into parts that do not overlap
          (Shewchuk 1997); added from the least up with rounding to odd, they round to f32 as their
          exact sum does. A zero sum is +0.
          """)
    }
  }

  /// a + b in f64, rounded to odd.
  private func sumRoundedToOdd() -> String {
    let (w, bits) = (declare("f64"), declare("i64"))
    return add("sum_rounded_to_odd_\(w)") {
      inline(
        w, "sum_rounded_to_odd_\(w)", "\(w) a, \(w) b",
        body: """
            const \(w) sum = a + b;
            const \(w) part = sum - a;
            const \(w) error = (a - (sum - part)) + (b - part);
            \(bits) code = __double_as_longlong(sum);
            if ((error > 0.0 || error < 0.0) && (code & 1) == 0) code += (error > 0.0) != (sum > 0.0) ? -1 : 1;
            return __longlong_as_double(code);
          """,
        why: """
          The sum and its exact error by TwoSum; where it is inexact and its last bit even, one step
          toward the error makes it odd. Infinities and NaN have a NaN error and stay.
          """)
    }
  }
}
