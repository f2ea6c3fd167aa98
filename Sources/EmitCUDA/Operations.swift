import CFamily
import MachineIR
import TileIR

/// Constants and operations on registers.
extension CUDADialect: CDialect {
  var inlineFunction: String { "__device__ __forceinline__" }

  func literal(_ constant: Expression, isBits: Bool) -> String {
    switch constant {
    case .integer(let value, let type) where type.scalar == .mask: return value == 0 ? "false" : "true"
    case .integer(let value, let type):
      return CLiterals.integer(value, bits: type.scalar.byteCount * 8, isBits: isBits)
    case .float(let bits, let type):
      let value = Double(bitPattern: bits)
      if type.scalar == .f32 {
        return Float(value).isFinite ? CLiterals.float(Float(value)) : special(value, "f32")
      }
      return value.isFinite ? CLiterals.double(value) : special(value, "f64")
    default: preconditionFailure("a constant")
    }
  }

  /// Infinities and NaN, which C++ has no literals for.
  private func special(_ value: Double, _ scalar: String) -> String {
    let word = value.isNaN ? "nan" : "infinity"
    let exponent = value.isNaN ? ("0x7fc00000", "0x7ff8000000000000") : ("0x7f800000", "0x7ff0000000000000")
    let name = add("\(word)_\(scalar)") {
      let bits = scalar == "f32" ? "__int_as_float(\(exponent.0))" : "__longlong_as_double(\(exponent.1))"
      return "#define \(word)_\(scalar) \(bits)"
    }
    return value < 0 ? "-\(name)" : name
  }

  func spelledOut(_ literal: CExpression, _ type: MachineType) -> CExpression {
    isWide(type) ? .cast(self.type(type), literal) : literal
  }

  func laneNumbers(_ lanes: Int) -> String {
    guard lanes > threads else { return "lane" }
    self.lanes()
    add("lane_numbers") {
      inline(
        "Lanes<int, N>", "lane_numbers", "",
        body: """
            Lanes<int, N> y;
          #pragma unroll
            for (int n = 0; n < N; n++) y.at[n] = \(threads) * n + \(ownThread);
            return y;
          """, template: "int N")
    }
    return "lane_numbers<\(registers(lanes))>()"
  }

  func table(_ table: ByteTable) throws -> String { throw Refusal("the machine has no byte shuffle") }

  func complement(_ type: MachineType) -> String { type.scalar == .mask ? "!" : "~" }

  func broadcast(_ value: CExpression, of type: MachineType, to lanes: Int) -> CExpression {
    let target = type.with(lanes: lanes)
    return isWide(target) ? .cast(self.type(target), value) : value
  }

  func compared(_ value: CExpression, of operands: MachineType) -> CExpression { value }

  func select(_ operands: [Expression], _ type: MachineType, _ printer: inout Printer) throws -> CExpression {
    if !isWide(type), operands[1].isOwn, operands[2].isOwn {
      return .conditional(
        try printer.print(operands[0]), try printer.printWide(operands[1]), try printer.printWide(operands[2])
      )
    }
    let name: String
    if isWide(type) {
      lanes()
      name = add("select_lanes") {
        inline(
          "Lanes<T, N>", "select_lanes", "Lanes<bool, N> condition, Lanes<T, N> a, Lanes<T, N> b",
          body: """
              Lanes<T, N> y;
            #pragma unroll
              for (int n = 0; n < N; n++) y.at[n] = condition.at[n] ? a.at[n] : b.at[n];
              return y;
            """, template: "typename T, int N")
      }
    } else {
      let t = declare(Self.registerName(type))
      name = add("select_\(t)") {
        inline(
          t, "select_\(t)", "bool condition, \(t) a, \(t) b", returns: "condition ? a : b",
          why: "Both are computed by all threads, which shuffles need.")
      }
    }
    return .call(name, try printer.printWide(operands))
  }

  func convert(_ value: Expression, _ type: MachineType, _ printer: inout Printer) throws -> CExpression {
    let source = value.type.scalar
    let operand = try printer.printWide(value)
    if source == .f32, type.scalar == .i32 { return .call(roundToInteger(type), [operand]) }
    if source.isFloat, !type.scalar.isFloat {
      throw Refusal("no conversion from \(source.rawValue) to \(type.scalar.rawValue)")
    }
    if type.scalar == .mask { throw Refusal("a mask comes from a comparison, not from a conversion") }
    guard isWide(type) else { return .cast(declare(type.scalar.rawValue), operand) }
    lanes()
    add("convert_lanes") {
      inline(
        "Lanes<To, N>", "convert_lanes", "Lanes<From, N> x",
        body: """
            Lanes<To, N> y;
          #pragma unroll
            for (int n = 0; n < N; n++) y.at[n] = (To)x.at[n];
            return y;
          """, template: "typename To, typename From, int N")
    }
    let target = declare(Self.registerName(type))
    if type.scalar.isNarrow { throw Refusal("no conversion to lanes of \(type.scalar.rawValue)") }
    return .call("convert_lanes<\(target)>", [operand])
  }

  func bitCast(_ value: Expression, _ type: MachineType, _ printer: inout Printer) throws -> CExpression {
    let names: [MachineScalar: [MachineScalar: String]] = [
      .f32: [.i32: "__float_as_int"], .i32: [.f32: "__int_as_float"],
      .f64: [.i64: "__double_as_longlong"], .i64: [.f64: "__longlong_as_double"],
    ]
    guard let intrinsic = names[value.type.scalar]?[type.scalar], value.type.lanes == type.lanes else {
      throw Refusal("the bits of \(value.type) are in other threads than those of \(type)")
    }
    let operand = try printer.printWide(value)
    guard isWide(type) else { return .call(intrinsic, [operand]) }
    let (from, to) = (declare(value.type.scalar.rawValue), declare(type.scalar.rawValue))
    let name = lanewise("bits_as_\(to)_of_\(from)", arity: 1, type) {
      inline(to, "bits_as_\(to)_of_\(from)", "\(from) x", returns: "\(intrinsic)(x)")
    }
    return .call(name, [operand])
  }

  func function(_ function: ScalarFunction, lanes: Int) throws -> String {
    let result = MachineType(function.resultType.register)
    let input = MachineType(function.parameters[0].register)
    let suffix = result == input ? self.type(result) : "\(self.type(result))_of_\(self.type(input))"
    let name = "\(self.name(of: function))_\(suffix)"
    return try lanewise(name, arity: function.parameters.count, result.with(lanes: lanes)) {
      try byInstruction(function, name) {
        try ExpressionPrinter.definition(of: function, named: name, lanes: 1, in: self)
      }
    }
  }
}
