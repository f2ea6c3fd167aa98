import Proofs

extension Probe {
  static let lanes = 64

  /// A probe of a vector core: `body` finds all that is given in `given` and leaves its answer in `found`,
  /// tensors of floats; `unit` is the pipe that it works on. Two more tensors are at hand.
  init(
    _ name: String, _ question: String, _ assumptions: [AscendAssumption], given: [UInt8], count: Int,
    unit: String = "V",
    body: String
  ) {
    self.init(
      name: name, question: question, assumptions: assumptions, given: given, count: count,
      text: """
        // \(question)
        extern "C" __global__ __aicore__ void probe_\(name)(GM_ADDR given_address, GM_ADDR found_address) {
          KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);
          GlobalTensor<float> given_memory;
          given_memory.SetGlobalBuffer((__gm__ float *)given_address);
          GlobalTensor<float> found_memory;
          found_memory.SetGlobalBuffer((__gm__ float *)found_address);
          LocalTensor<float> given(TPosition::VECCALC, 0, \(given.count / 4));
          LocalTensor<float> found(TPosition::VECCALC, 16384, \(count));
          LocalTensor<uint8_t> masks(TPosition::VECCALC, 32768, 256);
          LocalTensor<half> halves(TPosition::VECCALC, 36864, 64);
          DataCopyPad(given, given_memory, DataCopyExtParams(1, \(given.count), 0, 0, 0),
              DataCopyPadExtParams<float>(false, 0, 0, 0));
          SetFlag<HardEvent::MTE2_\(unit)>(EVENT_ID0);
          WaitFlag<HardEvent::MTE2_\(unit)>(EVENT_ID0);
        \(body.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
          SetFlag<HardEvent::V_MTE3>(EVENT_ID0);
          WaitFlag<HardEvent::V_MTE3>(EVENT_ID0);
          DataCopyPad(found_memory, found, DataCopyExtParams(1, \(4 * count), 0, 0, 0));
        }
        """, vectorCoresOfCube: 0)
  }

  static let vectorProbes = [
    rounding, subnormals, comparisons, moved, integers, conversions, gathered, repeated, wide, stored, narrow,
  ]

  /// Pairs whose sums and products have to be rounded, ties among them.
  private static let ordinary: [Float] = {
    var a = floats(lanes, exponents: -12...12, seed: 1)
    var b = floats(lanes, exponents: -12...12, seed: 3)
    // Sums half way between floats, below an even and an odd one; a product half way.
    a.replaceSubrange(0..<4, with: [1, 1 + 0x1p-23, -1, 1 + 0x1p-12])
    b.replaceSubrange(0..<4, with: [0x1p-24, 0x1p-24, -0x1p-24, 1 + 0x1p-12])
    return a + b
  }()

  static let rounding = Probe(
    "rounding", "Do Add, Sub, Mul, Adds and Muls round to nearest even?", [.roundsToNearest],
    given: bytes(ordinary),
    count: 5 * lanes,
    body: """
      Add(found, given, given[64], 64);
      Sub(found[64], given, given[64], 64);
      Mul(found[128], given, given[64], 64);
      Adds(found[192], given, 0x1.000002p-3f, 64);
      Muls(found[256], given, 0x1.555556p-2f, 64);
      """)

  static let subnormals = Probe(
    "subnormals", "Are subnormal numbers kept as operands and as results?", [.subnormals],
    given: bytes(
      drawn(lanes, seed: 5).map { $0 & 0x807f_ffff } + drawn(lanes, seed: 6).map { $0 & 0x80ff_ffff }),
    count: 5 * lanes,
    body: """
      Add(found, given, given[64], 64);
      Sub(found[64], given, given[64], 64);
      Muls(found[128], given[64], 0x1p-3f, 64);
      Muls(found[192], given, 0x1p20f, 64);
      Compare(masks, given, given[64], CMPMODE::LT, 64);
      PipeBarrier<PIPE_V>();
      Select(found[256], masks, given, given[64], SELMODE::VSEL_TENSOR_TENSOR_MODE, 64);
      """)

