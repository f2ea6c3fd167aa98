extension ModelText {
  /// What the text's side and the engine's have in common: an instruction, and what either calls of the other.
  static let pipeShared = #"""
    typedef unsigned char u8;
    typedef unsigned short u16;
    typedef unsigned int u32;
    typedef unsigned long u64;
    typedef signed char i8;
    typedef short i16;
    typedef int i32;
    typedef long i64;
    struct half_bits { u16 bits; };
    struct bfloat_bits { u16 bits; };
    enum { S, V, MTE2, MTE3, MTE1, M, FIX, PIPES };
    // The cores of a group. A unit is a pipe of one of them; where vector cores work alone, the first is all there is.
    // What a scalar unit has written counts apart from what it has done: others see it when an event says so.
    enum { AIV0, AIV1, AIC, CORES, UNITS = CORES * PIPES, STORES = UNITS, COUNTS = STORES + CORES };
    enum {
      HAZARD, MISSING_BARRIER, RAISED_TWICE, NEVER_AWAITED, DEADLOCK, OUT_OF_BOUNDS, MISALIGNED, UNDEFINED, LIMIT,
      BLOCK_RACE, READ_ONLY, OUT_OF_TIME, TRAPPED
    };
    enum { QUEUE = 4096, EVENTS = 8, LINES = 1 << 20, MOST_SLOTS = 256 };
    // Memories on chip, of both vector cores and the cube core: where each begins among all bytes.
    enum { MEMORY_STRIDE = 1 << 20, UB0 = 0, UB1 = 1, L1 = 2, L0A = 3, L0B = 4, L0C = 5, MEMORIES };
    // Lines of a fractal, and bytes of an operand's line in it.
    enum { FRACTAL = 16, LINE = 32, FRACTAL_BYTES = FRACTAL * LINE };
    // Events of a core's pairs of pipes, then flags from the cube core to each vector core and back.
    enum { PAIRS = PIPES * PIPES * EVENTS, FLAGS = 11, OWN = CORES * PAIRS, ALL_EVENTS = OWN + 4 * FLAGS };

    extern u32 block_number, block_count;
    // The core whose scalar unit is at work, and how many vector cores a cube core has at its side; 0 where they
    // work alone.
    extern u32 core, vectors_of_cube;
    inline u32 own(u32 pipe) { return core * PIPES + pipe; }
    // Vector cores have the first four pipes, cube cores the scalar unit, MTE2 and what is theirs.
    inline bool has_pipe(u32 pipe) { return core == AIC ? pipe != V && pipe != MTE3 : pipe <= MTE3; }

    // How many instructions of each unit are known to be done.
    struct clock {
      alignas(32) u32 done[COUNTS];
    };
    // Bytes on chip; of an operand of one repeat for all, its bytes come again and again, and of one of a block for each
    // repeat those of the next block after a repeat.
    struct span {
      u32 place, bytes, period = 0xffffffff, step = 0;
      u32 at(u32 byte) const { return place + (byte & period) + (byte >> 8) * step; }
    };
    enum { WORK, SET, WAIT, BARRIER, SET_FLAG };
    struct instruction;
    typedef void (*runner)(const instruction &);
    struct instruction {
      runner run;
      u32 kind, line, event;
      span to, from[3];
      // What is written lies in so many parts, one if none are told, a pitch from one to the next.
      u32 to_parts, to_pitch;
      // Main memory: rows of bytes, a pitch from one to the next.
      u8 *memory;
      u32 memory_bytes, memory_rows, memory_pitch;
      bool is_stored;
      u32 count, mode;
      u64 scalar;
      u32 shape[4];
      // What the scalar unit had done when it handed this out; the rest of what it knew where that has changed since
      // the instruction before.
      u32 scalar_done;
      bool has_clock;
      clock issued;
    };

    void report(u32 kind, u32 pipe, u32 line, u32 other_pipe, u32 other_line, i64 buffer, i64 place, i64 detail);
    [[noreturn]] void stop(
        u32 kind, u32 pipe, u32 line, u32 other_pipe, u32 other_line, i64 buffer, i64 place, i64 detail);
    // An instruction for a pipe of the core at work, to be filled in; then it goes on its way.
    instruction &issue(u32 pipe, u32 kind, u32 line);
    void commit(u32 pipe);
    void raise_now(u32 event, u32 line);
    void await_now(u32 event, u32 line);
    void await_flag(u32 id, u32 line);
    void await_all(u32 line);
    // The scalar unit's own accesses, of up to 8 bytes.
    u64 read_local(u32 place, u32 bytes, u32 line);
    void write_local(u32 place, u32 bytes, u64 value, u32 line);
    u64 read_memory(const u8 *memory, u32 bytes, u32 line);
    // The memory of a tensor's position, in the order of Ascend C's names here, which must be the core's own.
    u32 memory_at(u32 position, u32 line);
    u32 memory_bytes(u32 memory);
    // All bytes on chip, and of each the bits that hold nothing: for instructions that are not the engine's.
    u8 *bytes_on_chip();
    u8 *marks_on_chip();
    inline bool is_in(u32 place, u32 memory) { return place / MEMORY_STRIDE == memory; }
    void require_memory(u32 place, u32 memory, u32 line);
    // Pipes that an event is raised and awaited by. Of a flag, only the core that raises it and the one that waits
    // are told.
    inline u32 from_pipe(u32 number) {
      if (number < OWN) return number / PAIRS * PIPES + number % PAIRS / (PIPES * EVENTS);
      const u32 way = (number - OWN) / FLAGS;
      return (way < 2 ? (u32)AIC : way - 2) * PIPES;
    }
    inline u32 to_pipe(u32 number) {
      if (number < OWN) return number / PAIRS * PIPES + number / EVENTS % PIPES;
      const u32 way = (number - OWN) / FLAGS;
      return (way < 2 ? way : (u32)AIC) * PIPES;
    }

    template <class T> T scalar_of(u64 bits) {
      T x;
      __builtin_memcpy(&x, &bits, sizeof(T));
      return x;
    }
    template <class T> u64 scalar_bits(T x) {
      u64 bits = 0;
      __builtin_memcpy(&bits, &x, sizeof(T));
      return bits;
    }

    // What instructions do, in the engine for the types that they take.
    struct adds;
    struct subtracts;
    struct multiplies;
    struct greatest;
    struct least;
    template <class T, class F> void run_binary(const instruction &);
    template <class T, class F> void run_scalar(const instruction &);
    template <class T> void run_shift_left(const instruction &);
    template <class T> void run_shift_right(const instruction &);
    template <class T> void run_duplicate(const instruction &);
    template <class To, class From> void run_cast(const instruction &);
    template <class T> void run_compare(const instruction &);
    template <class T> void run_compare_scalar(const instruction &);
    void run_and(const instruction &);
    void run_or(const instruction &);
    void run_not(const instruction &);
    void run_numbers(const instruction &);
    void run_copy(const instruction &);
    void run_select(const instruction &);
    void run_gather(const instruction &);
    void run_blocks(const instruction &);
    void run_repeat(const instruction &);
    void run_masked(const instruction &);
    void run_copy_in(const instruction &);
    void run_copy_out(const instruction &);
    void run_stage(const instruction &);
    void run_fractals(const instruction &);
    void run_turned(const instruction &);
    void run_multiply(const instruction &);
    void run_drain(const instruction &);

    struct kernel_entry {
      u32 parameters;
      void (*call)(const u64 *words);
    };
    """#
}
