extension ModelText {
  /// Blocks, launches and the job; and what the processor itself reports.
  static let engineMain = #"""
    // The linker's name for where the tables of all texts begin.
    extern "C" const kernel_entry __start_tessera_kernels[];

    // Shared memory is one thread-local block: `extern` memory of the size that a launch gives, and arrays.
    enum { MOST_SHARED = 256 << 10 };
    alignas(64) thread_local u8 tessera_shared[MOST_SHARED];

    static const kernel_entry *kernel;
    static const u64 *arguments;

    static void begin_thread() {
      kernel->call(arguments);
      fibre *self = running;
      self->state = EXITED;
      exited++;
      if (has_checks) check_copies_done(self);
      warps[self->index / 32].ready &= ~(1u << (self->index & 31));
      suspend();
      __builtin_unreachable();
    }

    static void begin_block() {
      block_serial++;
      tick = block_floor = 1;
      has_clocks = false;
      arrived_at_block = exited = barrier_count = bulk_count = 0;
      free_copies = nullptr;
      used_copies = 0;
      memset(slots[0].start, 0xa5, slots[0].bytes);
      if (shared_arrays_bytes) memset(shared_arrays, 0xa5, shared_arrays_bytes);
      for (u32 t = 0; t < threads; t++) {
        u8 *top = stacks + (u64)(t + 1) * STACK_STRIDE - 4096 - t % 32 * 1088;
        fibres[t] = fibre{};
        fibres[t].stack = fresh_stack(top, begin_thread);
        fibres[t].index = t;
        fibres[t].epoch = 1;
      }
      for (u32 w = 0; w < warp_count; w++) {
        const u32 left = threads - w * 32;
        warps[w].exists = warps[w].ready = left >= 32 ? 0xffffffff : (1u << left) - 1;
        warps[w].floor = 1;
        warps[w].meetings = 0;
      }
    }

    static void run_block(u32 number) {
      blockIdx.x = number;
      block_numbers[block_serial + 1 - first_serial_of_launch] = number;
      begin_block();
      u32 last = 32;
      while (exited < threads) {
        u32 ready = 0;
        for (u32 w = 0; w < warp_count; w++) ready |= (u32)(warps[w].ready != 0) << w;
        if (ready) {
          last = pick(ready, last);
          const u32 first = warps[last].ready;
          go(&fibres[last * 32 + pick(first, 32)], &scheduler_stack);
          if (is_stopped) return;
        } else if (bulk_count) {
          complete_bulk_copy(random_bits() % bulk_count);
        } else {
          return explain_standstill(), (void)(is_stopped = true);
        }
      }
      check_bulk_copies_done();
      running = nullptr;
    }

    static void place_slot(slot *at, u64 number, u64 bytes, const u8 *content, bool is_written) {
      const u64 pages = (bytes + 4095) & -4096ul;
      const u64 start = slots_base + (number << SLOT_BITS) + slot_middle;
      at->bytes = bytes;
      at->is_written = is_written;
      // The end of a buffer is near the end of its last page.
      at->start = (u8 *)start + ((pages - bytes) & -256ul);
      if (!bytes) return;
      map(start, pages, READ | WRITE, SHARED);
      if (content) memcpy(at->start, content, bytes);
    }

    static void place_buffers() {
      job_buffer *buffers = (job_buffer *)(head + 1);
      slot_count = (u32)head->buffers + 1;
      if (slot_count > MOST_SLOTS) leave(4);
      for (u32 b = 0; b < head->buffers; b++) {
        slot *at = &slots[b + 1];
        const u64 bytes = (u64)buffers[b].bytes;
        const bool has_contents = buffers[b].place >= 0;
        place_slot(at, b + 1, bytes, has_contents ? job + buffers[b].place : nullptr, buffers[b].is_written);
        const u8 *defined = buffers[b].defined_place < 0 ? nullptr : job + buffers[b].defined_place;
        if (defined)
          for (u64 i = 0; i < bytes; i++)
            if (!defined[i]) at->start[i] = 0xa5;
        if (has_checks && bytes) {
          if (at->is_written) at->history = (byte_history *)map(0, bytes * sizeof(byte_history), READ | WRITE);
          if (at->is_written || defined) {
            at->defined = map(0, bytes, READ | WRITE);
            if (defined) memcpy(at->defined, defined, bytes);
            else if (has_contents) memset(at->defined, 1, bytes);
          }
        }
        if (!at->is_written && bytes) {
          const u64 first = (u64)at->start & -4096ul;
          call(PROTECT, (i64)first, (i64)((bytes + 4095) & -4096ul), READ, 0, 0);
        }
      }
    }
    static void return_buffers() {
      const job_buffer *buffers = (const job_buffer *)(head + 1);
      for (u32 b = 0; b < head->buffers; b++) {
        const slot *at = &slots[b + 1];
        if (!at->is_written || buffers[b].place < 0) continue;
        memcpy(job + buffers[b].place, at->start, at->bytes);
        if (at->defined && buffers[b].defined_place >= 0)
          memcpy(job + buffers[b].defined_place, at->defined, at->bytes);
      }
    }

