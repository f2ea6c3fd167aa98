import Proofs

extension Probe {
  /// A probe of a cube core, with one vector core at its side: what each does with `given` and `found`.
  private init(
    _ name: String, _ question: String, _ assumptions: [AscendAssumption], given: [UInt8], count: Int,
    element: (given: String, found: String) = ("int8_t", "int32_t"), cube: String, vector: String = ""
  ) {
    func indented(_ text: String) -> String {
      text.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
    }
    let beside = vector.isEmpty ? "" : "\n  if (ASCEND_IS_AIV) {\n\(indented(vector))\n  }"
    self.init(
      name: name, question: question, assumptions: assumptions, given: given, count: count,
      text: """
        // \(question)
        extern "C" __global__ __aicore__ void probe_\(name)(GM_ADDR given_address, GM_ADDR found_address) {
          KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_MIX_AIC_1_1);
          GlobalTensor<\(element.given)> given;
          given.SetGlobalBuffer((__gm__ \(element.given) *)given_address);
          GlobalTensor<\(element.found)> found;
          found.SetGlobalBuffer((__gm__ \(element.found) *)found_address);
          if (ASCEND_IS_AIC) {
        \(indented(cube))
          }\(beside)
        }
        """, vectorCoresOfCube: 1)
  }

  static let cubeProbes = [layouts, overflow, flags]

  /// Operands of whole fractals from `given`, lines of `depth` elements along the depth: rows, then columns.
  ///
  /// `lineElements` are those of 32 bytes.
  private static func operands(
    rows: Int, columns: Int, depth: Int, type: String = "int8_t", lineElements: Int = 32
  ) -> String {
    let (down, along) = (rows / 16, depth / lineElements)
    let loads = (0..<down).map { row in
      "LoadData(left[\(row * along * 16 * lineElements)], left_lines, "
        + "LoadData2DParams(\(row), \(along), \(down), 0, 0, false, 0));"
    }
    return """
      LocalTensor<\(type)> left_lines(TPosition::A1, 0, \(rows * depth));
      LocalTensor<\(type)> right_lines(TPosition::A1, 65536, \(columns * depth));
      LocalTensor<\(type)> left(TPosition::A2, 0, \(rows * depth));
      LocalTensor<\(type)> right(TPosition::B2, 0, \(columns * depth));
      DataCopy(left_lines, given, Nd2NzParams(1, \(rows), \(depth), 0, \(depth), \(rows), 1, 0));
      DataCopy(right_lines, given[\(rows * depth)],
          Nd2NzParams(1, \(columns), \(depth), 0, \(depth), \(columns), 1, 0));
      SetFlag<HardEvent::MTE2_MTE1>(EVENT_ID0);
      WaitFlag<HardEvent::MTE2_MTE1>(EVENT_ID0);
      \(loads.joined(separator: "\n"))
      LoadData(right, right_lines, LoadData2DParams(0, \(columns / 16 * along), 1, 0, 0, false, 0));
      SetFlag<HardEvent::MTE1_M>(EVENT_ID0);
      WaitFlag<HardEvent::MTE1_M>(EVENT_ID0);
      """
  }

  private static let drain = """
    SetFlag<HardEvent::M_FIX>(EVENT_ID0);
    WaitFlag<HardEvent::M_FIX>(EVENT_ID0);
    """

  static let layouts = Probe(
    "layouts", "Do bytes of 32 rows and 48 columns meet as their fractals say, and come out as they are?",
    [.fractals, .drainsIntegers, .exactProducts], given: bytes(drawn((32 + 48) * 96 / 4, seed: 30)),
    count: 32 * 48,
    cube: operands(rows: 32, columns: 48, depth: 96) + "\n" + """
      LocalTensor<int32_t> sums(TPosition::CO1, 0, 1536);
      Mmad(sums, left, right, MmadParams(32, 48, 96, 0, false, true));
      \(drain)
      Fixpipe<int32_t, int32_t, CFG_ROW_MAJOR>(found, sums, FixpipeParamsV220(48, 32, 32, 48, false));
      """)

