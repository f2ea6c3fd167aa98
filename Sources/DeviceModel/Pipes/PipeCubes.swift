extension ModelText {
  /// What the instructions of a cube core do, fractal by fractal.
  static let pipeCubes = #"""
    // Rows to fractals of L1: shape is rows, bytes of a row, from one column of fractals to the next and from one line
    // to the next in lines.
    void run_stage(const instruction &i) {
      const slot *at = slot_of(i.memory);
      const u32 rows = i.shape[0], bytes = i.shape[1];
      for (u32 r = 0; r < rows; r++)
        for (u32 b = 0; b < bytes; b += LINE) {
          const u32 place = i.to.place + (b / LINE * i.shape[2] + r * i.shape[3]) * LINE;
          const u32 count = bytes - b < LINE ? bytes - b : LINE;
          const u8 *from = i.memory + (u64)r * i.memory_pitch + b;
          // Columns are filled up with zeros.
          if (count < LINE) memset(local + place, 0, LINE);
          memset(poison + place, 0, LINE);
          memcpy(local + place, from, count);
          if (at->defined) copy_inverted(poison + place, at->defined + (from - at->start), count);
        }
    }
    // Fractals that lie a stride apart: shape is the first, their number and the stride; what lies between them on the
    // other side is the count.
    void run_fractals(const instruction &i) {
      for (u32 n = 0; n < i.shape[1]; n++) {
        const u32 to = i.to.place + n * (1 + i.count) * FRACTAL_BYTES;
        const u32 from = i.from[0].place + (i.shape[0] + n * i.shape[2]) * FRACTAL_BYTES;
        memcpy(local + to, local + from, FRACTAL_BYTES);
        memcpy(poison + to, poison + from, FRACTAL_BYTES);
      }
    }
    // Squares of 32 lines of 32 bytes, turned: shape is the first, their number and the stride, of places the count.
    void run_turned(const instruction &i) {
      for (u32 n = 0; n < i.shape[1]; n++) {
        const u32 to = i.to.place + n * (1 + i.count) * FRACTAL_BYTES;
        const u32 from = i.from[0].place + (i.shape[0] + n * i.shape[2]) * 2 * FRACTAL_BYTES;
        for (u32 r = 0; r < LINE; r++)
          for (u32 c = 0; c < LINE; c++) {
            local[to + c * LINE + r] = local[from + r * LINE + c];
            poison[to + c * LINE + r] = poison[from + r * LINE + c];
          }
      }
    }
    // Products of a line's bytes: no sum of 32 of them needs more than 20 bits.
    INLINE u32 line_product(const u8 *x, const u8 *y) {
      i32 sum = 0;
      for (u32 k = 0; k < LINE; k++) sum += (i32)(i8)x[k] * (i32)(i8)y[k];
      return (u32)sum;
    }
    INLINE bool holds_all(span at) {
      u64 any = 0;
      for (u32 b = 0; b < at.bytes; b += 8) any |= word_of(poison + at.place + b, 8);
      return !any;
    }
    // Shape is rows, columns and depth; the mode says whether sums begin at 0. Operands are whole fractals.
    void run_multiply(const instruction &i) {
      const u32 rows = i.shape[0], columns = i.shape[1], depth = i.shape[2];
      const u32 across = depth / LINE, wide = columns / FRACTAL;
      const bool hold_all = holds_all(i.from[0]) && holds_all(i.from[1]);
      for (u32 r = 0; r < rows; r++)
        for (u32 c = 0; c < columns; c++) {
          const u32 at = i.to.place + 4 * ((c / FRACTAL * rows + r) * FRACTAL + c % FRACTAL);
          u32 sum = i.mode ? 0 : (u32)word_of(local + at, 4);
          bool has_nothing = !i.mode && word_of(poison + at, 4);
          for (u32 k = 0; k < across; k++) {
            const u32 x = i.from[0].place + (r / FRACTAL * across + k) * FRACTAL_BYTES + r % FRACTAL * LINE;
            const u32 y = i.from[1].place + (k * wide + c / FRACTAL) * FRACTAL_BYTES + c % FRACTAL * LINE;
            sum += line_product(local + x, local + y);
            has_nothing |= !hold_all && !(holds_all({x, LINE}) && holds_all({y, LINE}));
          }
          __builtin_memcpy(local + at, &sum, 4);
          __builtin_memset(poison + at, has_nothing ? 0xff : 0, 4);
        }
    }
    // Shape is rows, columns, and lines from one column of fractals to the next.
    void run_drain(const instruction &i) {
      slot *at = slot_of(i.memory);
      for (u32 r = 0; r < i.shape[0]; r++)
        for (u32 c = 0; c < i.shape[1]; c += FRACTAL) {
          const u32 from = i.from[0].place + 4 * (c / FRACTAL * i.shape[2] + r) * FRACTAL;
          u8 *to = i.memory + (u64)r * i.memory_pitch + 4 * c;
          const u64 place = (u64)(to - at->start);
          for (u32 b = 0; b < 4 * FRACTAL && !holds_all({from, 4 * FRACTAL}); b += 4)
            if (word_of(poison + from + b, 4))
              report(UNDEFINED, AIC * PIPES + FIX, i.line, AIC * PIPES + FIX, 0, at - slots, (i64)place + b, 0);
          memcpy(to, local + from, 4 * FRACTAL);
          if (at->defined) memset(at->defined + place, 255, 4 * FRACTAL);
        }
    }
    """#

  /// What the text of a cube core uses of Ascend C, with the limits of each.
  static let cubeInterface = #"""
    namespace AscendC {
    inline void on_cube(uint32_t line) { limit(model::core == model::AIC, line, model::core); }
    inline void CrossCoreWaitFlag(int32_t id, TESSERA_LINE) {
      limit(model::vectors_of_cube && id >= 0 && id < model::FLAGS, line, id);
      model::await_flag((uint32_t)id, line);
    }
    // Mode 2: a cube core with the vector cores at its side.
    template <int mode, pipe_t pipe> inline void CrossCoreSetFlag(int32_t id, TESSERA_LINE) {
      limit(mode == 2 && model::vectors_of_cube && id >= 0 && id < model::FLAGS, line, id);
      limit(model::core == model::AIC ? pipe == PIPE_FIX || pipe == PIPE_MTE2 : pipe == PIPE_MTE2 || pipe == PIPE_MTE3, line, pipe);
      model::issue(pipe, model::SET_FLAG, line).event = id;
      model::commit(pipe);
    }
    struct Nd2NzParams {
      uint32_t ndNum, nValue, dValue, srcNdMatrixStride, srcDValue, dstNzC0Stride, dstNzNStride, dstNzMatrixStride;
      Nd2NzParams(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f, uint32_t g, uint32_t h)
          : ndNum(a), nValue(b), dValue(c), srcNdMatrixStride(d), srcDValue(e), dstNzC0Stride(f), dstNzNStride(g),
            dstNzMatrixStride(h) {}
    };
    inline void DataCopy(
        const LocalTensor<int8_t> &to, const GlobalTensor<int8_t> &from, const Nd2NzParams &shape, TESSERA_LINE) {
      on_cube(line);
      limit(shape.ndNum == 1, line, shape.ndNum);
      limit(shape.nValue > 0 && shape.nValue <= 16384, line, shape.nValue);
      limit(shape.dValue > 0 && shape.dValue <= 65535, line, shape.dValue);
      limit(shape.srcDValue >= shape.dValue && shape.srcDValue <= 65535, line, shape.srcDValue);
      limit(shape.dstNzC0Stride >= shape.nValue && shape.dstNzC0Stride <= 16384, line, shape.dstNzC0Stride);
      limit(shape.dstNzNStride == 1, line, shape.dstNzNStride);
      const uint32_t columns = (shape.dValue + model::LINE - 1) / model::LINE;
      model::require_memory(to.place, model::L1, line);
      const model::span own = to.checked(
          0, ((columns - 1) * shape.dstNzC0Stride + shape.nValue) * model::LINE, model::own(model::MTE2), line);
      model::instruction &fresh = model::issue(model::MTE2, model::WORK, line);
      fresh.run = model::run_stage;
      fresh.to = own;
      if (shape.nValue < shape.dstNzC0Stride) {
        fresh.to.bytes = shape.nValue * model::LINE;
        fresh.to_parts = columns;
        fresh.to_pitch = shape.dstNzC0Stride * model::LINE;
      }
      fresh.memory = (uint8_t *)from.at;
      fresh.memory_bytes = shape.dValue;
      fresh.memory_rows = shape.nValue;
      fresh.memory_pitch = shape.srcDValue;
      const uint32_t words[] = {shape.nValue, shape.dValue, shape.dstNzC0Stride, shape.dstNzNStride};
      __builtin_memcpy(fresh.shape, words, sizeof(words));
      model::commit(model::MTE2);
    }
    struct LoadData2DParams {
      uint32_t startIndex, repeatTimes, srcStride, sid, dstGap, ifTranspose, addrMode;
      LoadData2DParams(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, bool f, uint32_t g)
          : startIndex(a), repeatTimes(b), srcStride(c), sid(d), dstGap(e), ifTranspose(f), addrMode(g) {}
    };
    inline void LoadData(
        const LocalTensor<int8_t> &to, const LocalTensor<int8_t> &from, const LoadData2DParams &shape, TESSERA_LINE) {
      on_cube(line);
      limit(shape.startIndex <= 65535, line, shape.startIndex);
      limit(shape.repeatTimes > 0 && shape.repeatTimes <= 255, line, shape.repeatTimes);
      // Bytes are not transposed by this one.
      limit(!shape.ifTranspose && !shape.addrMode && shape.srcStride <= 65535, line, shape.srcStride);
      model::require_memory(from.place, model::L1, line);
      limit(model::is_in(to.place, model::L0A) || model::is_in(to.place, model::L0B), line, to.place);
      const uint32_t last = shape.startIndex + (shape.repeatTimes - 1) * shape.srcStride;
      const model::span source = from.checked(0, (last + 1) * model::FRACTAL_BYTES, model::own(model::MTE1), line);
      const model::span own = to.checked(
          0, ((shape.repeatTimes - 1) * (1 + shape.dstGap) + 1) * model::FRACTAL_BYTES, model::own(model::MTE1), line, 512);
      model::instruction &fresh = model::issue(model::MTE1, model::WORK, line);
      fresh.run = model::run_fractals;
      fresh.to = own;
      fresh.from[0] = source;
      fresh.count = shape.dstGap;
      fresh.shape[0] = shape.startIndex;
      fresh.shape[1] = shape.repeatTimes;
      fresh.shape[2] = shape.srcStride;
      model::commit(model::MTE1);
    }
    struct LoadData2dTransposeParams {
      uint32_t startIndex, repeatTimes, srcStride, dstGap, dstFracGap;
      LoadData2dTransposeParams(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e)
          : startIndex(a), repeatTimes(b), srcStride(c), dstGap(d), dstFracGap(e) {}
    };
    // Of bytes two fractals, one below the other, are turned as one square and parted again.
    inline void LoadDataWithTranspose(
        const LocalTensor<int8_t> &to, const LocalTensor<int8_t> &from, const LoadData2dTransposeParams &shape,
        TESSERA_LINE) {
      on_cube(line);
      limit(shape.startIndex <= 65535, line, shape.startIndex);
      limit(shape.repeatTimes > 0 && shape.repeatTimes <= 255, line, shape.repeatTimes);
      limit(shape.srcStride <= 65535, line, shape.srcStride);
      limit(shape.dstGap > 0 && shape.dstGap <= 65535, line, shape.dstGap);
      limit(shape.dstFracGap == 0, line, shape.dstFracGap);
      model::require_memory(from.place, model::L1, line);
      limit(model::is_in(to.place, model::L0A) || model::is_in(to.place, model::L0B), line, to.place);
      const uint32_t square = 2 * model::FRACTAL_BYTES, pitch = (1 + shape.dstGap) * model::FRACTAL_BYTES;
      const uint32_t last = shape.startIndex + (shape.repeatTimes - 1) * shape.srcStride;
      const model::span source = from.checked(0, (last + 1) * square, model::own(model::MTE1), line);
      const model::span own =
          to.checked(0, (shape.repeatTimes - 1) * pitch + square, model::own(model::MTE1), line, 512);
      model::instruction &fresh = model::issue(model::MTE1, model::WORK, line);
      fresh.run = model::run_turned;
      fresh.to = own;
      fresh.to.bytes = square;
      fresh.to_parts = shape.repeatTimes;
      fresh.to_pitch = pitch;
      fresh.from[0] = source;
      fresh.count = shape.dstGap;
      fresh.shape[0] = shape.startIndex;
      fresh.shape[1] = shape.repeatTimes;
      fresh.shape[2] = shape.srcStride;
      model::commit(model::MTE1);
    }
    struct MmadParams {
      uint32_t m, n, k, unitFlag;
      bool cmatrixSource, cmatrixInitVal;
      MmadParams(uint32_t m, uint32_t n, uint32_t k, uint32_t unit, bool source, bool clears)
          : m(m), n(n), k(k), unitFlag(unit), cmatrixSource(source), cmatrixInitVal(clears) {}
    };
    inline void Mmad(
        const LocalTensor<int32_t> &to, const LocalTensor<int8_t> &left, const LocalTensor<int8_t> &right,
        const MmadParams &shape, TESSERA_LINE) {
      on_cube(line);
      // Whole fractals: what lies beside the sums of others is nobody's.
      limit(shape.m && shape.m <= 4095 && shape.m % model::FRACTAL == 0, line, shape.m);
      limit(shape.n && shape.n <= 4095 && shape.n % model::FRACTAL == 0, line, shape.n);
      limit(shape.k && shape.k <= 4095 && shape.k % model::LINE == 0, line, shape.k);
      limit(!shape.unitFlag && !shape.cmatrixSource, line, shape.unitFlag);
      model::require_memory(to.place, model::L0C, line);
      model::require_memory(left.place, model::L0A, line);
      model::require_memory(right.place, model::L0B, line);
      const uint32_t unit = model::own(model::M);
      const model::span own = to.checked(0, 4 * shape.m * shape.n, unit, line, 1024);
      const model::span a = left.checked(0, shape.m * shape.k, unit, line, 512);
      const model::span b = right.checked(0, shape.n * shape.k, unit, line, 512);
      model::instruction &fresh = model::issue(model::M, model::WORK, line);
      fresh.run = model::run_multiply;
      fresh.to = own;
      fresh.from[0] = a;
      fresh.from[1] = b;
      if (!shape.cmatrixInitVal) fresh.from[2] = own;
      fresh.mode = shape.cmatrixInitVal;
      fresh.shape[0] = shape.m;
      fresh.shape[1] = shape.n;
      fresh.shape[2] = shape.k;
      model::commit(model::M);
    }
    enum fixpipe_layout { CFG_ROW_MAJOR };
    struct FixpipeParamsV220 {
      uint32_t nSize, mSize, srcStride, dstStride;
      bool reluEn;
      FixpipeParamsV220(uint32_t n, uint32_t m, uint32_t from, uint32_t to, bool relu)
          : nSize(n), mSize(m), srcStride(from), dstStride(to), reluEn(relu) {}
    };
    template <class To, class From, fixpipe_layout layout> inline void Fixpipe(
        const GlobalTensor<To> &to, const LocalTensor<From> &from, const FixpipeParamsV220 &shape, TESSERA_LINE) {
      on_cube(line);
      limit(shape.nSize && shape.nSize <= 4095 && shape.nSize % model::FRACTAL == 0, line, shape.nSize);
      limit(shape.mSize && shape.mSize <= 8192, line, shape.mSize);
      limit(shape.srcStride >= shape.mSize && shape.srcStride % model::FRACTAL == 0, line, shape.srcStride);
      limit(shape.dstStride >= shape.nSize && !shape.reluEn, line, shape.dstStride);
      model::require_memory(from.place, model::L0C, line);
      const model::span source = from.checked(
          0, 4 * ((shape.nSize / model::FRACTAL - 1) * shape.srcStride + shape.mSize) * model::FRACTAL,
          model::own(model::FIX), line, 64);
      model::instruction &fresh = model::issue(model::FIX, model::WORK, line);
      fresh.run = model::run_drain;
      fresh.from[0] = source;
      fresh.memory = (uint8_t *)to.at;
      fresh.memory_bytes = 4 * shape.nSize;
      fresh.memory_rows = shape.mSize;
      fresh.memory_pitch = 4 * shape.dstStride;
      fresh.is_stored = true;
      fresh.shape[0] = shape.mSize;
      fresh.shape[1] = shape.nSize;
      fresh.shape[2] = shape.srcStride;
      model::commit(model::FIX);
    }
    }
    """#
}