    // Not before the thread pointer is set, which compilers take for constant.
    static RARE u8 *shared_start() {
      u8 *start = tessera_shared;
      __asm__ volatile("" : "+r"(start)::"memory");
      return start;
    }

    // Thread-local memory lies as the linker laid it out, in the pages of slot 0.
    static void place_shared() {
      struct program_header {
        u32 type, flags;
        u64 offset, place, physical, file_bytes, bytes, alignment;
      };
      extern const u8 __ehdr_start[];
      const program_header *headers = (const program_header *)(__ehdr_start + *(const u64 *)(__ehdr_start + 32));
      const u32 count = *(const u16 *)(__ehdr_start + 56);
      u64 bytes = MOST_SHARED, alignment = 64;
      for (u32 i = 0; i < count; i++)
        if (headers[i].type == 7) {
          bytes = headers[i].bytes;
          alignment = headers[i].alignment > 64 ? headers[i].alignment : 64;
        }
      bytes = (bytes + alignment - 1) & -alignment;
      const u64 start = slots_base + slot_middle;
      map(start - 4096, (bytes + 3 * 4096) & -4096ul, READ | WRITE);
      const u64 pointer = thread_pointer(start, bytes);
      *(u64 *)pointer = pointer;
      set_thread_pointer(pointer);
      u8 *const given = shared_start();
      slots[0].start = given;
      slots[0].is_written = true;
      shared_arrays_bytes = bytes - MOST_SHARED;
      const u64 before = (u64)given - start;
      shared_arrays = before >= shared_arrays_bytes ? (u8 *)start : given + MOST_SHARED;
      if (has_checks) {
        slots[0].history = (byte_history *)map(0, bytes * sizeof(byte_history), READ | WRITE);
        slots[0].history += before;
      }
    }

    // The host asked for what no kernel of these parameters can be given.
    static void refuse(i64 position) {
      report(MISMATCH, 0, 0, nullptr, 0, position);
      is_stopped = true;
    }

    static void run_launch(job_launch *launch, const job_argument *given) {
      static u64 words[256];
      kernel = &__start_tessera_kernels[launch->kernel];
      arguments = words;
      const char *kinds = kernel->kinds;
      i64 parameters = 0;
      while (kinds[parameters]) parameters++;
      if (parameters != launch->arguments || parameters > 256) return refuse(-1);
      for (i64 i = 0; i < parameters; i++) {
        if ("pifp"[given[i].kind] != kinds[i]) return refuse(i);
        words[i] = given[i].kind == IS_BUFFER
            ? (u64)slots[given[i].value + 1].start + (u64)given[i].offset : (u64)given[i].value;
      }
      threads = (u32)launch->block;
      warp_count = (threads + 31) / 32;
      gridDim = index3{(u32)launch->grid, 1, 1};
      blockDim = index3{threads, 1, 1};
      blockIdx = threadIdx = index3{0, 0, 0};
      slots[0].bytes = (u64)launch->shared_bytes;
      first_serial_of_launch = block_serial + 1;
      const u32 grid = gridDim.x;
      if (!grid) return;
      static u32 room;
      if (grid > room) {
        room = 2 * grid;
        block_numbers = (u32 *)map(0, (u64)room * sizeof(u32), READ | WRITE);
      }
      // Shuffled: steps of a length without a factor in common with the grid's, the same in every worker.
      random_state = ((u64)head->seed + launch_number + 1) * 0x9e3779b97f4a7c15;
      u64 step = 1, start = 0;
      if (order == SHUFFLED && grid > 2) {
        auto common = [](u64 a, u64 b) {
          while (b) { const u64 rest = a % b; a = b; b = rest; }
          return a;
        };
        do step = 1 + random_bits() % (grid - 1); while (common(step, grid) != 1);
        start = random_bits() % grid;
      }
      for (u32 i = take_block(); i < grid && !is_stopped && !must_stop(); i = take_block())
        run_block(order == ASCENDING ? i : order == DESCENDING ? grid - 1 - i : (u32)((start + i * step) % grid));
    }

    [[noreturn]] static void finish() {
      if (worker == 0) return_buffers();
      leave(0);
    }

