extension ModelText {
  /// Copies that go on beside the threads, each as late as the rules allow, and mbarriers.
  static let engineCopies = #"""
    enum { MOST_COPIES = 1 << 16, MOST_BULK_COPIES = 1024 };
    static copy copies[MOST_COPIES];
    static copy *free_copies;
    static u32 used_copies;

    struct mbarrier {
      u64 offset;
      u32 count, missing, phase;
      i64 bytes;
      // What those who wait for a phase's end know, and what arrivals have brought since.
      u32 *done, *gathered;
    };
    static mbarrier barriers[MOST_BARRIERS];
    static u32 barrier_count;
    struct bulk_copy {
      u8 *to;
      const u8 *from;
      u32 bytes, barrier, line, thread;
    };
    static bulk_copy bulk_copies[MOST_BULK_COPIES];
    static u32 bulk_count;

    SEEN void tessera_model_copy_async(void *to, const void *from, u32 bytes) {
      if (!has_checks) return (void)memcpy(to, from, bytes);
      fibre *self = running;
      const u32 line = CALLED_FROM;
      check(from, bytes, IS_ALIGNED, line, self);
      check(to, bytes, IS_WRITE | IS_ALIGNED | IS_ASYNC, line, self);
      if (((u64)to - slots_base) >> SLOT_BITS != 0) fail(OUT_OF_BOUNDS, line, 0, to, bytes, 1);
      copy *fresh = free_copies;
      if (fresh) free_copies = fresh->next;
      else if (used_copies < MOST_COPIES) fresh = &copies[used_copies++];
      else leave(5);
      *fresh = copy{(u8 *)to, (const u8 *)from, bytes, self->groups, line, {}, nullptr};
      memcpy(fresh->value, from, bytes);
      if (self->last_copy) self->last_copy->next = fresh;
      else self->first_copy = fresh;
      self->last_copy = fresh;
    }
    SEEN void tessera_model_copy_commit() { running->groups++; }
    SEEN void tessera_model_copy_wait(u32 groups) {
      fibre *self = running;
      while (self->first_copy && self->first_copy->group + groups < self->groups) {
        copy *done = self->first_copy;
        bool is_same = true;
        for (u32 i = 0; i < done->bytes; i++) {
          is_same = is_same && done->value[i] == done->from[i];
          mark *write = &slots[0].history[done->to + i - slots[0].start].write;
          // Another's write in between was reported; it stays.
          if (!write->is_in_flight || write->thread != self->index) continue;
          done->to[i] = done->from[i];
          write->is_in_flight = 0;
          write->epoch = self->epoch;
        }
        // The source may be read until now.
        if (!is_same) report(OVERWRITE_IN_FLIGHT, done->line, 0, done->from, done->bytes, 2);
        self->first_copy = done->next;
        if (!done->next) self->last_copy = nullptr;
        done->next = free_copies;
        free_copies = done;
      }
    }

