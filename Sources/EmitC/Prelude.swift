import MachineIR
import TileIR

/// The typedefs and small functions that printed kernels call, each written once a type, in the order
/// in which they were first needed.
struct Prelude {
  let machine: MachineDescription
  private var types: [String] = []
  private var typeSet: Set<String> = []
  private var functions: [String] = []
  private var functionSet: Set<String> = []

  init(machine: MachineDescription) { self.machine = machine }

  var text: String { (types + [""] + functions).joined(separator: "\n") }

  /// Declares the vector type and returns its name.
  mutating func vector(_ prefix: String, _ lanes: Int) -> String {
    let name = "\(prefix)x\(lanes)"
    let element = [
      "f32": "float", "f64": "double", "i8": "int8_t", "u8": "uint8_t", "i16": "int16_t",
      "u16": "uint16_t", "i32": "int32_t", "u32": "uint32_t", "i64": "int64_t", "u64": "uint64_t",
    ][prefix]!
    if typeSet.insert(name).inserted {
      types.append("typedef \(element) \(name) __attribute__((ext_vector_type(\(lanes))));")
      types.append("typedef \(name) \(name)_at __attribute__((aligned(sizeof(\(element))), may_alias));")
    }
    return name
  }

  mutating func type(_ type: MachineType) -> String {
    type.lanes == 1 ? type.scalar.cName : vector(type.scalar.vectorPrefix, type.lanes)
  }

  /// Declares a function under `name` unless it is there, and returns the name.
  mutating func function(_ name: String, _ text: (inout Prelude) throws -> String) rethrows -> String {
    if functionSet.insert(name).inserted {
      let body = try text(&self)
      functions.append(body)
    }
    return name
  }

  // MARK: Memory

  /// Consecutive elements as register lanes. Packed pairs unfold to one lane each.
  mutating func load(_ element: ElementType, _ type: MachineType, partial: Bool) -> String {
    let lanes = type.lanes
    let name = "load_\(element.rawValue)x\(lanes)\(partial ? "_part" : "")"
    return function(name) { prelude in
      let result = prelude.type(type)
      let packed = element.bitWidth == 4
      let stored = prelude.vector(element.vectorPrefix, packed ? lanes / 2 : lanes)
      var body = "static inline \(result) \(name)(const \(element.cStorage) *from, int64_t at\(partial ? ", int64_t active" : "")) {\n"
      let place = packed ? "from + at / 2" : "from + at"
      if partial {
        let bytes = packed ? "(active + 1) / 2" : "active * sizeof(*from)"
        body += "  \(stored) codes = 0;\n"
        body += "  if (active > 0) tessera_copy(&codes, \(place), \(bytes));\n"
      } else {
        body += "  const \(stored) codes = *(const \(stored)_at *)(\(place));\n"
      }
      body += prelude.unfold(element, lanes, result)
      if partial, packed {
        let numbers = prelude.laneNumbers(lanes)
        body = body.replacingReturn(with: "return \(numbers) < (int32_t)active ? lanes : 0;")
      } else {
        body = body.replacingReturn(with: "return lanes;")
      }
      return body + "}\n"
    }
  }

  private mutating func unfold(_ element: ElementType, _ lanes: Int, _ result: String) -> String {
    let wide = vector("i32", lanes)
    switch element {
    case .float32, .int32: return "  const \(result) lanes = codes;\n  RETURN\n"
    case .e2m1, .int4:
      let pairs = (0..<lanes / 2).map { "\($0), \($0 + lanes / 2)" }.joined(separator: ", ")
      let nibbles = vector("u8", lanes)
      var text = "  const \(nibbles) nibbles = __builtin_shufflevector(codes & 15, codes >> 4, \(pairs));\n"
      text += "  const \(wide) wide = __builtin_convertvector(nibbles, \(wide));\n"
      text += element == .int4
        ? "  const \(wide) lanes = (wide ^ 8) - 8;\n" : "  const \(wide) lanes = wide;\n"
      return text + "  RETURN\n"
    case .bool:
      return "  const \(wide) lanes = __builtin_convertvector(codes, \(wide)) != 0;\n  RETURN\n"
    default:
      return "  const \(wide) lanes = __builtin_convertvector(codes, \(wide));\n  RETURN\n"
    }
  }

