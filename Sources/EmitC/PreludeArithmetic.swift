import CFamily
import MachineIR

/// Arithmetic that a C operator does not say, or says with another meaning.
extension Prelude {
  /// Contract minimum and maximum of floats, plain ones of integers.
  func extremum(_ word: String, _ type: MachineType) -> String {
    let t = self.type(type)
    let builtin = type.scalar.isFloat ? "__builtin_elementwise_\(word)" : "__builtin_elementwise_\(word.prefix(3))"
    return add("\(word)_\(t)") {
      inline(
        t, "\(word)_\(t)", "\(t) a, \(t) b", returns: "\(builtin)(a, b)",
        why: type.scalar.isFloat ? "NaN where either is NaN, and +0 above -0: IEEE 754-2019 \(word)." : nil)
    }
  }

  func absolute(_ type: MachineType) -> String {
    let t = self.type(type)
    return add("absolute_\(t)") {
      inline(t, "absolute_\(t)", "\(t) x", returns: "__builtin_elementwise_abs(x)")
    }
  }

  func squareRoot(_ type: MachineType) -> String {
    let t = self.type(type)
    return add("square_root_\(t)") {
      inline(
        t, "square_root_\(t)", "\(t) x", returns: "__builtin_elementwise_sqrt(x)",
        why: "Correctly rounded, NaN below zero; no error number is set.")
    }
  }

  func reciprocalSquareRoot(_ type: MachineType) -> String {
    let t = self.type(type)
    let wide = vector("f64", type.lanes)
    return add("reciprocal_square_root_\(t)") {
      inline(
        t, "reciprocal_square_root_\(t)", "\(t) x",
        returns: convert("1.0 / __builtin_elementwise_sqrt(\(convert("x", to: wide, type.lanes)))", to: t, type.lanes),
        why: "Correctly rounded: two roundings in f64 are too fine to change the one to f32.")
    }
  }

  /// a * b + c with one rounding.
  func fusedMultiplyAdd(_ type: MachineType) throws -> String {
    let t = self.type(type)
    let name = "fused_multiply_add_\(t)"
    if machine.has(.fusedMultiplyAdd) {
      return add(name) {
        inline(t, name, "\(t) a, \(t) b, \(t) c", returns: "__builtin_elementwise_fma(a, b, c)")
      }
    }
    guard type.scalar == .f32 else {
      throw Refusal("the machine has no multiply-add of \(type.scalar.rawValue) with one rounding")
    }
    let wide = MachineType(.f64, type.lanes)
    let w = self.type(wide)
    let sum = sumRoundedToOdd(wide)
    return add(name) {
      inline(
        t, name, "\(t) a, \(t) b, \(t) c",
        body: """
            const \(w) product = \(convert("a", to: w, type.lanes)) * \(convert("b", to: w, type.lanes));
            return \(convert("\(sum)(product, \(convert("c", to: w, type.lanes)))", to: t, type.lanes));
          """,
        why: """
          a * b + c with one rounding, on a machine without the instruction: the product is exact in
          f64, and a sum rounded to odd there can be rounded again to f32 without harm.
          """)
    }
  }

  /// a + b in f64, rounded to odd.
  private func sumRoundedToOdd(_ type: MachineType) -> String {
    let t = self.type(type)
    let bits = vector("i64", type.lanes)
    let name = "sum_rounded_to_odd_\(t)"
    let isVector = type.lanes > 1
    return add(name) {
      inline(
        t, name, "\(t) a, \(t) b",
        body: """
            const \(t) sum = a + b;
            const \(t) part = sum - a;
            const \(t) error = (a - (sum - part)) + (b - part);
            \(isVector ? "\(bits) code = (\(bits))sum;" : "\(bits) code;\n  __builtin_memcpy(&code, &sum, sizeof code);")
            const \(bits) inexact = \(isVector ? "(error > 0) | (error < 0)" : "-((error > 0) | (error < 0))");
            const \(bits) toward_zero = \(isVector ? "(error > 0) ^ (sum > 0)" : "-((error > 0) ^ (sum > 0))");
            const \(bits) even = (code & 1) - 1;
            code += inexact & even & ((toward_zero & -2) + 1);
            \(isVector ? "return (\(t))code;" : "\(t) result;\n  __builtin_memcpy(&result, &code, sizeof result);\n  return result;")
          """,
        why: """
          The sum and its exact error by TwoSum; where it is inexact and its last bit even, one step
          toward the error makes it odd. Infinities and NaN have a NaN error and stay.
          """)
    }
  }

