extension ModelText {
  /// What the emitted text uses of Ascend C, by its documented names and parameters, with the limits of each.
  static let pipeInterface = #"""
    #define __aicore__
    // A kernel is thousands of calls, which take minutes to compile where anything is made of them.
    #define __global__ __attribute__((optnone, noinline))
    #define __gm__
    typedef unsigned char *GM_ADDR;
    typedef signed char int8_t;
    typedef unsigned char uint8_t;
    typedef short int16_t;
    typedef unsigned short uint16_t;
    typedef int int32_t;
    typedef unsigned int uint32_t;
    typedef long int64_t;
    typedef unsigned long uint64_t;
    typedef tessera_pipes::half_bits half;
    typedef tessera_pipes::bfloat_bits bfloat16_t;
    enum pipe_t { PIPE_S, PIPE_V, PIPE_MTE2, PIPE_MTE3, PIPE_MTE1, PIPE_M, PIPE_FIX, PIPE_ALL };
    enum kernel_type { KERNEL_TYPE_AIV_ONLY, KERNEL_TYPE_MIX_AIC_1_1, KERNEL_TYPE_MIX_AIC_1_2 };
    #define KERNEL_TASK_TYPE_DEFAULT(type) AscendC::task_type(type)
    #define ASCEND_IS_AIC (tessera_pipes::core == tessera_pipes::AIC)
    #define ASCEND_IS_AIV (tessera_pipes::core != tessera_pipes::AIC)
    enum event_t { EVENT_ID0, EVENT_ID1, EVENT_ID2, EVENT_ID3, EVENT_ID4, EVENT_ID5, EVENT_ID6, EVENT_ID7 };
    #define INT32_MIN (-0x7fffffff - 1)
    #define UINT32_MAX 0xffffffffu
    #define INT64_MIN (-0x7fffffffffffffff - 1)
    #define INT64_MAX 0x7fffffffffffffff
    #define TESSERA_LINE uint32_t line = __builtin_LINE()

    namespace AscendC {
    namespace model = tessera_pipes;
    enum class TPosition { VECIN, VECOUT, VECCALC, A1, A2, B1, B2, CO1 };
    enum class RoundMode { CAST_NONE, CAST_RINT };
    enum class CMPMODE { LT, GT, EQ, LE, GE, NE };
    enum class SELMODE { VSEL_TENSOR_SCALAR_MODE = 1, VSEL_TENSOR_TENSOR_MODE = 2 };
    // An ordered pair of pipes, as the engine numbers them: those of vector cores, then those of cube cores alone.
    enum class HardEvent {
    #define TESSERA_PAIR(from, to) from##_##to = model::from * model::PIPES + model::to
      TESSERA_PAIR(S, V), TESSERA_PAIR(S, MTE2), TESSERA_PAIR(S, MTE3), TESSERA_PAIR(V, S), TESSERA_PAIR(V, MTE2),
      TESSERA_PAIR(V, MTE3), TESSERA_PAIR(MTE2, S), TESSERA_PAIR(MTE2, V), TESSERA_PAIR(MTE2, MTE3),
      TESSERA_PAIR(MTE3, S), TESSERA_PAIR(MTE3, V), TESSERA_PAIR(MTE3, MTE2),
      TESSERA_PAIR(M, MTE1), TESSERA_PAIR(M, MTE2), TESSERA_PAIR(M, FIX), TESSERA_PAIR(MTE1, M),
      TESSERA_PAIR(MTE1, MTE2), TESSERA_PAIR(MTE1, FIX), TESSERA_PAIR(MTE2, M), TESSERA_PAIR(MTE2, MTE1),
      TESSERA_PAIR(FIX, M), TESSERA_PAIR(FIX, MTE1)
    };