    static void on_signal(i32 number, const u8 *information, const u8 *context) {
      const u64 place = *(const u64 *)(information + 16);
      const u32 line = (u32)*(const u64 *)(context + PROGRAM_COUNTER) + 1;
      const u64 slot_number = (place - slots_base) >> SLOT_BITS;
      enum { ILLEGAL = 4, TRAP = 5, ARITHMETIC = 8, ALARM = 14 };
      if (!running) leave(100 + number);
      if (number == ALARM) report(OUT_OF_TIME, line, 0, nullptr, 0);
      else if (number == ILLEGAL || number == TRAP || number == ARITHMETIC)
        report(TRAPPED, line, 0, nullptr, 0, number);
      else if (is_on_stacks(place)) report(STACK_OVERFLOW, line, 0, nullptr, 0);
      else if (slot_number < slot_count && place - (u64)slots[slot_number].start < slots[slot_number].bytes)
        report(READ_ONLY, line, 0, (const void *)place, 0);
      else report(OUT_OF_BOUNDS, line, 0, (const void *)place, 0, 2);
      stop_workers();
      finish();
    }
    static void catch_signals() {
      struct {
        void *place;
        i32 flags;
        u64 bytes;
      } stack = {map(0, 64 << 10, READ | WRITE), 0, 64 << 10};
      call(SIGALTSTACK, (i64)&stack, 0, 0, 0, 0);
      enum : u64 { ON_STACK = 0x08000000, WITH_INFORMATION = 4, HAS_RESTORER = 0x04000000 };
      struct {
        void (*handler)(i32, const u8 *, const u8 *);
        u64 flags;
        void (*restorer)();
        u64 mask;
      } action = {on_signal, ON_STACK | WITH_INFORMATION | HAS_RESTORER, tessera_model_restore, 0};
    #if !defined(__x86_64__)
      // Where the kernel knows no restorer the mask comes after the flags.
      action.flags &= ~(u64)HAS_RESTORER;
      action.restorer = nullptr;
    #endif
      const i32 numbers[] = {4, 5, 7, 8, 11, 14};
      for (i32 number : numbers) call(SIGACTION, number, (i64)&action, 0, 8, 0);
      // Threads that start programs have signals blocked, and the programs with them.
      const u64 no_signals = 0;
      call(SIGPROCMASK, 2, (i64)&no_signals, 0, 8, 0);
      const i64 timer[4] = {0, 0, head->seconds, 0};
      if (head->seconds) call(SETITIMER, 0, (i64)timer, 0, 0, 0);
    }

    // A session: the host leaves one launch after the other in the mailbox, and both see the same memory at the
    // same addresses.
    struct mailbox {
      u32 request, answer, is_over, unused;
      job_launch launch;
    };
    static void await_request(mailbox *box, u32 known, i64 parent) {
      const i64 second[2] = {1, 0};
      for (u32 turn = 0; __atomic_load_n(&box->request, __ATOMIC_ACQUIRE) == known;) {
        if (++turn <= 4000) continue;
        call(FUTEX, (i64)&box->request, 0, known, (i64)second, 0);
        // The host is gone.
        if (call(PARENT, 0, 0, 0, 0, 0) != parent) leave(0);
      }
    }
    [[noreturn]] static void serve() {
      mailbox *box = (mailbox *)(job + head->mailbox_place);
      const i64 parent = call(PARENT, 0, 0, 0, 0, 0);
      for (u32 known = 0;; known++) {
        if (worker == 0) await_request(box, known, parent);
        meet_workers();
        if (box->is_over || must_stop()) leave(0);
        launch_number = known;
        run_launch(&box->launch, (const job_argument *)(&box->launch + 1));
        if (is_stopped) stop_workers();
        else meet_workers();
        if (is_stopped || must_stop()) leave(0);
        if (worker != 0) continue;
        __atomic_store_n(&box->answer, known + 1, __ATOMIC_RELEASE);
        call(FUTEX, (i64)&box->answer, 1, 1 << 20, 0, 0);
      }
    }
    static void place_shared_memory() {
      const i64 at = call(MAP, head->memory_place, head->memory_bytes, READ | WRITE, SHARED | FIXED | LAZY, 3);
      if (at != head->memory_place) leave(3);
    }

    extern "C" __attribute__((used)) void tessera_model_main() {
      const i64 bytes = call(SEEK, 0, 0, 2, 0, 0);
      const i64 at = bytes < (i64)sizeof(job_head) ? -1 : call(MAP, 0, bytes, READ | WRITE, SHARED, 0);
      if (at < 0) leave(2);
      job = (u8 *)at;
      head = (job_head *)job;
      has_checks = head->has_checks;
      order = (u32)head->order;
      stacks = map(0, STACK_LEAD + (u64)MOST_THREADS * STACK_STRIDE, READ | WRITE) + STACK_LEAD;
      call(PROTECT, (i64)(stacks - STACK_LEAD), STACK_LEAD, NONE, 0, 0);
      for (u32 t = 0; t < MOST_THREADS; t++)
        call(PROTECT, (i64)(stacks + (u64)t * STACK_STRIDE), 4096, NONE, 0, 0);
      place_shared();
      place_buffers();
      if (head->mailbox_place) place_shared_memory();
      begin_workers();
      catch_signals();
      if (head->mailbox_place) serve();
      i64 *word = (i64 *)job + head->first_launch_word;
      for (i64 i = 0; i < head->launches && !is_stopped; i++) {
        launch_number = (u32)i;
        job_launch *launch = (job_launch *)word;
        run_launch(launch, (const job_argument *)(launch + 1));
        word = (i64 *)((job_argument *)(launch + 1) + launch->arguments);
        if (is_stopped) stop_workers();
        else meet_workers();
        is_stopped = is_stopped || must_stop();
        if (!is_stopped && worker == 0) head->finished = i + 1;
      }
      finish();
    }
    """#
}
