import MachineIR
import TileIR

/// Prelude functions whose meaning the contract states more sharply than a C operator does.
extension Prelude {
  /// NaN if either is NaN; +0 above -0: equal floats differ at most in the sign of zero.
  mutating func extreme(_ instruction: Instruction, _ type: MachineType) -> String {
    let isMaximum = instruction == .maximum
    let name = "\(isMaximum ? "maximum" : "minimum")_\(type.cName)"
    return function(name) { prelude in
      let value = prelude.type(type)
      let order = isMaximum ? ">" : "<"
      guard type.scalar == .f32 || type.scalar == .f64 else {
        return """
          static inline \(value) \(name)(\(value) a, \(value) b) { return a \(order) b ? a : b; }

          """
      }
      let bits = type.with(scalar: type.scalar == .f32 ? .i32 : .i64)
      let signs = isMaximum ? "&" : "|"
      let equal = prelude.castBits(
        "\(prelude.castBits("a", type, bits)) \(signs) \(prelude.castBits("b", type, bits))", bits, type)
      return """
        static inline \(value) \(name)(\(value) a, \(value) b) {
          const \(value) either = a \(order) b ? a : b;
          const \(value) signed_zero = a == b ? \(equal) : either;
          return a == a ? signed_zero : a;
        }

        """
    }
  }

  /// The bits of `value` as another type.
  mutating func castBits(_ value: String, _ from: MachineType, _ to: MachineType) -> String {
    if from.lanes > 1 { return "((\(type(to)))(\(value)))" }
    let name = function("bits_\(from.scalar.rawValue)_\(to.scalar.rawValue)") { _ in
      """
      static inline \(to.scalar.cName) bits_\(from.scalar.rawValue)_\(to.scalar.rawValue)(\(from.scalar.cName) value) {
        \(to.scalar.cName) bits;
        __builtin_memcpy(&bits, &value, sizeof(bits));
        return bits;
      }

      """
    }
    return "\(name)(\(value))"
  }

  /// f32 to i32: nearest even, saturating, 0 for NaN. Adding and taking away 2^23 under the value's sign
  /// rounds; above that every float is an integer.
  mutating func toInteger(_ lanes: Int) -> String {
    let (from, to) = (MachineType(.f32, lanes), MachineType(.i32, lanes))
    let name = "to_integer_\(from.cName)"
    return function(name) { prelude in
      let (float, int) = (prelude.type(from), prelude.type(to))
      let sign = prelude.castBits("x", from, to)
      let magic = prelude.castBits("(\(sign) & (int32_t)0x80000000) | 0x4b000000", to, from)
      let magnitude = prelude.castBits("\(sign) & 0x7fffffff", to, from)
      let convert = lanes == 1 ? "(int32_t)bounded" : "__builtin_convertvector(bounded, \(int))"
      return """
        static inline \(int) \(name)(\(float) x) {
          const \(float) magic = \(magic);
          const \(float) rounded = \(magnitude) < 0x1p23f ? (x + magic) - magic : x;
          const \(float) bounded = rounded < 0x1p31f && rounded >= -0x1p31f ? rounded : (\(float))0;
          const \(int) low = rounded < -0x1p31f ? (\(int))(int32_t)0x80000000 : \(convert);
          return rounded >= 0x1p31f ? (\(int))0x7fffffff : low;
        }

        """.replacing("&&", with: lanes == 1 ? "&&" : "&")
    }
  }

  /// RNE32(a * b + c). Without the instruction: the product is exact in f64, the sum's exact error sends
  /// it to odd, and the conversion rounds once (53 bits are more than 24 + 2).
  mutating func fused(_ type: MachineType) -> String {
    let name = "fused_\(type.cName)"
    if machine.has(.fusedMultiplyAdd) || type.scalar == .f64 {
      return function(name) { prelude in
        let value = prelude.type(type)
        return """
          static inline \(value) \(name)(\(value) a, \(value) b, \(value) c) {
            return __builtin_elementwise_fma(a, b, c);
          }

          """
      }
    }
    let wide = MachineType(.f64, type.lanes)
    let odd = addToOdd(type.lanes)
    return function(name) { prelude in
      let (value, double) = (prelude.type(type), prelude.type(wide))
      func convert(_ x: String, _ to: String) -> String {
        type.lanes == 1 ? "(\(to))\(x)" : "__builtin_convertvector(\(x), \(to))"
      }
      return """
        static inline \(value) \(name)(\(value) a, \(value) b, \(value) c) {
          const \(double) product = \(convert("a", double)) * \(convert("b", double));
          return \(convert("\(odd)(product, \(convert("c", double)))", value));
        }

        """
    }
  }