    // A parameter that is beyond what the instruction's page allows ends the run.
    inline void limit(bool is_allowed, uint32_t line, int64_t value) {
      if (!is_allowed) model::stop(model::LIMIT, model::own(model::S), line, model::own(model::S), 0, -1, 0, value);
    }
    // Of vector cores, those of all groups are counted through.
    inline int64_t GetBlockIdx() {
      return model::vectors_of_cube == 2 && model::core != model::AIC ? 2 * model::block_number + model::core
                                                                      : model::block_number;
    }
    inline int64_t GetBlockNum() { return model::block_count; }
    inline int64_t GetSubBlockIdx() { return model::core == model::AIC ? 0 : model::core; }
    inline void task_type(kernel_type type, TESSERA_LINE) { limit(type == model::vectors_of_cube, line, type); }

    template <class T> class LocalTensor {
     public:
      uint32_t place, end;
      LocalTensor(TPosition position, uint32_t address, uint32_t count, TESSERA_LINE) {
        const uint32_t memory = model::memory_at((uint32_t)position, line), scalar = model::own(model::S);
        place = memory * model::MEMORY_STRIDE + address;
        end = place + count * (uint32_t)sizeof(T);
        if (address % 32) model::stop(model::MISALIGNED, scalar, line, scalar, 0, -1, place, 32);
        if ((uint64_t)address + count * sizeof(T) > model::memory_bytes(memory))
          model::stop(model::OUT_OF_BOUNDS, scalar, line, scalar, 0, -1, place, count * sizeof(T));
      }
      LocalTensor operator[](int64_t offset) const {
        LocalTensor part = *this;
        part.place = (uint32_t)(place + offset * (int64_t)sizeof(T));
        return part;
      }
      template <class U> LocalTensor<U> ReinterpretCast() const { return LocalTensor<U>(place, end); }
      T GetValue(uint32_t at, TESSERA_LINE) const {
        const model::span own = checked(at * sizeof(T), sizeof(T), model::own(model::S), line, sizeof(T));
        return model::scalar_of<T>(model::read_local(own.place, sizeof(T), line));
      }
      void SetValue(int64_t at, T value, TESSERA_LINE) const {
        const model::span own = checked(at * sizeof(T), sizeof(T), model::own(model::S), line, sizeof(T));
        model::write_local(own.place, sizeof(T), model::scalar_bits(value), line);
      }
      // Bytes of it from one on, which the instruction must find aligned.
      model::span checked(uint32_t from, uint64_t bytes, uint32_t pipe, uint32_t line, uint32_t alignment = 32) const {
        const uint64_t first = (uint64_t)place + from;
        if (first + bytes > end || place > end)
          model::stop(model::OUT_OF_BOUNDS, pipe, line, pipe, 0, -1, (int64_t)first, (int64_t)bytes);
        if (first % alignment) model::stop(model::MISALIGNED, pipe, line, pipe, 0, -1, (int64_t)first, alignment);
        return {(uint32_t)first, (uint32_t)bytes};
      }
      model::span lanes(uint32_t count, uint32_t line) const {
        limit(count > 0, line, count);
        return checked(0, (uint64_t)count * sizeof(T), model::own(model::V), line);
      }
      LocalTensor(uint32_t place, uint32_t end) : place(place), end(end) {}
    };

    template <class T> class GlobalTensor {
     public:
      T *at = nullptr;
      void SetGlobalBuffer(T *place) { at = place; }
      GlobalTensor operator[](int64_t offset) const {
        GlobalTensor part;
        part.at = at + offset;
        return part;
      }
      T GetValue(int64_t offset, TESSERA_LINE) const {
        return model::scalar_of<T>(model::read_memory((const uint8_t *)(at + offset), sizeof(T), line));
      }
    };

    // MARK: Events and barriers