    static u32 barrier_at(void *pointer, u32 line) {
      const u64 offset = (u64)pointer - (u64)slots[0].start;
      for (u32 i = 0; i < barrier_count; i++)
        if (barriers[i].offset == offset) return i;
      fail(BARRIER_MISUSE, line, 0, pointer, 8, 0);
    }
    SEEN void tessera_model_barrier_init(void *pointer, u32 count) {
      const u32 line = CALLED_FROM;
      if (has_checks) {
        check(pointer, 8, IS_WRITE | IS_ALIGNED, line, running);
        begin_clocks();
      }
      *(u64 *)pointer = 0;
      const u64 offset = (u64)pointer - (u64)slots[0].start;
      u32 at = 0;
      while (at < barrier_count && barriers[at].offset != offset) at++;
      if (at == MOST_BARRIERS || count == 0) fail(BARRIER_MISUSE, line, 0, pointer, 8, 1);
      mbarrier *made = &barriers[at];
      if (at == barrier_count) {
        barrier_count++;
        if (has_checks && !made->done) {
          made->done = (u32 *)map(0, sizeof(u32) * CLOCK_WIDTH * 2, READ | WRITE);
          made->gathered = made->done + CLOCK_WIDTH;
        }
        made->offset = offset;
      }
      made->count = made->missing = count;
      made->phase = 0;
      made->bytes = 0;
      if (has_checks) memset(made->done, 0, sizeof(u32) * CLOCK_WIDTH * 2);
    }
    // A thread sees the end of a phase, and with it what came before the arrivals.
    static void see_phase(const mbarrier *at, u32 thread) {
      if (!has_checks) return;
      u32 *clock = clocks[thread];
      for (u32 u = 0; u < CLOCK_WIDTH; u++) clock[u] = clock[u] > at->done[u] ? clock[u] : at->done[u];
    }
    // Ends the phase if nothing is missing, and wakes those who wait for it.
    static void end_phase(u32 number) {
      mbarrier *at = &barriers[number];
      if (at->missing || at->bytes) return;
      at->phase++;
      at->missing = at->count;
      if (has_checks) memcpy(at->done, at->gathered, sizeof(u32) * CLOCK_WIDTH);
      for (u32 t = 0; t < threads; t++)
        if (fibres[t].state == AT_BARRIER && fibres[t].barrier == number
            && (at->phase & 1) != fibres[t].parity) {
          see_phase(at, t);
          fibres[t].state = READY;
          warps[t / 32].ready |= 1u << (t & 31);
        }
    }
    SEEN void tessera_model_barrier_arrive(void *pointer, u32 bytes) {
      fibre *self = running;
      const u32 line = CALLED_FROM, number = barrier_at(pointer, line);
      mbarrier *at = &barriers[number];
      if (has_checks) {
        check(pointer, 8, IS_WRITE | IS_ALIGNED | IS_ATOMIC, line, self);
        tick++;
        self->epoch = tick;
        clocks[self->index][self->index] = tick;
        for (u32 u = 0; u < CLOCK_WIDTH; u++) {
          // What a whole warp or block has met for is in no table.
          u32 known = clocks[self->index][u];
          if (u / 32 == self->index / 32 && known < warps[u / 32].floor) known = warps[u / 32].floor;
          if (known > at->gathered[u]) at->gathered[u] = known;
        }
      }
      at->bytes += bytes;
      at->missing--;
      end_phase(number);
    }
    SEEN void tessera_model_barrier_wait(void *pointer, u32 parity) {
      fibre *self = running;
      const u32 line = CALLED_FROM, number = barrier_at(pointer, line);
      mbarrier *at = &barriers[number];
      if (has_checks) check(pointer, 8, IS_WRITE | IS_ALIGNED | IS_ATOMIC, line, self);
      if ((at->phase & 1) == (parity & 1)) {
        self->state = AT_BARRIER;
        self->barrier = number;
        self->parity = parity & 1;
        self->line = line;
        warps[self->index / 32].ready &= ~(1u << (self->index & 31));
        suspend();
      } else {
        see_phase(at, self->index);
      }
    }

    static void complete_bulk_copy(u32 number) {
      const bulk_copy done = bulk_copies[number];
      mbarrier *at = &barriers[done.barrier];
      bulk_copies[number] = bulk_copies[--bulk_count];
      if (has_checks) {
        tick++;
        for (u32 i = 0; i < done.bytes; i++) {
          mark *write = &slots[0].history[done.to + i - slots[0].start].write;
          if (!write->is_in_flight) continue;
          done.to[i] = done.from[i];
          *write = mark{done.line, block_serial, tick, (u16)(COPY_ENGINE + done.barrier), 0, 0};
        }
        at->gathered[COPY_ENGINE + done.barrier] = ++tick;
      } else {
        memcpy(done.to, done.from, done.bytes);
      }
      at->bytes -= done.bytes;
      end_phase(done.barrier);
    }
    SEEN void tessera_model_bulk_copy(void *to, const void *from, u32 bytes, void *pointer) {
      fibre *self = running;
      const u32 line = CALLED_FROM, number = barrier_at(pointer, line);
      if (has_checks) {
        check(from, bytes, 0, line, self);
        check(to, bytes, IS_WRITE | IS_ASYNC, line, self);
        if (((u64)to - slots_base) >> SLOT_BITS != 0) fail(OUT_OF_BOUNDS, line, 0, to, bytes, 1);
        if ((u64)to % 16 || bytes % 16) fail(MISALIGNED, line, 0, to, bytes, 16);
        if ((u64)from % 16) fail(MISALIGNED, line, 0, from, bytes, 16);
      }
      if (bulk_count == MOST_BULK_COPIES) leave(5);
      bulk_copies[bulk_count] = bulk_copy{(u8 *)to, (const u8 *)from, bytes, number, line, self->index};
      bulk_count++;
      if (!has_checks) complete_bulk_copy(bulk_count - 1);
    }

    // A thread ends, and a block: what they started must have been waited for.
    static void check_copies_done(const fibre *self) {
      if (!self->first_copy) return;
      const copy *left = self->first_copy;
      job_report *made = report(NEVER_WAITED, left->line, 0, left->to, left->bytes);
      made->thread = self->index;
    }
    static void check_bulk_copies_done() {
      if (!bulk_count || !has_checks) return;
      const bulk_copy *left = &bulk_copies[0];
      job_report *made = report(NEVER_WAITED, left->line, 0, left->to, left->bytes);
      made->thread = left->thread;
    }
    """#
}