  /// Every pair of eight numbers, then ones, then zeros.
  private static let pairs: [UInt32] = {
    let numbers: [UInt32] = [
      0, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xff80_1234,
    ]
    return (0..<lanes).map { numbers[$0 / 8] } + (0..<lanes).map { numbers[$0 % 8] }
      + [UInt32](repeating: 0x3f80_0000, count: lanes) + [UInt32](repeating: 0, count: lanes)
  }()

  static let comparisons = Probe(
    "comparisons", "Are comparisons with NaN false, and do zeros of both signs equal?", [.comparesNaN],
    given: bytes(pairs), count: 6 * lanes,
    body: ["LT", "LE", "EQ", "NE", "GT", "GE"].enumerated().map { number, mode in
      """
      Compare(masks[\(32 * number)], given, given[64], CMPMODE::\(mode), 64);
      PipeBarrier<PIPE_V>();
      Select(found[\(64 * number)], masks[\(32 * number)], given[128], given[192],
          SELMODE::VSEL_TENSOR_TENSOR_MODE, 64);
      """
    }.joined(separator: "\n"))

  static let moved = Probe(
    "moved", "Do Select and Copy keep every bit, those of NaN too?", [.selectsBits],
    given: bytes(drawn(lanes, seed: 7).map { $0 | 0x7f80_0000 } + drawn(lanes, seed: 8) + drawn(8, seed: 9)),
    count: 2 * lanes,
    body: """
      Select(found, given[128].ReinterpretCast<uint8_t>(), given, given[64],
          SELMODE::VSEL_TENSOR_TENSOR_MODE, 64);
      DataCopy(found[64], given[64], 64);
      PipeBarrier<PIPE_V>();
      uint64_t lanes[2] = {0xf0e1d2c3b4a59687, 0};
      Copy(found[64], given, lanes, 1, CopyRepeatParams(1, 1, 8, 8));
      """)

  static let integers = Probe(
    "integers", "Do sums and products of int32 give their low 32 bits?", [.wrapsIntegers],
    given: bytes(drawn(2 * lanes, seed: 10)), count: 3 * lanes,
    body: """
      Add(found.ReinterpretCast<int32_t>(), given.ReinterpretCast<int32_t>(),
          given[64].ReinterpretCast<int32_t>(), 64);
      Adds(found[64].ReinterpretCast<int32_t>(), given.ReinterpretCast<int32_t>(), (int32_t)0x7fffffff, 64);
      Muls(found[128].ReinterpretCast<int32_t>(), given.ReinterpretCast<int32_t>(), (int32_t)0x10001, 64);
      """)

  static let conversions = Probe(
    "conversions", "Is Cast exact, or rounded to nearest even, within range?", [.exactConversions],
    given: bytes(floats(lanes - 4, exponents: -3...30, seed: 11) + [0.5, 1.5, -2.5, 8388609.5])
      + bytes(drawn(lanes, seed: 13)) + bytes(floats(lanes, exponents: -26...15, seed: 14).map { $0 * 0.5 })
      + bytes(drawn(lanes / 2, seed: 16)),
    count: 4 * lanes,
    body: """
      Cast(found.ReinterpretCast<int32_t>(), given, RoundMode::CAST_RINT, 64);
      Cast(found[64], given[64].ReinterpretCast<int32_t>(), RoundMode::CAST_RINT, 64);
      Cast(halves, given[128], RoundMode::CAST_RINT, 64);
      PipeBarrier<PIPE_V>();
      Cast(found[128], halves, RoundMode::CAST_NONE, 64);
      Cast(found[192], given[192].ReinterpretCast<bfloat16_t>(), RoundMode::CAST_NONE, 64);
      """)

  static let gathered = Probe(
    "gathered", "Does Gather take any multiple of 4 as an offset?", [.gathersWords],
    given: bytes(drawn(lanes, seed: 17) + drawn(lanes, seed: 18).map { 4 * ($0 % 64) }), count: lanes,
    body: "Gather(found, given, given[64].ReinterpretCast<uint32_t>(), 0, 64);")

