extension ModelText {
  /// The threads of a block: who runs, who waits for what, and who is next.
  static let engineThreads = #"""
    enum { MOST_THREADS = 1024, MOST_WARPS = 32 };
    // A page that cannot be touched lies between two stacks, and much before the first.
    enum { STACK_BYTES = 1 << 20, STACK_STRIDE = STACK_BYTES + 4096, STACK_LEAD = 1 << 24 };
    // The author of what bulk copies write, one for each mbarrier.
    enum { COPY_ENGINE = MOST_THREADS, MOST_BARRIERS = 256 };
    enum thread_state : u8 { READY, AT_WARP, AT_BLOCK, AT_BARRIER, EXITED };

    struct copy {
      u8 *to;
      const u8 *from;
      u32 bytes, group, line;
      u8 value[16];
      copy *next;
    };
    struct fibre {
      void *stack;
      u64 value, result;
      u32 index, kind, mask, line, epoch;
      i32 lane, width;
      u32 barrier, parity;
      u32 groups, copies_done;
      copy *first_copy, *last_copy;
      thread_state state;
    };
    struct meeting {
      u32 kind, mask, line, arrived;
    };
    struct warp {
      u32 exists, ready, floor, meetings;
      meeting meeting[32];
    };
    struct kernel_entry {
      // A letter for each parameter.
      const char *kinds;
      void (*call)(const u64 *words);
    };
    struct index3 {
      u32 x, y, z;
    };
    // As the kernels' text sees them, where they are constant.
    extern "C" {
    index3 threadIdx, blockIdx, blockDim, gridDim;
    }

    static fibre fibres[MOST_THREADS];
    static warp warps[MOST_WARPS];
    static fibre *running;
    static void *scheduler_stack;
    static u8 *stacks;
    static u32 threads, warp_count, arrived_at_block, exited;
    static u32 launch_number;
    static bool is_stopped;

    // Orders that look for trouble: threads, warps and blocks upwards, downwards, or shuffled.
    enum { ASCENDING, DESCENDING, SHUFFLED };
    static u32 order;
    static u64 random_state;
    INLINE u32 random_bits() {
      random_state ^= random_state << 13;
      random_state ^= random_state >> 7;
      random_state ^= random_state << 17;
      return (u32)(random_state >> 24);
    }
    // One of the set bits, by the order; `after` is the one before.
    INLINE u32 pick(u32 set, u32 after) {
      if (order == ASCENDING) {
        const u32 above = after >= 31 ? 0 : set >> (after + 1) << (after + 1);
        return __builtin_ctz(above ? above : set);
      }
      if (order == DESCENDING) {
        const u32 below = after >= 32 ? set : set & ((1u << after) - 1);
        return 31 - __builtin_clz(below ? below : set);
      }
      const u32 by = random_bits() & 31;
      const u32 turned = set >> by | set << (-by & 31);
      return (__builtin_ctz(turned) + by) & 31;
    }

    INLINE void go(fibre *next, void **save) {
      running = next;
      threadIdx.x = next->index;
      tessera_model_switch(save, next->stack);
    }
    // Lets others run, after the running thread was taken from those that are ready.
    static void suspend() {
      fibre *self = running;
      warp *mine = &warps[self->index / 32];
      if (mine->ready) {
        go(&fibres[(self->index & ~31u) + pick(mine->ready, self->index & 31)], &self->stack);
      } else {
        tessera_model_switch(&self->stack, scheduler_stack);
      }
    }
    // Ends the job: nothing after this could be believed.
    [[noreturn]] static void stop() {
      is_stopped = true;
      void *nowhere;
      tessera_model_switch(&nowhere, scheduler_stack);
      __builtin_unreachable();
    }
    """#
}