  /// The exact sum of two f64 rounded to odd: inexact results with an even last bit step toward the
  /// error, so that a later, shorter rounding is right (Boldo and Melquiond 2008).
  mutating func addToOdd(_ lanes: Int) -> String {
    let (wide, integer) = (MachineType(.f64, lanes), MachineType(.i64, lanes))
    let name = "add_to_odd_\(lanes)"
    return function(name) { prelude in
      let (double, long) = (prelude.type(wide), prelude.type(integer))
      let truth = lanes == 1 ? "-(int64_t)" : ""
      return """
        static inline \(double) \(name)(\(double) a, \(double) b) {
          const \(double) sum = a + b;
          const \(double) part = sum - a;
          const \(double) error = (a - (sum - part)) + (b - part);
          const \(long) bits = \(prelude.castBits("sum", wide, integer));
          const \(long) inexact = \(truth)((error > 0) | (error < 0));
          const \(long) inward = \(truth)((\(prelude.castBits("error", wide, integer)) ^ bits) < 0);
          const \(long) even = (bits & 1) - 1;
          return \(prelude.castBits("bits + (inexact & even & ((inward & -2) + 1))", integer, wide));
        }

        """
    }
  }

  /// RNE32 of the exact sum of some f64: an expansion without overlap (Shewchuk 1997), added from the
  /// smallest up with rounding to odd, converted once.
  mutating func roundedSum(_ count: Int, _ lanes: Int) -> String {
    let name = "rounded_sum_\(count)x\(lanes)"
    let odd = addToOdd(lanes)
    return function(name) { prelude in
      let (double, float) = (prelude.type(MachineType(.f64, lanes)), prelude.type(MachineType(.f32, lanes)))
      let parameters = (0..<count).map { "\(double) t\($0)" }.joined(separator: ", ")
      let convert = lanes == 1 ? "(float)whole" : "__builtin_convertvector(whole, \(float))"
      let terms = (0..<count).map { "t\($0)" }.joined(separator: ", ")
      return """
        static inline \(float) \(name)(\(parameters)) {
          \(double) part[\(count)] = {\(terms)};
          // After pass i, part[0..i] hold the terms so far, smallest first, without overlap.
          #pragma clang loop unroll(full)
          for (int i = 1; i < \(count); i++) {
            \(double) carried = part[i];
            #pragma clang loop unroll(full)
            for (int j = 0; j < i; j++) {
              const \(double) sum = carried + part[j];
              const \(double) of_part = sum - carried;
              part[j] = (carried - (sum - of_part)) + (part[j] - of_part);
              carried = sum;
            }
            part[i] = carried;
          }
          \(double) whole = part[0];
          #pragma clang loop unroll(full)
          for (int i = 1; i < \(count); i++) whole = \(odd)(part[i], whole);
          return \(convert) + 0.0f;
        }

        """
    }
  }

  /// Floor division and its remainder by a positive constant.
  mutating func floorDivision(_ instruction: Instruction, _ type: MachineType) -> String {
    let isQuotient: Bool
    if case .divideFloor = instruction { isQuotient = true } else { isQuotient = false }
    let name = "\(isQuotient ? "divide_floor" : "remainder_floor")_\(type.cName)"
    return function(name) { prelude in
      let value = prelude.type(type)
      let truth = type.lanes == 1 ? "-" : ""
      let result = isQuotient ? "a / n + below" : "a % n + (below & n)"
      return """
        static inline \(value) \(name)(\(value) a, \(value) n) {
          const \(value) below = \(truth)(a % n < 0);
          return \(result);
        }

        """
    }
  }

  /// 1/sqrt(x) rounded once: f64 holds both steps with bits to spare.
  mutating func reciprocalRoot(_ lanes: Int) -> String {
    let type = MachineType(.f32, lanes)
    return function("reciprocal_root_\(type.cName)") { prelude in
      let (float, double) = (prelude.type(type), prelude.type(MachineType(.f64, lanes)))
      let (up, down) =
        lanes == 1
        ? ("(double)x", "(float)(1.0 / __builtin_elementwise_sqrt(wide))")
        : ("__builtin_convertvector(x, \(double))",
          "__builtin_convertvector(1.0 / __builtin_elementwise_sqrt(wide), \(float))")
      return """
        static inline \(float) reciprocal_root_\(type.cName)(\(float) x) {
          const \(double) wide = \(up);
          return \(down);
        }

        """
    }
  }
}

extension MachineType {
  func with(scalar: MachineScalar) -> MachineType { MachineType(scalar, lanes) }
}