  /// -128 times -128 over a depth of 64, 2100 times: 2^31 is passed, and 2^20 is added each time.
  static let overflow = Probe(
    "overflow", "Do sums that pass 2^31 keep their low 32 bits?", [.exactProducts],
    given: [UInt8](repeating: 0x80, count: 2 * 16 * 64), count: 16 * 16,
    cube: operands(rows: 16, columns: 16, depth: 64) + "\n" + """
      LocalTensor<int32_t> sums(TPosition::CO1, 0, 256);
      for (int64_t round = 0; round < 2100; round++) {
        Mmad(sums, left, right, MmadParams(16, 16, 64, 0, false, round == 0));
        PipeBarrier<PIPE_M>();
      }
      \(drain)
      Fixpipe<int32_t, int32_t, CFG_ROW_MAJOR>(found, sums, FixpipeParamsV220(16, 16, 16, 16, false));
      """)

  /// 48 rounds over the same memory: the cube core may overwrite it when the vector core has read it.
  static let flags = Probe(
    "flags", "Is what a core wrote or read before its flag done when the other core has waited?",
    [.flagsAcross],
    given: bytes(drawn(2 * 16 * 64 / 4, seed: 31)), count: 48 * 16 + 256,
    cube: operands(rows: 16, columns: 16, depth: 64) + "\n" + """
      LocalTensor<int32_t> sums(TPosition::CO1, 0, 256);
      for (int64_t round = 0; round < 48; round++) {
        if (round > 0) WaitFlag<HardEvent::FIX_M>(EVENT_ID0);
        Mmad(sums, left, right, MmadParams(16, 16, 64, 0, false, round == 0));
        \(drain.replacing("\n", with: "\n  "))
        if (round > 0) CrossCoreWaitFlag(5);
        Fixpipe<int32_t, int32_t, CFG_ROW_MAJOR>(found[768], sums, FixpipeParamsV220(16, 16, 16, 16, false));
        CrossCoreSetFlag<2, PIPE_FIX>(0);
        if (round < 47) SetFlag<HardEvent::FIX_M>(EVENT_ID0);
      }
      """,
    vector: """
      LocalTensor<int32_t> sums(TPosition::VECCALC, 0, 256);
      LocalTensor<int32_t> row(TPosition::VECCALC, 1024, 16);
      for (int64_t round = 0; round < 48; round++) {
        CrossCoreWaitFlag(0);
        if (round > 0) WaitFlag<HardEvent::V_MTE2>(EVENT_ID0);
        DataCopyPad(sums, found[768], DataCopyExtParams(1, 1024, 0, 0, 0),
            DataCopyPadExtParams<int32_t>(false, 0, 0, 0));
        if (round < 47) CrossCoreSetFlag<2, PIPE_MTE2>(5);
        SetFlag<HardEvent::MTE2_V>(EVENT_ID0);
        WaitFlag<HardEvent::MTE2_V>(EVENT_ID0);
        if (round > 0) WaitFlag<HardEvent::MTE3_V>(EVENT_ID0);
        Adds(row, sums[16 * (round % 16)], (int32_t)round, 16);
        if (round < 47) SetFlag<HardEvent::V_MTE2>(EVENT_ID0);
        SetFlag<HardEvent::V_MTE3>(EVENT_ID0);
        WaitFlag<HardEvent::V_MTE3>(EVENT_ID0);
        DataCopyPad(found[16 * round], row, DataCopyExtParams(1, 64, 0, 0, 0));
        if (round < 47) SetFlag<HardEvent::MTE3_V>(EVENT_ID0);
      }
      """)

  // MARK: Measured

  /// Rows of halves: what is added to what, for `CubeAccumulation`.
  static let halfProducts = Probe(
    "half_products", "In which order, width and rounding are products of halves added?", [],
    given: CubeAccumulation.given.flatMap {
      [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
    },
    count: 16 * 16, element: ("half", "float"),
    cube: operands(rows: 16, columns: 16, depth: CubeAccumulation.depth, type: "half", lineElements: 16)
      + "\n" + """
        LocalTensor<float> sums(TPosition::CO1, 0, 256);
        Mmad(sums, left, right, MmadParams(16, 16, \(CubeAccumulation.depth), 0, false, true));
        \(drain)
        Fixpipe<float, float, CFG_ROW_MAJOR>(found, sums, FixpipeParamsV220(16, 16, 16, 16, false));
        """)
}
