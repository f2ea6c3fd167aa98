extension ModelText {
  /// What is known of every byte, and what is reported. An access is seen before it is made: the compiler
  /// puts calls into the kernels' text, as it does for its own thread sanitizer, and their bodies are here.
  static let engineChecks = #"""
    enum report_kind {
      RACE, READ_IN_FLIGHT, OVERWRITE_IN_FLIGHT, NEVER_WAITED, DIVERGED, EXITED_EARLY, INACTIVE_LANE, DEADLOCK,
      OUT_OF_BOUNDS, MISALIGNED, READ_ONLY, UNDEFINED, BARRIER_MISUSE, UNDEFINED_OPERAND, STACK_OVERFLOW,
      TRAPPED, OUT_OF_TIME, MISMATCH = 100
    };

    // Buffers lie far apart, so that an address names its buffer also when it has left it; slot 0 is shared
    // memory.
    enum { SLOT_BITS = 34, MOST_SLOTS = 4096 };
    static const u64 slots_base = 1ul << 44;
    static const u64 slot_middle = 1ul << (SLOT_BITS - 1);

    // Its last write, and two reads since then that were not ordered by a barrier.
    struct byte_history {
      mark write, reads[2];
    };
    struct slot {
      u8 *start;
      u64 bytes;
      byte_history *history;
      u8 *defined;
      bool is_written;
    };
    static slot slots[MOST_SLOTS];
    // Slot 0 is what a launch gives a block as `tessera_shared`. Beside it lie the arrays of function bodies.
    static u8 *shared_arrays;
    static u64 shared_arrays_bytes;
    static u32 slot_count;
    // The index of each block of this launch, by its serial number.
    static u32 *block_numbers;
    // Makes a report, unless one of this kind about these lines was made. The result is for more about it.
    static RARE job_report *report(
        report_kind kind, u32 line, u32 other_line, const void *place, i64 bytes, i64 detail = 0) {
      static job_report none;
      job_report *reports = (job_report *)(job + head->report_place);
      const i64 count = head->reports;
      for (i64 i = 0; i < count; i++)
        if (reports[i].kind == kind && reports[i].line == line && reports[i].other_line == other_line)
          return &none;
      if (count == head->report_limit) return &none;
      job_report *fresh = &reports[head->reports++];
      *fresh = job_report{kind, launch_number, blockIdx.x, running ? (i64)running->index : -1, -1, -1,
                          -2, (i64)place, bytes, line, other_line, detail};
      const u64 number = ((u64)place - slots_base) >> SLOT_BITS;
      if (place && number < slot_count) {
        fresh->buffer = (i64)number - 1;
        fresh->offset = (i64)place - (i64)slots[number].start;
      }
      return fresh;
    }
    static RARE void report_pair(report_kind kind, u32 line, const mark *other, const void *place, i64 bytes) {
      job_report *made = report(kind, line, other->line, place, bytes, other->is_in_flight);
      made->other_thread = other->thread;
      made->other_block = other->block >= first_serial_of_launch
          ? (i64)block_numbers[other->block - first_serial_of_launch] : -1;
    }
    [[noreturn]] static RARE void fail(
        report_kind kind, u32 line, u32 other_line, const void *place, i64 bytes, i64 detail = 0) {
      report(kind, line, other_line, place, bytes, detail);
      stop();
    }

    enum access_flags { IS_WRITE = 1, IS_ALIGNED = 2, IS_ATOMIC = 4, IS_ASYNC = 8 };

    static void check_bytes(slot *at, u64 offset, u32 bytes, u32 flags, u32 line, const fibre *who) {
      const bool is_shared = at == slots;
      const mark now = {line, block_serial, who->epoch, (u16)who->index, (u8)((flags & IS_ATOMIC) != 0),
                        (u8)((flags & IS_ASYNC) != 0)};
      for (u64 i = offset; i < offset + bytes; i++) {
        byte_history *known = &at->history[i];
        mark *last = &known->write;
        const bool is_current = last->block != 0 && (!is_shared || last->block == block_serial);
        if (is_current && last->is_in_flight && last->block == block_serial) {
          report_pair(flags & IS_WRITE ? OVERWRITE_IN_FLIGHT : READ_IN_FLIGHT, line, last, at->start + i, bytes);
        } else if (is_current && !(now.is_atomic && last->is_atomic) && !is_ordered(last, who, is_shared)) {
          report_pair(RACE, line, last, at->start + i, bytes);
        }
        if (flags & IS_WRITE) {
          for (const mark &read : known->reads)
            if (read.block && !(now.is_atomic && read.is_atomic) && !is_ordered(&read, who, is_shared))
              report_pair(RACE, line, &read, at->start + i, bytes);
          *last = now;
          known->reads[0].block = known->reads[1].block = 0;
          if (!is_shared) at->defined[i] = 1;
          continue;
        }
        if (is_shared ? !is_current : !at->defined[i]) report(UNDEFINED, line, 0, at->start + i, bytes);
        mark *reads = known->reads;
        if (!reads[0].block || is_ordered(&reads[0], who, is_shared)) {
          reads[0] = now;
        } else if (!reads[1].block || is_ordered(&reads[1], who, is_shared)
                   || (reads[0].block == reads[1].block && reads[0].thread / 32 == reads[1].thread / 32)) {
          reads[1] = now;
        }
      }
    }

    INLINE bool is_on_stacks(u64 place) {
      return place - ((u64)stacks - STACK_LEAD) < STACK_LEAD + (u64)MOST_THREADS * STACK_STRIDE;
    }
    static RARE void check_elsewhere(u64 place, i64 bytes, u32 line) {
      extern char __executable_start[], _end[];
      if (place - (u64)__executable_start < (u64)(_end - __executable_start)) return;
      // Local memory of another thread, or no more of this one's.
      if (is_on_stacks(place)) fail(STACK_OVERFLOW, line, 0, nullptr, 0);
      fail(OUT_OF_BOUNDS, line, 0, (void *)place, bytes);
    }

    // An access that is about to be made, of up to 2^32 bytes.
    INLINE void check(const void *pointer, u64 bytes, u32 flags, u32 line, const fibre *who) {
      const u64 place = (u64)pointer;
      if (place - ((u64)stacks + who->index * (u64)STACK_STRIDE) < STACK_STRIDE) return;
      const u64 number = (place - slots_base) >> SLOT_BITS;
      if (__builtin_expect(number >= slot_count, 0)) return check_elsewhere(place, (i64)bytes, line);
      slot *at = &slots[number];
      const u64 offset = place - (u64)at->start;
      if (__builtin_expect(offset + bytes > at->bytes || offset >= at->bytes, 0)) {
        if (!bytes) return;
        if (number != 0 || place - (u64)shared_arrays >= shared_arrays_bytes)
          fail(OUT_OF_BOUNDS, line, 0, pointer, (i64)bytes, flags & IS_WRITE);
      }
      if (__builtin_expect((flags & IS_ALIGNED) && (place & (bytes - 1)), 0))
        fail(MISALIGNED, line, 0, pointer, (i64)bytes, (i64)bytes);
      if (!at->is_written) {
        if (flags & IS_WRITE) fail(READ_ONLY, line, 0, pointer, (i64)bytes);
        if (at->defined)
          for (u64 i = offset; i < offset + bytes; i++)
            if (!at->defined[i]) return (void)report(UNDEFINED, line, 0, at->start + i, (i64)bytes);
        return;
      }
      check_bytes(at, offset, (u32)bytes, flags, line, who);
    }

    #define SEEN extern "C" __attribute__((used))
    #define SEEN_ACCESS(size)                                                                             \
      SEEN void __tsan_read##size(void *p) { check(p, size, IS_ALIGNED, CALLED_FROM, running); }          \
      SEEN void __tsan_write##size(void *p) { check(p, size, IS_WRITE | IS_ALIGNED, CALLED_FROM, running); }
    #define SEEN_UNALIGNED(size)                                                                          \
      SEEN void __tsan_unaligned_read##size(void *p) { check(p, size, 0, CALLED_FROM, running); }         \
      SEEN void __tsan_unaligned_write##size(void *p) { check(p, size, IS_WRITE, CALLED_FROM, running); }
    SEEN_ACCESS(1)
    SEEN_ACCESS(2)
    SEEN_ACCESS(4)
    SEEN_ACCESS(8)
    SEEN_ACCESS(16)
    SEEN_UNALIGNED(2)
    SEEN_UNALIGNED(4)
    SEEN_UNALIGNED(8)
    SEEN_UNALIGNED(16)
    SEEN void __tsan_init() {}
    SEEN void *__tsan_memcpy(void *to, const void *from, u64 bytes) {
      check(from, bytes, 0, CALLED_FROM, running);
      check(to, bytes, IS_WRITE, CALLED_FROM, running);
      return memcpy(to, from, bytes);
    }
    SEEN void *__tsan_memmove(void *to, const void *from, u64 bytes) {
      check(from, bytes, 0, CALLED_FROM, running);
      check(to, bytes, IS_WRITE, CALLED_FROM, running);
      return memmove(to, from, bytes);
    }
    SEEN void *__tsan_memset(void *to, int value, u64 bytes) {
      check(to, bytes, IS_WRITE, CALLED_FROM, running);
      return memset(to, value, bytes);
    }
    // A pointer is not aligned as its type says: also where the access is cut into smaller ones afterwards.
    struct type_mismatch {
      const char *file;
      u32 line, column;
      void *type;
      u8 alignment_bits, kind;
    };
    SEEN void __ubsan_handle_type_mismatch_v1(type_mismatch *what, void *place) {
      fail(MISALIGNED, CALLED_FROM, 0, place, 0, 1l << what->alignment_bits);
    }
    SEEN void tessera_model_undefined() { report(UNDEFINED_OPERAND, CALLED_FROM, 0, nullptr, 0); }

    INLINE u64 changed(i32 operation, u64 before, u64 value, u64 compared, i64 signed_before, i64 signed_value) {
      switch (operation) {
      case TESSERA_MODEL_ADD: return before + value;
      case TESSERA_MODEL_MIN: return signed_before < signed_value ? before : value;
      case TESSERA_MODEL_MAX: return signed_before > signed_value ? before : value;
      case TESSERA_MODEL_UMIN: return before < value ? before : value;
      case TESSERA_MODEL_UMAX: return before > value ? before : value;
      case TESSERA_MODEL_AND: return before & value;
      case TESSERA_MODEL_OR: return before | value;
      case TESSERA_MODEL_XOR: return before ^ value;
      case TESSERA_MODEL_EXCHANGE: return value;
      default: return before == compared ? value : before;
      }
    }
    // Atomic among the processes that may work on a grid.
    template <class T> static u64 change(T *place, i32 operation, u64 value, u64 compared) {
      T before = __atomic_load_n(place, __ATOMIC_RELAXED);
      const bool is_narrow = sizeof(T) == 4;
      const i64 signed_value = is_narrow ? (i64)(i32)value : (i64)value;
      for (;;) {
        const i64 signed_before = is_narrow ? (i64)(i32)before : (i64)before;
        const T after = (T)changed(operation, before, (T)value, (T)compared, signed_before, signed_value);
        if (__atomic_compare_exchange_n(place, &before, after, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
          return before;
      }
    }
    SEEN u64 tessera_model_atomic(i32 operation, void *place, u64 value, u64 compared, i32 bytes) {
      if (has_checks)
        check(place, (u64)bytes, IS_WRITE | IS_ALIGNED | IS_ATOMIC, CALLED_FROM, running);
      if (bytes == 4) return change((u32 *)place, operation, value, compared);
      return change((u64 *)place, operation, value, compared);
    }
    """#
}
