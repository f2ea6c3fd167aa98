import MachineIR

/// What pipe programs and their proofs suppose of an Ascend chip that no public document states, or that documents
/// state only in part. Each is a question that a measurement on a chip can answer.
public enum AscendAssumption: String, Hashable, Sendable, CaseIterable {
  case roundsToNearest, subnormals, comparesNaN, selectsBits, wrapsIntegers, exactConversions, gathersWords,
    stridesOfZero, completesOutOfOrder, raisesWhenDone, scalarsInOrder, scalarStores, wideScalars,
    narrowStores,
    exactProducts, drainsIntegers, flagsAcross, fractals

  public var sentence: String {
    switch self {
    case .roundsToNearest: "Add, Sub, Mul, Adds and Muls of float32 round to nearest even"
    case .subnormals: "arithmetic and comparisons of float32 keep subnormal numbers"
    case .comparesNaN: "comparisons with NaN are false, and +0 equals -0"
    case .selectsBits: "Select and Copy keep the bits of their elements, those of NaN too"
    case .wrapsIntegers: "Add, Adds and Muls of int32 give the low 32 bits"
    case .exactConversions: "Cast is exact or rounds to nearest even wherever the result is in range"
    case .gathersWords: "Gather takes byte offsets that are multiples of 4 from anywhere in its tensor"
    case .stridesOfZero:
      "Copy with strides of 0 repeats one block, an operand's strides of 0 one repeat or one block, for all repeats or "
        + "each its own"
    case .completesOutOfOrder: "instructions of one pipe begin in program order and may end in any"
    case .raisesWhenDone: "an event is raised when all instructions of its pipe before it are done"
    case .scalarsInOrder: "what the scalar unit has read is done before it hands over its next instruction"
    case .exactProducts: "Mmad of int8 gives the low 32 bits of exact sums"
    case .drainsIntegers: "Fixpipe of int32 without quantisation copies sums as they are"
    case .flagsAcross:
      "a flag of mode 2 is raised when all instructions of its pipe before it are done, MTE2's and FIX's too, and what "
        + "they have written to main memory is there for the core that waits"
    case .fractals: "operands and sums lie in L1, L0A, L0B and L0C as zN, zZ, nZ and zN"
    case .scalarStores:
      "what the scalar unit has written to the unified buffer is there when an event that it raises says so"
    case .wideScalars: "the scalar unit reads and writes elements of 64 bits, from any multiple of 8 bytes on"
    case .narrowStores: "copies out write their bytes alone, from any byte of main memory on"
    }
  }
}