    inline uint32_t event_number(HardEvent pair, int32_t id, uint32_t line) {
      // 6 and 7 may be the system's.
      limit(id >= 0 && id < 6, line, id);
      const uint32_t from = (uint32_t)pair / model::PIPES, to = (uint32_t)pair % model::PIPES;
      limit(model::has_pipe(from) && model::has_pipe(to), line, (int64_t)pair);
      return model::core * model::PAIRS + (uint32_t)pair * model::EVENTS + (uint32_t)id;
    }
    template <HardEvent pair> inline void SetFlag(int32_t id, TESSERA_LINE) {
      const uint32_t number = event_number(pair, id, line), pipe = model::from_pipe(number) % model::PIPES;
      if (pipe == model::S) return model::raise_now(number, line);
      model::issue(pipe, model::SET, line).event = number;
      model::commit(pipe);
    }
    template <HardEvent pair> inline void WaitFlag(int32_t id, TESSERA_LINE) {
      const uint32_t number = event_number(pair, id, line), pipe = model::to_pipe(number) % model::PIPES;
      if (pipe == model::S) return model::await_now(number, line);
      model::issue(pipe, model::WAIT, line).event = number;
      model::commit(pipe);
    }
    template <pipe_t pipe> inline void PipeBarrier(TESSERA_LINE) {
      if (pipe == PIPE_ALL) return model::await_all(line);
      if (pipe == PIPE_S) return;
      limit(model::has_pipe(pipe), line, pipe);
      model::issue(pipe, model::BARRIER, line);
      model::commit(pipe);
    }

    // MARK: Copies

    struct DataCopyExtParams {
      uint32_t blockCount, blockLen, srcStride, dstStride;
      DataCopyExtParams(uint32_t count, uint32_t bytes, uint32_t from, uint32_t to, uint32_t)
          : blockCount(count), blockLen(bytes), srcStride(from), dstStride(to) {}
    };
    template <class T> struct DataCopyPadExtParams {
      bool isPad;
      template <class U> DataCopyPadExtParams(bool pad, uint32_t, uint32_t, U) : isPad(pad) {}
    };
    // Rows of a length in bytes: in main memory so many bytes apart, on chip so many blocks.
    inline void check(const DataCopyExtParams &shape, uint32_t line) {
      limit(shape.blockCount > 0 && shape.blockCount <= 4095, line, shape.blockCount);
      limit(shape.blockLen > 0 && shape.blockLen <= 2097151, line, shape.blockLen);
    }
    inline model::instruction &rows(
        uint32_t pipe, const DataCopyExtParams &shape, uint32_t gap, uint32_t pitch, uint32_t line) {
      limit(shape.blockCount == 1 || (uint64_t)shape.blockLen + gap <= UINT32_MAX, line, gap);
      model::instruction &fresh = model::issue(pipe, model::WORK, line);
      fresh.memory_bytes = shape.blockLen;
      fresh.memory_rows = shape.blockCount;
      fresh.memory_pitch = shape.blockLen + gap;
      fresh.mode = pitch;
      return fresh;
    }
    template <class T> inline void DataCopyPad(
        const LocalTensor<T> &to, const GlobalTensor<T> &from, const DataCopyExtParams &shape,
        const DataCopyPadExtParams<T> &pad, TESSERA_LINE) {
      check(shape, line);
      limit(model::core != model::AIC, line, model::core);
      limit(!pad.isPad, line, 1);
      // Behind the last element of a row lie unspecified bytes, up to the block's end.
      const uint32_t whole = (shape.blockLen + 31) / 32 * 32, pitch = whole + shape.dstStride * 32;
      const model::span own =
          to.checked(0, (uint64_t)(shape.blockCount - 1) * pitch + whole, model::own(model::MTE2), line);
      model::instruction &fresh = rows(model::MTE2, shape, shape.srcStride, pitch, line);
      fresh.run = model::run_copy_in;
      fresh.to = own;
      fresh.memory = (uint8_t *)from.at;
      model::commit(model::MTE2);
    }
    template <class T> inline void DataCopyPad(
        const GlobalTensor<T> &to, const LocalTensor<T> &from, const DataCopyExtParams &shape, TESSERA_LINE) {
      check(shape, line);
      const uint32_t pitch = (shape.blockLen + 31) / 32 * 32 + shape.srcStride * 32;
      const model::span own =
          from.checked(0, (uint64_t)(shape.blockCount - 1) * pitch + shape.blockLen, model::own(model::MTE3), line);
      model::instruction &fresh = rows(model::MTE3, shape, shape.dstStride, pitch, line);
      fresh.run = model::run_copy_out;
      fresh.from[0] = own;
      fresh.memory = (uint8_t *)to.at;
      fresh.is_stored = true;
      model::commit(model::MTE3);
    }