  /// Register lanes as consecutive elements.
  mutating func store(_ element: ElementType, _ type: MachineType, partial: Bool) -> String {
    let lanes = type.lanes
    let name = "store_\(element.rawValue)x\(lanes)\(partial ? "_part" : "")"
    return function(name) { prelude in
      let value = prelude.type(type)
      let packed = element.bitWidth == 4
      let stored = prelude.vector(element.vectorPrefix, packed ? lanes / 2 : lanes)
      var body = "static inline void \(name)(\(element.cStorage) *to, int64_t at, \(value) lanes\(partial ? ", int64_t active" : "")) {\n"
      let place = packed ? "to + at / 2" : "to + at"
      switch element {
      case .float32, .int32: body += "  const \(stored) codes = lanes;\n"
      case .bool: body += "  const \(stored) codes = __builtin_convertvector(lanes & 1, \(stored));\n"
      case .e2m1, .int4:
        let even = stride(from: 0, to: lanes, by: 2).map(String.init).joined(separator: ", ")
        let odd = stride(from: 1, to: lanes, by: 2).map(String.init).joined(separator: ", ")
        let bytes = prelude.vector("u8", lanes)
        body += "  const \(bytes) nibbles = __builtin_convertvector(lanes & 15, \(bytes));\n"
        body += "  const \(stored) codes = __builtin_shufflevector(nibbles, nibbles, \(even))\n"
        body += "    | __builtin_shufflevector(nibbles, nibbles, \(odd)) << 4;\n"
      default: body += "  const \(stored) codes = __builtin_convertvector(lanes, \(stored));\n"
      }
      if partial {
        let bytes = packed ? "(active + 1) / 2" : "active * sizeof(*to)"
        body += "  if (active > 0) tessera_copy(\(place), &codes, \(bytes));\n"
      } else {
        body += "  *(\(stored)_at *)(\(place)) = codes;\n"
      }
      return body + "}\n"
    }
  }

  /// One element a lane, from lanes of their own.
  mutating func gather(_ element: ElementType, _ type: MachineType, _ offsets: MachineType) -> String {
    let name = "gather_\(element.rawValue)x\(type.lanes)_\(offsets.scalar.rawValue)"
    let one = loadOne(element)
    return function(name) { prelude in
      let value = prelude.type(type)
      let result = element == .bool ? "-\(one)" : one
      return """
        static inline \(value) \(name)(const \(element.cStorage) *from, int64_t at, \(prelude.type(offsets)) offsets, int64_t active) {
          \(value) lanes = 0;
          for (int lane = 0; lane < \(type.lanes); lane++)
            if (lane < active) lanes[lane] = \(result)(from, at + offsets[lane]);
          return lanes;
        }

        """
    }
  }

  mutating func scatter(_ element: ElementType, _ type: MachineType, _ offsets: MachineType) -> String {
    let name = "scatter_\(element.rawValue)x\(type.lanes)_\(offsets.scalar.rawValue)"
    let one = storeOne(element)
    return function(name) { prelude in
      """
      static inline void \(name)(\(element.cStorage) *to, int64_t at, \(prelude.type(offsets)) offsets, \(prelude.type(type)) lanes, int64_t active) {
        for (int lane = 0; lane < \(type.lanes); lane++)
          if (lane < active) \(one)(to, at + offsets[lane], lanes[lane]);
      }

      """
    }
  }

  mutating func gatherRaw(_ type: MachineType, _ offsets: MachineType) -> String {
    let name = "gather_\(type.cName)_\(offsets.scalar.rawValue)"
    return function(name) { prelude in
      let value = prelude.type(type)
      return """
        static inline \(value) \(name)(const \(type.scalar.cName) *from, int64_t at, \(prelude.type(offsets)) offsets) {
          \(value) lanes = 0;
          for (int lane = 0; lane < \(type.lanes); lane++) lanes[lane] = from[at + offsets[lane]];
          return lanes;
        }

        """
    }
  }

  mutating func loadOne(_ element: ElementType) -> String {
    function("load_\(element.rawValue)") { _ in
      let result = element == .float32 ? "float" : "int32_t"
      let value: String
      switch element {
      case .e2m1: value = "from[at >> 1] >> (at & 1) * 4 & 15"
      case .int4: value = "((from[at >> 1] >> (at & 1) * 4 & 15) ^ 8) - 8"
      case .bool: value = "from[at] != 0"
      default: value = "from[at]"
      }
      return """
        static inline \(result) load_\(element.rawValue)(const \(element.cStorage) *from, int64_t at) {
          return \(value);
        }

        """
    }
  }

  mutating func storeOne(_ element: ElementType) -> String {
    function("store_\(element.rawValue)") { _ in
      let type = element == .float32 ? "float" : "int32_t"
      var body = "  to[at] = (\(element.cStorage))value;"
      if element.bitWidth == 4 {
        // The other element of the byte stays; two cells never share a byte.
        body = """
            const int shift = (at & 1) * 4;
            to[at >> 1] = (uint8_t)((to[at >> 1] & (240 >> shift)) | (value & 15) << shift);
          """
      } else if element == .bool {
        body = "  to[at] = value != 0;"
      }
      return """
        static inline void store_\(element.rawValue)(\(element.cStorage) *to, int64_t at, \(type) value) {
        \(body)
        }

        """
    }
  }

  mutating func laneNumbers(_ lanes: Int) -> String {
    let name = "lane_numbers_\(lanes)"
    return function(name) { prelude in
      let type = prelude.vector("i32", lanes)
      let numbers = (0..<lanes).map(String.init).joined(separator: ", ")
      return "static const \(type) \(name) = {\(numbers)};\n"
    }
  }
}

extension String {
  fileprivate func replacingReturn(with text: String) -> String {
    var copy = self
    if let range = copy.firstRange(of: "RETURN") { copy.replaceSubrange(range, with: text) }
    return copy
  }
}