  static let repeated = Probe(
    "repeated", "Do strides of 0 repeat one block of Copy, and one repeat or block, or a block a repeat, of an operand?",
    [.stridesOfZero], given: bytes(drawn(8 + 3 * lanes, seed: 19)), count: 8 * lanes,
    body: """
      Copy(found, given, 64, 2, CopyRepeatParams(1, 0, 8, 0));
      LocalTensor<int32_t> words = given.ReinterpretCast<int32_t>(), sums = found.ReinterpretCast<int32_t>();
      Add(sums[128], words[8], words[72], 64, 2, BinaryRepeatParams(1, 1, 1, 8, 0, 8));
      Add(sums[256], words[8], words[72], 64, 2, BinaryRepeatParams(1, 0, 1, 8, 0, 8));
      Add(sums[384], words[72], words[8], 64, 2, BinaryRepeatParams(1, 1, 0, 8, 8, 1));
      """)

  static let wide = Probe(
    "wide", "Does the scalar unit read and write elements of 64 bits, and is what it wrote copied out?",
    [.wideScalars, .scalarStores], given: bytes(drawn(64, seed: 20)), count: 64, unit: "S",
    body: """
      LocalTensor<int64_t> from = given.ReinterpretCast<int64_t>(), to = found.ReinterpretCast<int64_t>();
      for (int64_t i = 0; i < 32; i++) to.SetValue(i, from.GetValue((uint32_t)(31 - i)) * 3 + i);
      SetFlag<HardEvent::S_MTE3>(EVENT_ID1);
      WaitFlag<HardEvent::S_MTE3>(EVENT_ID1);
      """)

  static let stored = Probe(
    "stored", "Does the vector unit see what the scalar unit wrote before an event?", [.scalarStores],
    given: bytes(drawn(lanes, seed: 21)), count: lanes, unit: "S",
    body: """
      LocalTensor<int32_t> words = given.ReinterpretCast<int32_t>();
      for (int64_t i = 0; i < 64; i += 2) words.SetValue(i, (int32_t)(i * i));
      SetFlag<HardEvent::S_V>(EVENT_ID1);
      WaitFlag<HardEvent::S_V>(EVENT_ID1);
      Adds(found.ReinterpretCast<int32_t>(), words, (int32_t)1, 64);
      """)

  /// Five copies of a few bytes each, to places that no block begins at.
  static let narrow = Probe(
    name: "narrow", question: "Do copies out write their bytes alone, from any byte on?",
    assumptions: [.narrowStores],
    given: bytes(drawn(40, seed: 22)), count: 24,
    text: """
      // Do copies out write their bytes alone, from any byte on?
      extern "C" __global__ __aicore__ void probe_narrow(GM_ADDR given_address, GM_ADDR found_address) {
        KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);
        GlobalTensor<uint8_t> given_memory;
        given_memory.SetGlobalBuffer((__gm__ uint8_t *)given_address);
        GlobalTensor<uint8_t> found_memory;
        found_memory.SetGlobalBuffer((__gm__ uint8_t *)found_address);
        LocalTensor<uint8_t> given(TPosition::VECCALC, 0, 160);
        DataCopyPad(given, given_memory, DataCopyExtParams(1, 160, 0, 0, 0),
            DataCopyPadExtParams<uint8_t>(false, 0, 0, 0));
        SetFlag<HardEvent::MTE2_MTE3>(EVENT_ID0);
        WaitFlag<HardEvent::MTE2_MTE3>(EVENT_ID0);
        DataCopyPad(found_memory[1], given, DataCopyExtParams(1, 1, 0, 0, 0));
        DataCopyPad(found_memory[6], given[32], DataCopyExtParams(1, 2, 0, 0, 0));
        DataCopyPad(found_memory[29], given[64], DataCopyExtParams(1, 7, 0, 0, 0));
        DataCopyPad(found_memory[37], given[96], DataCopyExtParams(1, 3, 0, 0, 0));
        DataCopyPad(found_memory[43], given[128], DataCopyExtParams(1, 30, 0, 0, 0));
      }
      """, vectorCoresOfCube: 0)
}