    // MARK: Vector instructions

    inline void vector(
        model::runner run, uint32_t line, uint32_t count, model::span to, model::span a = {},
        model::span b = {}, model::span c = {}, uint64_t scalar = 0, uint32_t mode = 0) {
      limit(model::core != model::AIC, line, model::core);
      model::instruction &fresh = model::issue(model::V, model::WORK, line);
      fresh.run = run;
      fresh.count = count;
      fresh.to = to;
      fresh.from[0] = a;
      fresh.from[1] = b;
      fresh.from[2] = c;
      fresh.scalar = scalar;
      fresh.mode = mode;
      model::commit(model::V);
    }
    // By repeats of 256 bytes: an operand goes on from one to the next, or to the one after; or one of it, one block, or a
    // block a repeat.
    struct BinaryRepeatParams {
      uint32_t toBlock, aBlock, bBlock, toRepeat, aRepeat, bRepeat;
      BinaryRepeatParams(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f)
          : toBlock(a), aBlock(b), bBlock(c), toRepeat(d), aRepeat(e), bRepeat(f) {}
    };
    inline uint32_t repeated(
        uint64_t mask, uint32_t repeats, const BinaryRepeatParams &shape, uint32_t bytes, uint32_t line) {
      limit(mask * bytes == 256, line, (int64_t)mask);
      limit(repeats > 0 && repeats <= 255, line, repeats);
      limit(shape.toBlock == 1 && shape.toRepeat == 8, line, shape.toRepeat);
      return (uint32_t)mask * repeats;
    }
    template <class T> inline model::span operand(
        const LocalTensor<T> &from, uint32_t mask, uint32_t repeats, uint32_t block, uint32_t stride, uint32_t line) {
      limit(block ? block == 1 && (stride == 0 || stride == 8 || stride == 16) : stride <= 1, line, stride);
      const uint32_t own_lanes = block ? mask : mask / 8, all = stride == 16 ? 2 * repeats - 1 : repeats;
      model::span own = from.lanes(stride ? own_lanes * all : own_lanes, line);
      if (!block) own.period = 31;
      if ((!stride || stride == 16) && block) own.period = 255;
      if (stride && !block) own.step = 32;
      if (stride == 16) own.step = 512;
      return own;
    }
    #define TESSERA_BINARY(name, type, run)                                                                        \
      inline void name(                                                                                            \
          const LocalTensor<type> &to, const LocalTensor<type> &a, const LocalTensor<type> &b, uint32_t count,     \
          TESSERA_LINE) {                                                                                          \
        vector(run, line, count, to.lanes(count, line), a.lanes(count, line), b.lanes(count, line));               \
      }                                                                                                            \
      inline void name(                                                                                            \
          const LocalTensor<type> &to, const LocalTensor<type> &a, const LocalTensor<type> &b, uint64_t mask,      \
          uint8_t repeats, const BinaryRepeatParams &shape, TESSERA_LINE) {                                        \
        const uint32_t count = repeated(mask, repeats, shape, sizeof(type), line), own = (uint32_t)mask;           \
        vector(                                                                                                    \
            run, line, count, to.lanes(count, line), operand(a, own, repeats, shape.aBlock, shape.aRepeat, line),  \
            operand(b, own, repeats, shape.bBlock, shape.bRepeat, line));                                          \
      }
    #define TESSERA_SCALAR(name, type, run)                                                                        \
      inline void name(                                                                                            \
          const LocalTensor<type> &to, const LocalTensor<type> &a, type scalar, uint32_t count, TESSERA_LINE) {    \
        vector(run, line, count, to.lanes(count, line), a.lanes(count, line), {}, {}, model::scalar_bits(scalar)); \
      }
    TESSERA_BINARY(Add, float, (model::run_binary<float, model::adds>))
    TESSERA_BINARY(Add, int32_t, (model::run_binary<int32_t, model::adds>))
    TESSERA_BINARY(Sub, float, (model::run_binary<float, model::subtracts>))
    TESSERA_BINARY(Sub, int32_t, (model::run_binary<int32_t, model::subtracts>))
    TESSERA_BINARY(Mul, float, (model::run_binary<float, model::multiplies>))
    TESSERA_BINARY(Mul, int32_t, (model::run_binary<int32_t, model::multiplies>))
    TESSERA_BINARY(Max, int32_t, (model::run_binary<int32_t, model::greatest>))
    TESSERA_BINARY(Min, int32_t, (model::run_binary<int32_t, model::least>))
    TESSERA_BINARY(And, uint16_t, model::run_and)
    TESSERA_BINARY(Or, uint16_t, model::run_or)
    TESSERA_SCALAR(Adds, float, (model::run_scalar<float, model::adds>))
    TESSERA_SCALAR(Adds, int32_t, (model::run_scalar<int32_t, model::adds>))
    TESSERA_SCALAR(Muls, float, (model::run_scalar<float, model::multiplies>))
    TESSERA_SCALAR(Muls, int32_t, (model::run_scalar<int32_t, model::multiplies>))
    TESSERA_SCALAR(Maxs, int32_t, (model::run_scalar<int32_t, model::greatest>))
    TESSERA_SCALAR(Mins, int32_t, (model::run_scalar<int32_t, model::least>))
    inline void Not(const LocalTensor<uint16_t> &to, const LocalTensor<uint16_t> &a, uint32_t count, TESSERA_LINE) {
      vector(model::run_not, line, count, to.lanes(count, line), a.lanes(count, line));
    }
    inline void ShiftLeft(
        const LocalTensor<uint32_t> &to, const LocalTensor<uint32_t> &a, uint32_t amount, uint32_t count, TESSERA_LINE) {
      limit(amount < 32, line, amount);
      vector(model::run_shift_left<uint32_t>, line, count, to.lanes(count, line), a.lanes(count, line), {}, {}, amount);
    }
    template <class T> inline void ShiftRight(
        const LocalTensor<T> &to, const LocalTensor<T> &a, T amount, uint32_t count, TESSERA_LINE) {
      limit((uint32_t)amount < 32, line, amount);
      vector(model::run_shift_right<T>, line, count, to.lanes(count, line), a.lanes(count, line), {}, {}, (uint64_t)amount);
    }
    template <class T> inline void Duplicate(const LocalTensor<T> &to, T scalar, uint32_t count, TESSERA_LINE) {
      vector(model::run_duplicate<T>, line, count, to.lanes(count, line), {}, {}, {}, model::scalar_bits(scalar));
    }
    inline void CreateVecIndex(const LocalTensor<int32_t> &to, int32_t first, uint32_t count, TESSERA_LINE) {
      vector(model::run_numbers, line, count, to.lanes(count, line), {}, {}, {}, (uint64_t)first);
    }

