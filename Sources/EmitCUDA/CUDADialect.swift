import CFamily
import MachineIR
import TileIR

/// CUDA C++, an agent to a machine program: of its t threads up to t lanes are one variable each, more are several
/// registers in a `Lanes`, and scalars are the same in every thread.
final class CUDADialect: Definitions {
  /// Warps of an agent; more than one are a block.
  let agentWarps: Int
  /// Threads of an agent.
  let threads: Int

  init(agentWarps: Int = 1) {
    self.agentWarps = agentWarps
    threads = agentWarps * GPU.warp
    super.init()
  }

  /// Names that the text of a kernel gives itself.
  static let kernelNames: Set<String> = [
    "lane", "warps", "status", "shared", "spilled", "spill", "tessera_shared", "threadIdx", "blockIdx",
    "blockDim", "gridDim", "Lanes", "whole_warp", "blocks", "warp",
  ]
  /// The number of a thread among those of its agent.
  var ownThread: String { agentWarps > 1 ? "threadIdx.x" : "threadIdx.x % 32" }
  /// The warps that share rounds of loops in the kernel at hand; nil where none do.
  var sharingWarps: Int?
  /// The bulk copies of the kernel at hand; nil where threads copy.
  var bulk: BulkCopies?

  // MARK: Types

  /// A scalar type, declared.
  @discardableResult
  func declare(_ scalar: String) -> String {
    let meaning = [
      "f32": "float", "f64": "double", "i8": "signed char", "u8": "unsigned char", "i16": "short",
      "u16": "unsigned short", "i32": "int", "u32": "unsigned int", "i64": "long",
      "u64": "unsigned long", "mask": "bool",
    ]
    addType(scalar, "typedef \(meaning[scalar]!) \(scalar);")
    return scalar
  }

  /// The name of a scalar in a register: lanes of 8 and 16 bits are held in 32.
  static func registerName(_ type: MachineType) -> String {
    if type.scalar == .mask { return "mask" }
    return type.lanes > 1 && type.scalar.isNarrow ? "i32" : type.scalar.rawValue
  }

  /// Registers of a thread that a value takes.
  func registers(_ lanes: Int) -> Int { max(1, lanes / threads) }

  @discardableResult
  func type(_ type: MachineType) -> String {
    let scalar = declare(Self.registerName(type))
    guard type.lanes > 1 else { return scalar }
    let name = "\(type.scalar.rawValue)x\(type.lanes)"
    if type.lanes <= threads {
      addType(name, "typedef \(scalar) \(name);")
    } else {
      lanes()
      // Below `Lanes`, which is no typedef.
      add(name) { "typedef Lanes<\(scalar), \(registers(type.lanes))> \(name);" }
    }
    return name
  }

  /// Whether a value is more than one variable of a thread.
  func isWide(_ type: MachineType) -> Bool { type.lanes > threads }

  // MARK: Functions

  /// An inline function; `body` stands two spaces in.
  func inline(
    _ result: String, _ name: String, _ parameters: String, body: String, why: String? = nil,
    template: String? = nil
  ) -> String {
    let comment = why.map { $0.split(separator: "\n").map { "// \($0)\n" }.joined() } ?? ""
    let head = template.map { "template <\($0)>\n" } ?? ""
    return """
      \(comment)\(head)\(inlineFunction) \(result) \(name)(\(parameters)) {
      \(body)
      }
      """
  }

  func inline(
    _ result: String, _ name: String, _ parameters: String, returns value: String, why: String? = nil,
    template: String? = nil
  ) -> String {
    inline(result, name, parameters, body: "  return \(value);", why: why, template: template)
  }