  /// The exact sum of `count` f64, rounded once to f32.
  func roundedSum(count: Int, _ result: MachineType) -> String {
    let t = type(result)
    let wide = MachineType(.f64, result.lanes)
    let w = type(wide)
    let name = "rounded_sum_of_\(count)_\(t)"
    let odd = sumRoundedToOdd(wide)
    return add(name) {
      let parameters = (0..<count).map { "\(w) a\($0)" }.joined(separator: ", ")
      let terms = (0..<count).map { "a\($0)" }.joined(separator: ", ")
      return function(
        t, name, parameters,
        body: """
            \(w) part[\(count)] = {\(terms)};
            #pragma clang loop unroll(full)
            for (i32 i = 1; i < \(count); i++) {
              \(w) carry = part[i];
              #pragma clang loop unroll(full)
              for (i32 j = 0; j < i; j++) {
                const \(w) sum = carry + part[j];
                const \(w) taken = sum - carry;
                part[j] = (carry - (sum - taken)) + (part[j] - taken);
                carry = sum;
              }
              part[i] = carry;
            }
            \(w) total = part[0];
            #pragma clang loop unroll(full)
            for (i32 i = 1; i < \(count); i++) total = \(odd)(total, part[i]);
            return \(convert("total + 0.0", to: t, result.lanes));
          """,
        why: """
          The exact sum of all, rounded once: TwoSum turns the terms into parts that do not overlap
          (Shewchuk 1997); added from the least up with rounding to odd, they round to f32 as their
          exact sum does. A zero sum is +0.
          """)
    }
  }

  /// f32 to i32: nearest even, saturating, NaN to 0.
  func roundToInteger(lanes: Int) -> String {
    let (t, result) = (vector("f32", lanes), vector("i32", lanes))
    let magnitude = absolute(MachineType(.f32, lanes))
    let name = "round_to_\(result)"
    return add(name) {
      inline(
        result, name, "\(t) x",
        body: """
            const \(t) magnitude = \(magnitude)(x);
            const \(t) whole = magnitude < 0x1p23f ? (magnitude + 0x1p23f) - 0x1p23f : magnitude;
            const \(t) fitting = magnitude < 0x1p31f ? whole : (\(t))0;
            const \(result) integer = \(convert("fitting", to: result, lanes));
            const \(result) bounded = x >= 0x1p31f ? (\(result))0x7fffffff : x < 0 ? -integer : integer;
            return x <= -0x1p31f ? (\(result))(-0x7fffffff - 1) : bounded;
          """,
        why: """
          Nearest even, saturating, NaN to 0. Adding 2^23 leaves no room for a fraction, so the sum is
          rounded to an integer; C leaves conversions out of range undefined, so none is made.
          """)
    }
  }

  /// Quotient of floor division by n > 0.
  func divideFloor(_ type: MachineType) -> String {
    let t = self.type(type)
    return add("divide_floor_\(t)") {
      let scalar = Self.scalarName(type.scalar)
      return inline(
        t, "divide_floor_\(t)", "\(t) a, \(scalar) n",
        returns: type.lanes > 1 ? "a / n + (a % n < 0)" : "a / n - (a % n < 0)",
        why: "Rounds down, where C rounds toward zero\(type.lanes > 1 ? "; a true lane is -1" : "").")
    }
  }

  /// Remainder of floor division by n > 0: in 0..<n.
  func remainderFloor(_ type: MachineType) -> String {
    let t = self.type(type)
    return add("remainder_floor_\(t)") {
      let scalar = Self.scalarName(type.scalar)
      let body =
        type.lanes > 1
        ? "  const \(t) rest = a % n;\n  return rest + ((rest < 0) & n);"
        : "  const \(t) rest = a % n;\n  return rest < 0 ? rest + n : rest;"
      return inline(
        t, "remainder_floor_\(t)", "\(t) a, \(scalar) n", body: body,
        why: "In 0..<n, where C's has the sign of a.")
    }
  }

  func shiftRightLogical(_ type: MachineType) -> String {
    let t = self.type(type)
    let name = "shift_right_logical_\(t)"
    let unsigned = vector("u" + Self.scalarName(type.scalar).dropFirst(), type.lanes)
    return add(name) {
      inline(
        t, name, "\(t) a, \(t) n",
        returns: type.lanes > 1
          ? "(\(t))((\(unsigned))a >> (\(unsigned))n)" : "(\(t))((\(unsigned))a >> n)")
    }
  }

  /// The bits of a scalar as another scalar type.
  func bitCastScalar(from source: MachineScalar, to target: MachineScalar) -> String {
    let (a, b) = (type(MachineType(source)), type(MachineType(target)))
    return add("bits_as_\(b)_of_\(a)") {
      inline(
        b, "bits_as_\(b)_of_\(a)", "\(a) x",
        body: "  \(b) result;\n  __builtin_memcpy(&result, &x, sizeof result);\n  return result;")
    }
  }

  /// `value` converted to the C type `target`, lane by lane.
  func convert(_ value: String, to target: String, _ lanes: Int) -> String {
    guard lanes > 1 else { return "(\(target))(\(value))" }
    add("convert_vector") {
      "#define convert_vector(value, type) __builtin_convertvector(value, type)"
    }
    return "convert_vector(\(value), \(target))"
  }
}
