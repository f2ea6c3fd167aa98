extension ModelText {
  /// Which accesses barriers put in order.
  static let engineOrder = #"""
    // An access that a byte remembers. `block` counts the blocks of the whole job from 1.
    struct mark {
      u32 line, block, epoch;
      u16 thread;
      u8 is_atomic, is_in_flight;
    };
    static u32 block_serial, first_serial_of_launch;

    // Order within a block. `tick` counts barriers; a thread's accesses carry the tick of its last one.
    static u32 tick, block_floor;
    static bool has_clocks;
    enum { CLOCK_WIDTH = MOST_THREADS + MOST_BARRIERS };
    static u32 clocks[MOST_THREADS][CLOCK_WIDTH];


    // Whether a barrier stands between an earlier access and what `who` does now.
    INLINE bool is_ordered(const mark *earlier, const fibre *who, bool is_shared) {
      if (earlier->block != block_serial) return is_shared || earlier->block < first_serial_of_launch;
      if (earlier->thread == who->index || earlier->epoch < block_floor) return true;
      if (earlier->thread / 32 == who->index / 32 && earlier->epoch < warps[who->index / 32].floor) return true;
      return has_clocks && earlier->epoch < clocks[who->index][earlier->thread];
    }

    // From here on every member of `mask` knows what the others did before. A whole warp needs one number for
    // that; part of one, or threads that met through an mbarrier, a table of who has seen whom.
    static RARE void begin_clocks() {
      if (has_clocks) return;
      has_clocks = true;
      for (u32 t = 0; t < threads; t++) {
        for (u32 u = 0; u < CLOCK_WIDTH; u++) clocks[t][u] = 0;
        for (u32 u = t & ~31u; u <= (t | 31); u++) clocks[t][u] = warps[t / 32].floor;
      }
    }
    static RARE void join_clocks(u32 first, u32 mask) {
      static u32 joined[CLOCK_WIDTH];
      for (u32 u = 0; u < CLOCK_WIDTH; u++) joined[u] = 0;
      for (u32 m = mask; m; m &= m - 1) {
        const u32 *clock = clocks[first + __builtin_ctz(m)];
        for (u32 u = 0; u < CLOCK_WIDTH; u++) joined[u] = joined[u] > clock[u] ? joined[u] : clock[u];
      }
      for (u32 m = mask; m; m &= m - 1) joined[first + __builtin_ctz(m)] = tick;
      for (u32 m = mask; m; m &= m - 1) memcpy(clocks[first + __builtin_ctz(m)], joined, sizeof joined);
    }
    static void order_warp(u32 first, u32 mask) {
      warp *mine = &warps[first / 32];
      tick++;
      if (mask != mine->exists) begin_clocks();
      else mine->floor = tick;
      if (has_clocks) join_clocks(first, mask);
      for (u32 m = mask; m; m &= m - 1) fibres[first + __builtin_ctz(m)].epoch = tick;
    }
    """#
}