  /// The function `name` of single registers, and, for a wide value, its overload register by register; `scalar`
  /// is a parameter that is the same for all.
  func lanewise(
    _ name: String, arity: Int, _ type: MachineType, and scalar: String? = nil, _ text: () throws -> String
  ) rethrows -> String {
    try add(name, text)
    guard isWide(type) else { return name }
    lanes()
    add("\(name) of Lanes") {
      let letters = arity > 3 ? (0..<arity).map { "a\($0)" } : Array(["a", "b", "c"].prefix(arity))
      let rest = scalar.map { ["\($0.split(separator: " ").last!)"] } ?? []
      func arguments(_ register: String) -> String {
        (letters.map { "\($0).at[\(register)]" } + rest).joined(separator: ", ")
      }
      return inline(
        "auto", name,
        (letters.map { "Lanes<T, N> \($0)" } + (scalar.map { [$0] } ?? [])).joined(separator: ", "),
        body: """
            Lanes<decltype(\(name)(\(arguments("0")))), N> y;
          #pragma unroll
            for (int i = 0; i < N; i++) y.at[i] = \(name)(\(arguments("i")));
            return y;
          """, template: "typename T, int N")
    }
    return name
  }

  /// The type of values that are several registers.
  func lanes() {
    add("Lanes") {
      func binary(_ symbol: String, _ result: String = "Lanes") -> String {
        """
          __device__ __forceinline__ friend \(result) operator\(symbol)(Lanes a, Lanes b) {
            \(result) y;
        #pragma unroll
            for (int n = 0; n < N; n++) y.at[n] = a.at[n] \(symbol) b.at[n];
            return y;
          }
        """
      }
      func unary(_ symbol: String) -> String {
        """
          __device__ __forceinline__ Lanes operator\(symbol)() const {
            Lanes y;
        #pragma unroll
            for (int n = 0; n < N; n++) y.at[n] = \(symbol)at[n];
            return y;
          }
        """
      }
      let operators =
        ["+", "-", "*", "/", "&", "|", "^", "<<", ">>"].map { binary($0) }
        + ["==", "!=", "<", "<=", ">", ">="].map { binary($0, "Lanes<bool, N>") }
        + ["-", "~", "!"].map(unary)
      return """
        // A value of \(threads) N lanes, spread over a \(agentWarps > 1 ? "block" : "warp"):
        // lane l is at[l / \(threads)] of thread l % \(threads).
        template <typename T, int N>
        struct Lanes {
          T at[N];
          Lanes() = default;
          __device__ __forceinline__ Lanes(T all) {
        #pragma unroll
            for (int n = 0; n < N; n++) at[n] = all;
          }
        \(operators.joined(separator: "\n"))
          __device__ __forceinline__ Lanes &operator+=(Lanes b) { return *this = *this + b; }
        };
        """
    }
  }

  /// The mask of shuffles: all threads take part.
  func wholeWarp() -> String { add("whole_warp") { "constexpr unsigned int whole_warp = 0xffffffff;" } }
}

extension Expression {
  /// Whether each thread computes its lanes from its own: no shuffle inside, so that some threads may skip it.
  var isOwn: Bool {
    switch self {
    case .variable, .integer, .float, .laneNumbers, .table: return true
    case .apply(let instruction, let operands, _):
      switch instruction {
      case .lowHalf, .highHalf, .evenLanes, .oddLanes, .concatenate, .interleave, .lane, .multiplyBytes,
        .multiplyDoubles, .multiplyHalves:
        return false
      default: return operands.allSatisfy(\.isOwn)
      }
    case .broadcast(let value, _): return value.isOwn
    case .load(let access, _, let active): return access.offset.isOwn && active?.isOwn ?? true
    case .gather(let access, let lanes, _, let active):
      return access.offset.isOwn && lanes.isOwn && active?.isOwn ?? true
    case .element(_, let indices): return indices.allSatisfy(\.isOwn)
    case .raw(_, let offset, _): return offset.isOwn
    case .gatherRaw(_, let offset, let lanes, _): return offset.isOwn && lanes.isOwn
    case .conditional(let condition, let a, let b): return condition.isOwn && a.isOwn && b.isOwn
    }
  }
}