    // Whether a conversion is offered with a rounding.
    template <class To, class From> struct casts { static constexpr bool none = false, nearest = false; };
    #define TESSERA_CAST(to, from, is_exact, rounds) \
      template <> struct casts<to, from> { static constexpr bool none = is_exact, nearest = rounds; };
    TESSERA_CAST(float, bfloat16_t, true, false)
    TESSERA_CAST(float, half, true, false)
    TESSERA_CAST(float, int16_t, true, false)
    TESSERA_CAST(float, int32_t, false, true)
    TESSERA_CAST(int32_t, float, false, true)
    TESSERA_CAST(half, float, false, true)
    TESSERA_CAST(half, uint8_t, true, false)
    TESSERA_CAST(half, int8_t, true, false)
    TESSERA_CAST(int32_t, half, false, true)
    TESSERA_CAST(uint8_t, half, false, true)
    TESSERA_CAST(int8_t, half, false, true)
    TESSERA_CAST(int16_t, int32_t, true, false)
    template <class To, class From> inline void Cast(
        const LocalTensor<To> &to, const LocalTensor<From> &from, RoundMode mode, uint32_t count, TESSERA_LINE) {
      limit(mode == RoundMode::CAST_NONE ? casts<To, From>::none : casts<To, From>::nearest, line, (int64_t)mode);
      vector(model::run_cast<To, From>, line, count, to.lanes(count, line), from.lanes(count, line));
    }

    // Comparisons and selections come in whole repeats of 256 bytes; integers are compared for equality alone.
    template <class T> inline void Compare(
        const LocalTensor<uint8_t> &to, const LocalTensor<T> &a, const LocalTensor<T> &b, CMPMODE mode, uint32_t count,
        TESSERA_LINE) {
      limit(count % 64 == 0, line, count);
      limit(sizeof(T) == 4 && (T(0.5f) != 0 || mode == CMPMODE::EQ), line, (int64_t)mode);
      vector(
          model::run_compare<T>, line, count, to.lanes(count / 8, line), a.lanes(count, line), b.lanes(count, line), {}, 0,
          (uint32_t)mode);
    }
    template <class T> inline void Compare(
        const LocalTensor<uint8_t> &to, const LocalTensor<T> &a, const LocalTensor<T> &b, CMPMODE mode, uint64_t mask,
        uint8_t repeats, const BinaryRepeatParams &shape, TESSERA_LINE) {
      const uint32_t count = repeated(mask, repeats, shape, sizeof(T), line), own = (uint32_t)mask;
      limit(sizeof(T) == 4 && (T(0.5f) != 0 || mode == CMPMODE::EQ), line, (int64_t)mode);
      vector(
          model::run_compare<T>, line, count, to.lanes(count / 8, line),
          operand(a, own, repeats, shape.aBlock, shape.aRepeat, line),
          operand(b, own, repeats, shape.bBlock, shape.bRepeat, line), {}, 0, (uint32_t)mode);
    }
    template <class T> inline void CompareScalar(
        const LocalTensor<uint8_t> &to, const LocalTensor<T> &a, T scalar, CMPMODE mode, uint32_t count, TESSERA_LINE) {
      limit(count % 64 == 0, line, count);
      limit(sizeof(T) == 4 && (T(0.5f) != 0 || mode == CMPMODE::EQ), line, (int64_t)mode);
      vector(
          model::run_compare_scalar<T>, line, count, to.lanes(count / 8, line), a.lanes(count, line), {}, {},
          model::scalar_bits(scalar), (uint32_t)mode);
    }
    inline void Select(
        const LocalTensor<float> &to, const LocalTensor<uint8_t> &mask, const LocalTensor<float> &a,
        const LocalTensor<float> &b, SELMODE mode, uint32_t count, TESSERA_LINE) {
      limit(count % 64 == 0 && mode == SELMODE::VSEL_TENSOR_TENSOR_MODE, line, count);
      vector(
          model::run_select, line, count, to.lanes(count, line), mask.lanes(count / 8, line), a.lanes(count, line),
          b.lanes(count, line));
    }
    inline void Select(
        const LocalTensor<float> &to, const LocalTensor<uint8_t> &mask, const LocalTensor<float> &a,
        const LocalTensor<float> &b, SELMODE mode, uint64_t lanes, uint8_t repeats, const BinaryRepeatParams &shape,
        TESSERA_LINE) {
      const uint32_t count = repeated(lanes, repeats, shape, sizeof(float), line), own = (uint32_t)lanes;
      limit(mode == SELMODE::VSEL_TENSOR_TENSOR_MODE, line, count);
      vector(
          model::run_select, line, count, to.lanes(count, line), mask.lanes(count / 8, line),
          operand(a, own, repeats, shape.aBlock, shape.aRepeat, line),
          operand(b, own, repeats, shape.bBlock, shape.bRepeat, line));
    }
    inline void Select(
        const LocalTensor<float> &to, const LocalTensor<uint8_t> &mask, const LocalTensor<float> &a, float scalar,
        SELMODE mode, uint32_t count, TESSERA_LINE) {
      limit(count % 64 == 0 && mode == SELMODE::VSEL_TENSOR_SCALAR_MODE, line, count);
      vector(
          model::run_select, line, count, to.lanes(count, line), mask.lanes(count / 8, line), a.lanes(count, line), {},
          model::scalar_bits(scalar), 1);
    }

    // MARK: Rearrangements

    template <class T> inline void Gather(
        const LocalTensor<T> &to, const LocalTensor<T> &from, const LocalTensor<uint32_t> &offsets, uint32_t base,
        uint32_t count, TESSERA_LINE) {
      limit(sizeof(T) == 4, line, sizeof(T));
      const model::span all = from.checked(0, from.end - from.place, model::own(model::V), line);
      vector(model::run_gather, line, count, to.lanes(count, line), all, offsets.lanes(count, line), {}, base);
    }
    struct BrcbRepeatParams {
      uint32_t blocks, repeats;
      BrcbRepeatParams(uint32_t blocks, uint32_t repeats) : blocks(blocks), repeats(repeats) {}
    };
    template <class T> inline void Brcb(
        const LocalTensor<T> &to, const LocalTensor<T> &from, uint32_t repeats, const BrcbRepeatParams &shape, TESSERA_LINE) {
      limit(sizeof(T) == 4 && repeats > 0 && repeats <= 255, line, repeats);
      limit(shape.blocks == 1 && shape.repeats == 8, line, shape.blocks);
      vector(model::run_blocks, line, 64 * repeats, to.lanes(64 * repeats, line), from.lanes(8 * repeats, line));
    }
    struct CopyRepeatParams {
      uint32_t toBlock, fromBlock, toRepeat, fromRepeat;
      CopyRepeatParams(uint32_t a, uint32_t b, uint32_t c, uint32_t d) : toBlock(a), fromBlock(b), toRepeat(c), fromRepeat(d) {}
    };
    // One block in each block of the result.
    template <class T> inline void Copy(
        const LocalTensor<T> &to, const LocalTensor<T> &from, int mask, uint32_t repeats, const CopyRepeatParams &shape,
        TESSERA_LINE) {
      limit(sizeof(T) == 4 && mask > 0 && mask <= 64 && repeats > 0 && repeats <= 255, line, mask);
      limit(shape.toBlock == 1 && shape.fromBlock == 0 && shape.toRepeat == 8 && shape.fromRepeat == 0, line, shape.fromBlock);
      limit(mask == 64 || repeats == 1, line, mask);
      const uint32_t count = (uint32_t)mask * repeats;
      vector(model::run_repeat, line, count, to.lanes(count, line), from.lanes(8, line));
    }
    // Lanes of one repeat by their bits.
    template <class T> inline void Copy(
        const LocalTensor<T> &to, const LocalTensor<T> &from, uint64_t *mask, uint32_t repeats, const CopyRepeatParams &shape,
        TESSERA_LINE) {
      limit(sizeof(T) == 4 && repeats == 1 && mask[0] && !mask[1], line, (int64_t)mask[0]);
      limit(shape.toBlock == 1 && shape.fromBlock == 1, line, shape.toBlock);
      const uint32_t last = 64 - (uint32_t)__builtin_clzl(mask[0]);
      vector(model::run_masked, line, last, to.lanes((last + 7) / 8 * 8, line), from.lanes(last, line), {}, {}, mask[0]);
    }
    template <class T> inline void DataCopy(
        const LocalTensor<T> &to, const LocalTensor<T> &from, uint32_t count, TESSERA_LINE) {
      limit(count * sizeof(T) % 32 == 0, line, count);
      vector(model::run_copy, line, count, to.lanes(count, line), from.lanes(count, line));
    }
    }

    // MARK: The launch

    namespace tessera_pipes {
    template <class T> T argument_of(u64 word) { return (T)word; }
    template <> inline float argument_of<float>(u64 word) { return scalar_of<float>(word); }
    template <class I, I... at> struct numbers {};
    template <auto kernel, class F = decltype(kernel)> struct tessera_pipe_entry;
    template <auto kernel, class... A> struct tessera_pipe_entry<kernel, void (*)(A...)> {
      static constexpr u32 count = sizeof...(A);
      template <class I, I... at> static void spread(const u64 *words, numbers<I, at...>) {
        kernel(argument_of<A>(words[at])...);
      }
      static void call(const u64 *words) { spread(words, __make_integer_seq<numbers, int, sizeof...(A)>()); }
    };
    }
    """#
}
